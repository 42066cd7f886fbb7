"""Finds or makes the Python that has cc2dataset, and words the commands that it runs."""

from __future__ import annotations

from pathlib import Path

from benchmarks.harness.environments import peer_python
from benchmarks.harness.processes import ROOT, answer

# The wheel of cc2dataset asks for pkg_resources, which later setuptools no longer have.
_PACKAGES = ("cc2dataset==1.5.0", "setuptools<70")


def python(build: Path) -> Path:
    """The Python that has cc2dataset (benchmarks/harness/environments.py)."""
    return peer_python(build, "cc2dataset", _PACKAGES)


def command(python: Path, *arguments: object) -> list[str]:
    """The command that runs the peer's script; -P keeps our modules off its path."""
    script = ROOT / "benchmarks" / "crawl" / "peer_cc2dataset.py"
    return [str(python), "-P", str(script), *map(str, arguments)]


def versions(python: Path) -> dict[str, str]:
    """What is at work on the peer's side."""
    return answer(command(python, "versions"))
