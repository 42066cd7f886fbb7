"""Words the commands that the Python of cc2dataset runs."""

from __future__ import annotations

from pathlib import Path

VERSIONS = ("cc2dataset", "pyspark", "FastWARC", "pysimdjson")


def command(python: Path, *arguments: object) -> list[str]:
    """The command that runs the peer's script; -P keeps our modules off its path."""
    script = Path(__file__).with_name("peer_cc2dataset.py")
    return [str(python), "-P", str(script), *map(str, arguments)]
