"""Runs the benchmark of crawling, pairlake beside cc2dataset: `python -m benchmarks.crawl`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from benchmarks.crawl import cleaning, differences, extraction, growth, jobs, peer
from benchmarks.crawl.wats import write_wats
from benchmarks.harness.peers import peer_python, versions
from benchmarks.harness.processes import BUILD
from benchmarks.harness.tables import machine

_SECTIONS = (1, 2, 3, 4, 5)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the sections that the command line asks for, as Markdown."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.crawl", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small files, to see that it runs")
    parser.add_argument(
        "--only", type=int, choices=_SECTIONS, action="append", help="a section; may be repeated"
    )
    asked = parser.parse_args(arguments)
    sections = asked.only or _SECTIONS
    data = BUILD / "bench-crawl"
    data.mkdir(parents=True, exist_ok=True)
    python = peer_python("cc2dataset")
    machine("Crawl files into pairs, beside cc2dataset", versions(python, *peer.VERSIONS))
    megabytes = 10 if asked.quick else 200
    folder = data / f"1x{megabytes}"
    if {1, 2, 3} & set(sections):
        [truth] = write_wats(folder, 1, megabytes, seed=11)
        if 1 in sections:
            extraction.report(folder, truth, python, runs=2 if asked.quick else 5)
        if 2 in sections:
            differences.report(folder, truth, python, data)
        if 3 in sections:
            cleaning.report(folder, truth, runs=2 if asked.quick else 3)
    if 4 in sections:
        sizes = (2.0, 10.0) if asked.quick else (50.0, 200.0)
        jobs.report(data, python, sizes, runs=1 if asked.quick else 3)
    if 5 in sections:
        files, small, runs = (15, 1.0, 1) if asked.quick else (100, 5.0, 3)
        growth.report(data, files, small, runs)


if __name__ == "__main__":
    main()
