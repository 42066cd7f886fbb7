"""Says where the CPU time of a fetch goes, by profiles of the main thread and of the decoding."""

from __future__ import annotations

import cProfile
import pstats
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from benchmarks.harness.photos import of_its_own
from pairlake.ingest.images.pixels import prepare

# What a profiled function is part of, by a piece of its file or name; the first that fits.
MAIN = {
    "hashing": ("md5", "sha256"),
    "landing (Arrow, DuckDB)": (
        "duckdb",
        "pyarrow",
        "landing.py",
        "append.py",
        "images/attempt.py",
    ),
    "to the decoders and back": ("multiprocessing", "concurrent/futures", "pickle", "posix.write"),
    "sockets, event loop": ("asyncio", "selectors", "socket", "ssl", "epoll"),
    "HTTP (aiohttp, yarl)": ("aiohttp", "yarl", "multidict"),
    "rules and turns": ("ingest/", "protego", "publicsuffix"),
}
DECODING = {
    "resizing (cv2)": ("resize",),
    "colour profiles": ("colours.py", "ImageCms", "_imagingcms"),
    "metadata and damage": ("jpeg_segments", "jpeg_zeros", "pngs.py", "crc32", "search"),
    "decoding JPEGs": ("_strictly", "jpegs.py", "simplejpeg"),
    "encoding": ("encode", "save"),
    "decoding others": ("load", "decode"),
    "headers, EXIF": ("PIL", "open", "exif"),
}


def decoding(folder: Path, count: int) -> Mapping[str, float]:
    """CPU milliseconds for a picture in each part of `pairlake.ingest.images.pixels.prepare`."""
    bodies = [file.read_bytes() for file in sorted(folder.iterdir()) if file.suffix]
    profile = cProfile.Profile()
    for number in range(count):
        body = of_its_own(bodies[number % len(bodies)], number)
        profile.runcall(prepare, body, 256)
    return _shares(pstats.Stats(profile), DECODING, count)


def main_process(file: Path, count: int) -> Mapping[str, float]:
    """The same for the main thread of the process that downloads, of a profile on disk."""
    return _shares(pstats.Stats(str(file)), MAIN, count)


def _shares(
    stats: pstats.Stats, parts: Mapping[str, tuple[str, ...]], count: int
) -> Mapping[str, float]:
    found: defaultdict[str, float] = defaultdict(float)
    table: Mapping[tuple[str, int, str], tuple[int, int, float, float, object]]
    table = vars(stats)["stats"]
    for (place, _, name), (_, _, own_s, _, _) in table.items():
        if "poll" in name or "acquire" in name or "sleep" in name:
            continue  # waiting
        label = f"{place} {name}"
        part = next((p for p, words in parts.items() if any(w in label for w in words)), "the rest")
        found[part] += own_s * 1000 / count
    return dict(sorted(found.items(), key=lambda item: -item[1]))
