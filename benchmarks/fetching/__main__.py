"""Prints the benchmark of `pairlake fetch` as Markdown: `python -m benchmarks.fetching`."""

from __future__ import annotations

import argparse
import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from benchmarks.fetching import profiles, runs
from benchmarks.fetching.server import FAULTS
from benchmarks.harness.peers import peer_python, versions
from benchmarks.harness.photos import photos
from benchmarks.harness.processes import BUILD, Use
from benchmarks.harness.tables import heading, machine, note, table

_COLUMNS = ("run", "images out", "wall s", "CPU s", "images per CPU s", "peak MB of the tree")
_SECTIONS = (1, 2, 3, 4, 5)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the sections that the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fetching", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few images, to see that it runs")
    parser.add_argument("--only", type=int, choices=_SECTIONS, action="append", help="a section")
    asked = parser.parse_args(arguments)
    sections = asked.only or _SECTIONS
    data = BUILD / "bench-fetch"
    photos(data / "photos")
    python = peer_python("img2dataset")
    machine("Images off the web, beside img2dataset", versions(python, *runs.PEER_VERSIONS))
    few, many = (200, 1_000) if asked.quick else (5_000, 50_000)
    if 1 in sections:
        _clean(data, python, (few, many))
    if 2 in sections:
        _tls(data, python, few)
    if 3 in sections:
        _faults(data, many)
    if 4 in sections:
        _hosts(data, 20_000 if not asked.quick else 200)
    if 5 in sections:
        _profile(data, few)


def _clean(data: Path, python: Path, sizes: Sequence[int]) -> None:
    heading("1. Clean http")
    rows, rates = [], {}
    for count in sizes:
        with runs.serving(data) as server:
            urls = [f"{server.base}/image/{number}.jpg" for number in range(count)]
            bare = runs.bare(data, server, count, python)
            use, found = runs.ours(data, server, urls)
            peer = runs.peers(data, server, urls, python)
        images = _images(found)
        rows += [
            _row(f"bare work, {count:,} images", count, bare),
            _row(f"pairlake fetch, {count:,} images", images, use),
            _row(f"img2dataset, {count:,} images", runs.images_of_peers(data), peer),
        ]
        rates[count] = (bare.cpu_s / use.cpu_s, peer.cpu_s / use.cpu_s)
    table(_COLUMNS, rows)
    said = "; ".join(
        f"at {count:,} images {bare:.2f} of the bare work and {peer:.1f} times img2dataset"
        for count, (bare, peer) in rates.items()
    )
    note(f"Images per CPU second of pairlake: {said}. All shrink to a short side of {runs.SIDE}.")


def _tls(data: Path, python: Path, count: int) -> None:
    heading(f"2. The same over TLS, {count:,} images")
    with runs.serving(data, tls=True) as server:
        urls = [f"{server.base}/image/{number}.jpg" for number in range(count)]
        bare = runs.bare(data, server, count, python)
        use, found = runs.ours(data, server, urls)
        peer = runs.peers(data, server, urls, python)
    rows = [
        _row("bare work", count, bare),
        _row("pairlake fetch", _images(found), use),
        _row("img2dataset", runs.images_of_peers(data), peer),
    ]
    table(_COLUMNS, rows)
    note(f"CPU of img2dataset / CPU of pairlake: {peer.cpu_s / use.cpu_s:.1f}.")


def _faults(data: Path, count: int) -> None:
    heading(f"3. A mix of faults, {count:,} URLs")
    rng = random.Random(3)
    kinds = [kind for kind, (share, _) in FAULTS.items() for _ in range(share)]
    kinds += ["image"] * (1_000 - len(kinds))
    with runs.serving(data) as server:
        clean_urls = [f"{server.base}/image/{number}.jpg" for number in range(count)]
        clean, found_clean = runs.ours(data, server, clean_urls)
        urls = [f"{server.base}/{rng.choice(kinds)}/{number}.jpg" for number in range(count)]
        mixed, found = runs.ours(data, server, urls)
    table(
        _COLUMNS, [_row("clean", _images(found_clean), clean), _row("mix", _images(found), mixed)]
    )
    note(f"Wall time of the mix / of the clean run: {mixed.wall_s / clean.wall_s:.2f}.")
    outcomes: dict[str, Counter[str]] = defaultdict(Counter)
    for kind, outcome, number in found:
        outcomes[kind][outcome] += number
    rows = []
    for kind, counts in sorted(outcomes.items()):
        expected = "ok" if kind == "image" else FAULTS[kind][1]
        others = ", ".join(f"{n} {name}" for name, n in counts.items() if name != expected)
        rows.append((kind, expected, counts[expected], others or "none"))
    note("")
    table(("planted", "right outcome", "had it", "had another"), rows)


def _hosts(data: Path, hosts: int) -> None:
    heading(f"4. {5 * hosts:,} images from {hosts:,} hosts, and from one")
    with runs.serving(data) as server:
        port = server.base.rpartition(":")[2]
        many = [
            f"http://www.site{number % hosts}.example:{port}/small/{number}.jpg"
            for number in range(5 * hosts)
        ]
        use, found = runs.ours(data, server, many, hosts=True, PAIRLAKE_FETCH_CONCURRENCY="256")
    kept = _politeness(server.log)
    rows = [(*_row("many hosts", _images(found), use), *kept)]
    with runs.serving(data) as server:
        port = server.base.rpartition(":")[2]
        one = [f"http://one.example:{port}/small/{number}.jpg" for number in range(5 * hosts)]
        use, found = runs.ours(data, server, one, "--minutes", "1", hosts=True)
    kept = _politeness(server.log)
    rows.append((*_row("one host, for a minute", _images(found), use), *kept))
    table((*_COLUMNS, "hosts asked", "least s between two images of one"), rows)
    note("By the server's own log; the settings are the defaults, 0.25 s between two images.")


def _profile(data: Path, count: int) -> None:
    heading(f"5. Where the CPU time goes, {count:,} images over http")
    with runs.serving(data) as server:
        urls = [f"{server.base}/image/{number}.jpg" for number in range(count)]
        found = runs.profiled(data, server, urls)
    for name, parts in (
        ("the main thread", profiles.main_process(found, count)),
        ("decoding, in the other processes", profiles.decoding(data / "photos", count)),
    ):
        total = sum(parts.values())
        rows = [(part, ms, f"{ms / total:.0%}") for part, ms in parts.items()]
        table((name, "ms an image", "share"), [*rows, ("in all", total, "")])
        note("")
    note("By cProfile, which makes Python dearer than it is; batches land on another thread.")


def _politeness(log: Path) -> tuple[int, float]:
    """How many hosts were asked, and the least time between two images of one."""
    moments: dict[str, list[float]] = defaultdict(list)
    for line in log.read_text().splitlines():
        moment, host, path = line.split(" ")
        if path.startswith("/small/"):
            moments[host].append(float(moment))
    gaps = [b - a for times in moments.values() for a, b in pairwise(times)]
    return len(moments), min(gaps, default=0.0)


def _images(found: Sequence[tuple[str, str, int]]) -> int:
    return sum(number for _, outcome, number in found if outcome == "ok")


def _row(name: str, images: int, use: Use) -> tuple[object, ...]:
    return (name, images, use.wall_s, use.cpu_s, images / use.cpu_s, round(use.peak_mb))


if __name__ == "__main__":
    main()
