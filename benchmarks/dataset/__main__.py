"""Prints the benchmark of the dataset's SQL as Markdown: `python -m benchmarks.dataset`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.dataset.runs import THREADS, Lake, Run, lake
from benchmarks.processes import ROOT, CommandFailed
from benchmarks.tables import heading, machine, note, table

_MILLION = 1_000_000
# What DuckDB may have: in 4 GB fifty million pairs filled a disk of which 30 GB were free.
_SIZES = {1: "4GB", 10: "4GB", 50: "14GB"}
_QUICK = 100_000
_OTHER_RECIPE = "laion_400m"
_SLOWEST = 10
_COLUMNS = ("models s", "models CPU s", "of it Parquet s", "process s", "peak MB", "spill MB")


@dataclass(frozen=True, kw_only=True)
class _Measured:
    pairs: int
    new: int
    build: Run
    rejudging: Run
    incremental: Run
    refresh: Run


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
    data: Path = ROOT / "build" / "bench-dataset"
    data.mkdir(parents=True, exist_ok=True)
    machine("The dataset in SQL, at scale", {})
    print(f"- DuckDB: threads {THREADS}")
    found = [_measured_or_told(data, pairs, limit) for pairs, limit in sizes.items()]
    _growth([each for each in found if each])
    if not all(found):
        raise SystemExit(1)


def _measured_or_told(data: Path, pairs: int, memory_limit: str) -> _Measured | None:
    """What a size took; none if a run of it failed, and a line says how."""
    try:
        return _measure(data, pairs, memory_limit)
    except CommandFailed as failure:
        lines = [line.strip() for line in str(failure).splitlines()]
        said = [line for line in lines if "Error" in line or "failed" in line]
        note(f"A run failed: {'; '.join(said[-3:])}")
        return None


def _measure(data: Path, pairs: int, memory_limit: str) -> _Measured:
    new = min(pairs, _MILLION)
    with lake(data, memory_limit) as subject:
        heading(f"{pairs:,} pairs in {memory_limit}")
        landing = subject.run("land", pairs)
        note(
            f"Landed in {landing.process_s:,.0f} s, {landing.process_cpu_s:,.0f} CPU s, "
            f"{landing.peak_mb:,.0f} MB; Parquet files of {subject.size_mb():,.0f} MB."
        )
        return _Measured(pairs=pairs, new=new, **_runs(subject, pairs, new))


def _runs(subject: Lake, pairs: int, new: int) -> dict[str, Run]:
    build = _reported("dbt run, first", subject.run("run"))
    rejudging = _reported(f"judged again, {_OTHER_RECIPE}", subject.run("rejudge", _OTHER_RECIPE))
    # Back, so that what is built next differs by the new pairs alone.
    subject.run("run")
    subject.run("later", pairs, new)
    incremental = _reported(f"dbt run, {new:,} pairs more", subject.run("run"))
    refresh = _reported("dbt run --full-refresh", subject.run("run", "--full-refresh"))
    return {
        "build": build,
        "rejudging": rejudging,
        "incremental": incremental,
        "refresh": refresh,
    }


def _reported(title: str, run: Run) -> Run:
    """The run, after printing what it took: a later one may fail."""
    note(f"{title}, and the {_SLOWEST} models that took most:\n")
    figures = (run.wall_s, run.cpu_s, run.published_s, run.process_s, run.peak_mb, run.spill_mb)
    table(_COLUMNS, [figures])
    print()
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


def _growth(found: Sequence[_Measured]) -> None:
    """What a million pairs cost at each size, beside the smallest."""
    if not found:
        return
    heading("Cost per million pairs")
    first = found[0]
    least_s = first.build.wall_s / first.pairs
    least_cpu_s = first.build.cpu_s / first.pairs
    table(
        ("pairs", "s a million", "CPU s a million", "s beside the first", "CPU s beside the first"),
        [
            (
                f"{each.pairs:,}",
                each.build.wall_s / each.pairs * _MILLION,
                each.build.cpu_s / each.pairs * _MILLION,
                each.build.wall_s / each.pairs / least_s,
                each.build.cpu_s / each.pairs / least_cpu_s,
            )
            for each in found
        ],
    )


if __name__ == "__main__":
    main()
