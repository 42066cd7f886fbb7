"""Section 5: whether crawling slows down as files gather in the lake."""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import shutil
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.crawl.wats import CRAWL_ID, write_wats
from benchmarks.harness.processes import answer, module
from benchmarks.harness.tables import heading, note, spread, table


def report(data: Path, files: int, megabytes: float, runs: int) -> None:
    """Crawl small files one call at a time into a fresh lake, `runs` times over."""
    folder = data / f"{files}x{megabytes:g}"
    paths = [folder / file.path for file in write_wats(folder, files, megabytes, seed=11)]
    laps = []
    for _ in range(runs):
        shutil.rmtree(data / "lake", ignore_errors=True)
        laps.append(answer(module("benchmarks.crawl.growth", data / "lake", *paths))["laps"])
    heading(f"5. Rate as the lake grows: {files} crawl files of {megabytes:g} MB, one call each")
    spans = {"1st, creates the lake": (0, 1), "2nd to 4th": (1, 4), "8th to 12th": (7, 12)}
    spans |= {f"{files - 4}th to {files}th": (files - 5, files)}
    rows = [(name, *_rates(laps, first, last)) for name, (first, last) in spans.items()]
    columns = ("pairs per CPU s", "lowest to highest", "CPU s a file", "in children", "landing")
    table(("file", *columns), rows)
    note(
        f"Medians of {runs} runs, after imports. Children are processes that read files: what they "
        "cost is mostly their start, which a call for one small file pays in full. Landing is the "
        "CPU of the process that writes to the lake: what grows with the lake grows there."
    )


def _rates(laps: list[list[dict[str, Any]]], first: int, last: int) -> tuple[object, ...]:
    span = [lap for run in laps for lap in run[first:last]]
    totals = [lap["own_s"] + lap["children_s"] for lap in span]
    rates = [lap["pairs"] / total for lap, total in zip(span, totals, strict=True)]
    parts = [median([lap[part] for lap in span]) for part in ("children_s", "own_s")]
    return median(rates), spread(rates, 0), median(totals), *parts


def main() -> None:
    """Crawl the files one by one into a lake in the given folder; prints one line of JSON."""
    home, *paths = sys.argv[1:]
    os.environ["PAIRLAKE_HOME"] = home
    from pairlake.ingest.crawl.job import crawl

    laps = []
    for path in paths:
        own, children = time.process_time(), _children_s()
        summary = crawl([path], crawl_id=CRAWL_ID)
        # Children count from when they were waited for.
        while multiprocessing.active_children():
            time.sleep(0.01)
        lap = {"own_s": time.process_time() - own, "children_s": _children_s() - children}
        laps.append({"pairs": summary.pairs, **lap})
    print(json.dumps({"laps": laps}))


def _children_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
