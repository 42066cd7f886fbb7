"""Prints the benchmark of the dataset's SQL as Markdown: `python -m benchmarks.dataset`."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.dataset.runs import THREADS, Lake, Run, lake
from benchmarks.harness.processes import BUILD, CommandFailed
from benchmarks.harness.tables import heading, machine, note, table

_MILLION = 1_000_000
# What DuckDB may have: in 4 GB fifty million pairs once filled a disk of which 30 GB were free.
_SIZES = {1: "4GB", 10: "4GB", 50: "14GB"}
_QUICK = 100_000
_OTHER_RECIPE = "laion_400m"
_SCORED = 1_000
_SLOWEST = 10
_COLUMNS = ("run", "models s", "models CPU s", "Parquet s", "process s", "peak MB", "spill MB")


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the sizes that the command line asks for, then how the cost grows."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dataset", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few pairs, to see that it runs")
    parser.add_argument(
        "--only", type=int, choices=_SIZES, action="append", help="a size, in millions of pairs"
    )
    asked = parser.parse_args(arguments)
    sizes = {millions * _MILLION: _SIZES[millions] for millions in asked.only or _SIZES}
    if asked.quick:
        sizes = {_QUICK: _SIZES[1]}
    data = BUILD / "bench-dataset"
    data.mkdir(parents=True, exist_ok=True)
    machine("The dataset in SQL, at scale", {})
    print(f"- DuckDB: threads {THREADS}")
    builds = {pairs: _built_or_told(data, pairs, limit) for pairs, limit in sizes.items()}
    _growth({pairs: build for pairs, build in builds.items() if build})
    if None in builds.values():
        raise SystemExit(1)


def _built_or_told(data: Path, pairs: int, memory_limit: str) -> Run | None:
    """The first build of a size, after all its runs; none if one failed, and a line says how."""
    try:
        return _built(data, pairs, memory_limit)
    except CommandFailed as failure:
        lines = [line.strip() for line in str(failure).splitlines()]
        said = [line for line in lines if "Error" in line or "failed" in line]
        note(f"A run failed: {'; '.join(said[-3:])}")
        return None


def _built(data: Path, pairs: int, memory_limit: str) -> Run:
    new = min(pairs, _MILLION)
    with lake(data, memory_limit) as subject:
        heading(f"{pairs:,} pairs in {memory_limit}")
        landing = subject.run("land", pairs)
        note(
            f"Landed in {landing.process_s:,.0f} s, {landing.process_cpu_s:,.0f} CPU s, "
            f"{landing.peak_mb:,.0f} MB; the lake has Parquet files of {subject.size_mb():,.0f} MB."
        )
        build = _reported("first", subject.run("run"), subject)
        other = ("run", "--vars", f"recipe: {_OTHER_RECIPE}")
        _reported("judged again", subject.run(*other), subject)
        _reported("nothing new", subject.run(*other), subject)
        subject.run("score", _SCORED)
        _reported(f"{_SCORED:,} pictures scored", subject.run(*other), subject)
        subject.run("later", pairs, new)
        # Still under that recipe, so that what is built differs by the new pairs alone.
        more = subject.run(*other)
        _reported(f"{new:,} pairs more", more, subject)
        return build


def _reported(title: str, run: Run, subject: Lake) -> Run:
    """The run, after printing what it took: a later one may fail."""
    print()
    figures = (run.wall_s, run.cpu_s, run.published_s, run.process_s, run.peak_mb, run.spill_mb)
    table(_COLUMNS, [(title, *figures)])
    note(
        f"After it the lake has Parquet files of {subject.size_mb():,.0f} MB. "
        f"The {_SLOWEST} models that took most:\n"
    )
    _steps(run)
    return run


def _steps(run: Run) -> None:
    slowest = run.slowest(_SLOWEST)
    rest = len(run.steps) - len(slowest)
    rows: list[tuple[object, ...]] = [(s.name, s.wall_s, s.cpu_s) for s in slowest]
    rows.append(
        (
            f"{rest} others",
            run.wall_s - sum(step.wall_s for step in slowest),
            run.cpu_s - sum(step.cpu_s for step in slowest),
        )
    )
    table(("model", "s", "CPU s"), rows)


def _growth(builds: Mapping[int, Run]) -> None:
    """What a million pairs cost at each size, beside the smallest."""
    if not builds:
        return
    heading("Cost per million pairs")
    costs = [
        (pairs, build.wall_s / pairs * _MILLION, build.cpu_s / pairs * _MILLION)
        for pairs, build in builds.items()
    ]
    _, least_s, least_cpu_s = costs[0]
    table(
        ("pairs", "s a million", "CPU s a million", "s beside the first", "CPU s beside the first"),
        [(f"{pairs:,}", s, cpu_s, s / least_s, cpu_s / least_cpu_s) for pairs, s, cpu_s in costs],
    )


if __name__ == "__main__":
    main()
