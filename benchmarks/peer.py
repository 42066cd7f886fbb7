"""Finds or makes the Python that has cc2dataset, and words the commands that it runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.processes import ROOT, answer

# The wheel of cc2dataset asks for pkg_resources, which later setuptools no longer have.
_PACKAGES = ("cc2dataset==1.5.0", "setuptools<70")
_VARIABLE = "BENCH_CC2DATASET_PYTHON"


def python(build: Path) -> Path:
    """The Python that BENCH_CC2DATASET_PYTHON names, or one below `build`, installed if need be."""
    if named := os.environ.get(_VARIABLE):
        return Path(named)
    folder = build / "peers" / "cc2dataset"
    ready, done = folder / "bin" / "python", folder / "installed"
    if not done.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)  # noqa: S603
        install = [str(ready), "-m", "pip", "install", "-qq", *_PACKAGES]
        subprocess.run(install, check=True)  # noqa: S603
        done.touch()
    return ready


def command(python: Path, *arguments: object) -> list[str]:
    """The command that runs the peer's script; -P keeps our modules off its path."""
    script = ROOT / "benchmarks" / "peer_cc2dataset.py"
    return [str(python), "-P", str(script), *map(str, arguments)]


def versions(python: Path) -> dict[str, str]:
    """What is at work on the peer's side."""
    return answer(command(python, "versions"))
