"""Section 4: the whole job on a crawl, as a user starts it, at two sizes."""

from __future__ import annotations

import re
from pathlib import Path
from statistics import median

from benchmarks.crawl import peer
from benchmarks.crawl.wats import CRAWL_ID, FileTruth, write_wats
from benchmarks.harness.processes import Use, clean_environment, fresh, measured, module
from benchmarks.harness.tables import heading, note, spread, table

_FILES = 4
_COLUMNS = (
    "job", "runs", "rows out", "wall s", "CPU s, median", "lowest to highest", "sampled CPU s",
    "peak MB of the tree", "of one process", "processes", "MB per CPU s",
)  # fmt: skip


def report(data: Path, python: Path, sizes: tuple[float, float], runs: int) -> None:
    """Run both jobs on four files of each size: ours `runs` times, the peer's one time less."""
    small, large = sizes
    heading(f"4. Whole job: {_FILES} crawl files of {small:g} MB, and of {large:g} MB")
    rows, cpu = [], {}
    for size in sizes:
        folder = data / f"{_FILES}x{size:g}"
        truth = write_wats(folder, _FILES, size, seed=11)
        uses = {"pairlake crawl": [], "cc2dataset": []}  # type: dict[str, list[tuple[int, Use]]]
        for turn in range(runs):
            uses["pairlake crawl"].append(_ours(data, folder))
            if turn < max(1, runs - 1):
                uses["cc2dataset"].append(_peers(data, folder, python))
        for name, found in uses.items():
            cpu[name, size] = median([use.cpu_s for _, use in found])
            rows.append(_row(f"{name}, {_FILES} x {size:g} MB", found, truth))
    table(_COLUMNS, rows)
    _compare(cpu, small, large)


def _compare(cpu: dict[tuple[str, float], float], small: float, large: float) -> None:
    """Fixed cost and slope: the line through the two sizes."""
    rows, slopes = [], {}
    for name in ("pairlake crawl", "cc2dataset"):
        slope = (cpu[name, large] - cpu[name, small]) / (_FILES * (large - small))
        slopes[name] = slope
        fixed = cpu[name, small] - slope * _FILES * small
        rate = 1 / slope if slope > 0 else "noise"
        rows.append((name, fixed, slope * 200, rate))
    note("")
    table(("job", "fixed CPU s", "CPU s per 200 MB", "MB per CPU s without the fixed part"), rows)
    ratios = [
        f"{cpu['cc2dataset', size] / cpu['pairlake crawl', size]:.1f} at {_FILES} x {size:g} MB"
        for size in (small, large)
    ]
    if all(slope > 0 for slope in slopes.values()):
        beyond = slopes["cc2dataset"] / slopes["pairlake crawl"]
        ratios.append(f"{beyond:.2f} per MB beyond the fixed cost")
    note(
        f"CPU of cc2dataset / CPU of pairlake: {', '.join(ratios)}. The rows differ: cc2dataset "
        "writes distinct URL and alt over all files, pairlake distinct URL and cleaned caption per "
        "file, with the sightings of each. cc2dataset ran with shuffle=False, as pairlake does "
        "not shuffle; it reads the crawl from a folder, and nothing else of it is changed."
    )


def _row(name: str, found: list[tuple[int, Use]], truth: list[FileTruth]) -> tuple[object, ...]:
    uses = [use for _, use in found]
    cpu = [use.cpu_s for use in uses]
    return (
        name, len(uses), found[-1][0], median([use.wall_s for use in uses]), median(cpu),
        spread(cpu, 1), median([use.sampled_cpu_s for use in uses]),
        max(use.peak_mb for use in uses), max(use.largest_mb for use in uses),
        max(use.processes for use in uses),
        sum(file.raw_bytes for file in truth) / 1e6 / median(cpu),
    )  # fmt: skip


def _ours(data: Path, folder: Path) -> tuple[int, Use]:
    home = fresh(data / "lake")
    environment = clean_environment(PAIRLAKE_HOME=str(home), PAIRLAKE_CRAWL_ROOT=str(folder))
    command = module("pairlake", "crawl", "--crawl", CRAWL_ID, "--files", "all")
    use = measured(command, home, environment)
    told = re.search(r"([\d,]+) pairs", use.output)
    if told is None:
        raise ValueError(f"pairlake did not say how many pairs landed: {use.output!r}")
    return int(told[1].replace(",", "")), use


def _peers(data: Path, folder: Path, python: Path) -> tuple[int, Use]:
    out = fresh(data / "spark")
    environment = clean_environment(SPARK_LOCAL_DIRS=str(out / "local"))
    use = measured(peer.command(python, "job", folder, out / "rows"), out, environment)
    return use.told["rows"], use
