"""Prints what was measured as Markdown, with the versions and the machine that it holds for."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

_OURS = (
    "duckdb", "fastwarc", "msgspec", "polars", "pyarrow", "ftfy", "aiohttp", "pillow", "simplejpeg",
)  # fmt: skip


def heading(text: str) -> None:
    """Print the title of a section."""
    print(f"\n## {text}\n", flush=True)


def note(text: str) -> None:
    """Print a line below a table."""
    print(f"\n{text}", flush=True)


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table; all columns but the first are numbers, and stand to the right."""
    print(f"| {' | '.join(columns)} |")
    print(f"|{'|'.join(['---', *['--:'] * (len(columns) - 1)])}|")
    for row in rows:
        print(f"| {' | '.join(map(_cell, row))} |", flush=True)


def spread(values: Sequence[float], digits: int = 2) -> str:
    """Lowest to highest, as a cell."""
    return f"{min(values):,.{digits}f} to {max(values):,.{digits}f}"


def machine(title: str, peer: Mapping[str, str]) -> None:
    """Print on what the figures were made; `peer` are versions in its environment."""
    ours = {name: version(name) for name in _OURS}
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"# {title}\n")
    print(f"- machine: {_processor()}, {os.cpu_count()} cores, {_memory_gb():.0f} GB; load {load}")
    print(f"- pairlake: Python {platform.python_version()}, {_named(ours)}")
    if peer:
        print(f"- peer: {_named(peer)}")
    print("- MB are 1e6 bytes before compression; CPU seconds are user and system together.")


def _named(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in versions.items())


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.2f}" if abs(value) < 100 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _memory_gb() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
