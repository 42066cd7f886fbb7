"""One crawl's worth on paper, and a slice of it for real: `python -m benchmarks.scale`."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path

import psutil

from benchmarks.dataset.layouts import LAYOUTS, PARTS
from benchmarks.dataset.runs import THREADS, Run, Step, lake
from benchmarks.harness.processes import ROOT
from benchmarks.harness.tables import heading, machine, note, table
from pairlake.lake.plan import Prices, as_text, plan

_MILLION = 1_000_000
_CRAWL_FILES = 90_000
# Pairs of the slice, and the GB that DuckDB may have for them.
_SIZES = {100 * _MILLION: 28, 50 * _MILLION: 14, 10 * _MILLION: 4}
# What the lake and a build take on the disk at most, so far as we have seen.
_BYTES_PER_PAIR = 1_600
_LAYOUT_PAIRS = 10 * _MILLION
_QUICK = 100_000
_DEDUPLICATION = ("int_pairs_deduplicated", "int_pairs_first_pages")
_COLUMNS = ("stage", "of pairs", "s", "CPU s", "MB read", "peak MB", "spill MB")


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the plan, then what the stages of SQL took, then what other layouts would."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few pairs, to see that it runs")
    asked = parser.parse_args(arguments)
    data: Path = ROOT / "build" / "bench-scale"
    data.mkdir(parents=True, exist_ok=True)
    machine("One crawl's worth, and a slice of it", {})
    print(f"- DuckDB: threads {THREADS}")
    heading(f"On paper: {_CRAWL_FILES:,} files")
    print(f"```\n{as_text(plan(files=_CRAWL_FILES), Prices())}\n```")
    pairs = _QUICK if asked.quick else _as_the_machine_allows(data)
    _slice(data, pairs, _SIZES.get(pairs, 4))
    _layouts(data, min(pairs, _LAYOUT_PAIRS))


def _as_the_machine_allows(data: Path) -> int:
    disk, memory = shutil.disk_usage(data).free, psutil.virtual_memory().total
    for pairs, gb in _SIZES.items():
        if pairs * _BYTES_PER_PAIR < disk and gb * 1.4e9 < memory:
            return pairs
    raise SystemExit(f"{min(_SIZES) * _BYTES_PER_PAIR / 1e9:.0f} GB of disk are wanted in {data}.")


def _slice(data: Path, pairs: int, memory_gb: int) -> None:
    """Land, build, land a million more, and build again."""
    new = min(pairs, _MILLION)
    heading(f"For real: {pairs:,} pairs, and {new:,} more, in {memory_gb} GB")
    with lake(data, f"{memory_gb}GB") as subject:
        landing = subject.run("land", pairs)
        first = subject.run("run")
        size_mb = subject.size_mb()
        subject.run("later", pairs, new)
        later = subject.run("run")
    rows = [
        ("landing", f"{pairs:,}", *_per_million(_whole(landing), pairs), *_space(landing)),
        *_stages(first, pairs, "of all"),
        *_stages(later, pairs + new * 4 // 5, f"with {new:,} new"),
    ]
    table(_COLUMNS, rows)
    note(
        "Seconds, CPU seconds and MB read are for a million of the pairs in the second column; "
        f"memory and spill are the process's. The lake's Parquet files had {size_mb:,.0f} MB "
        "before the last landing."
    )


def _stages(run: Run, pairs: int, what: str) -> list[tuple[object, ...]]:
    stages: dict[str, list[Step]] = {"deduplication": [], "judging": [], "publishing": []}
    for step in run.steps:
        stages[_stage(step.name)].append(step)
    return [
        (f"{name}, {what}", f"{pairs:,}", *_per_million(steps, pairs), *_space(run))
        for name, steps in stages.items()
    ]


def _stage(model: str) -> str:
    """Marts are published, with their Parquet copies; what comes before is to judge by."""
    if model in _DEDUPLICATION:
        return "deduplication"
    return "judging" if model.startswith(("int_", "stg_")) else "publishing"


def _whole(run: Run) -> list[Step]:
    return [Step(name="", wall_s=run.process_s, cpu_s=run.process_cpu_s, read_mb=run.read_mb)]


def _per_million(steps: Sequence[Step], pairs: int) -> tuple[float, ...]:
    millions = pairs / _MILLION
    return (
        sum(step.wall_s for step in steps) / millions,
        sum(step.cpu_s for step in steps) / millions,
        sum(step.read_mb for step in steps) / millions,
    )


def _space(run: Run) -> tuple[float, float]:
    return run.peak_mb, run.spill_mb


def _layouts(data: Path, pairs: int) -> None:
    """The same pairs as they land now, sorted by URL in each commit, and in buckets by URL."""
    heading(f"Other layouts: {pairs:,} pairs, in {PARTS} parts")
    rows = []
    with lake(data, "4GB") as subject:
        subject.run("land", pairs)
        for layout in LAYOUTS:
            for what in ("land", "first", "new"):
                run = subject.run("layout", layout, what)
                found = run.process_s, run.process_cpu_s, run.read_mb
                rows.append((f"{layout}: {what}", *found, *_space(run), run.said))
    table(("layout: step", "s", "CPU s", "MB read", "peak MB", "spill MB", "came out"), rows)
    note(
        "`land` copies all commits but the last, `first` keeps the first landing of each pair, "
        "`new` reads the last commit and keeps what is not known yet. Each is a process of its own."
    )


if __name__ == "__main__":
    main()
