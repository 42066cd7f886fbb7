"""Section 3: what the cleaning of captions costs, beside plain ftfy."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import ftfy

from benchmarks.crawl.ours import extract
from benchmarks.crawl.wats import FileTruth
from benchmarks.harness.processes import interleaved, module
from benchmarks.harness.tables import heading, spread, table
from pairlake.ingest.crawl.captions import clean_caption

_CLEANERS: dict[str, Callable[[str], str]] = {
    "ftfy.fix_text": ftfy.fix_text,
    "clean_caption": clean_caption,
}


def report(folder: Path, truth: FileTruth, runs: int) -> None:
    """Time both cleaners on the distinct alt texts of the file, by turns."""
    path = folder / truth.path
    commands = {name: module("benchmarks.crawl.cleaning", name, path) for name in _CLEANERS}
    answers = interleaved(commands, runs)
    last = answers["clean_caption"][-1]
    heading(f"3. Cleaning: {last['alts']:,} distinct alt texts, {last['ascii']:.0%} of them ASCII")
    rows = []
    for name, found in answers.items():
        micros = [answer["cpu_s"] / answer["alts"] * 1e6 for answer in found]
        rows.append((name, median(micros), spread(micros, 1), found[-1]["changed"]))
    table(("what", "CPU µs per alt, median", "lowest to highest", "alts changed"), rows)


def main() -> None:
    """Time the named cleaner on a file's alt texts; prints one line of JSON."""
    clean = _CLEANERS[sys.argv[1]]
    alts = list(dict.fromkeys(alt for _, _, alt in extract(Path(sys.argv[2]))))
    before = time.process_time()
    cleaned = [clean(alt) for alt in alts]
    seconds = time.process_time() - before
    told = {
        "cpu_s": seconds,
        "alts": len(alts),
        "ascii": sum(alt.isascii() for alt in alts) / len(alts),
        "changed": sum(old != new for old, new in zip(alts, cleaned, strict=True)),
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
