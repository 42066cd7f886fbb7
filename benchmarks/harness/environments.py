"""Finds or makes the environment that a peer lives in, apart from ours."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path


def peer_python(build: Path, peer: str, packages: Sequence[str]) -> Path:
    """The Python that BENCH_<PEER>_PYTHON names, or one below `build`, installed if need be."""
    if named := os.environ.get(f"BENCH_{peer.upper()}_PYTHON"):
        return Path(named)
    folder = build / "peers" / peer
    ready, done = folder / "bin" / "python", folder / "installed"
    if not done.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)  # noqa: S603
        install = [str(ready), "-m", "pip", "install", "-qq", *packages]
        subprocess.run(install, check=True)  # noqa: S603
        done.touch()
    return ready
