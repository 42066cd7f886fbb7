"""Finds or makes the environment that a peer lives in, apart from ours, and says what is in it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.harness.processes import BUILD, answer

# cc2dataset's wheel and the others' servers ask for pkg_resources, which later setuptools no
# longer have.
PACKAGES = {
    "cc2dataset": ("cc2dataset==1.5.0", "setuptools<70"),
    "img2dataset": ("img2dataset==1.47.0", "setuptools<70", "simplejpeg", "pycurl"),
    "clip_retrieval": (
        "clip-retrieval==2.45.0", "torch==2.13.*", "torchvision==0.28.*", "setuptools<81",
    ),
}  # fmt: skip


def peer_python(peer: str) -> Path:
    """The Python that BENCH_<PEER>_PYTHON names, or one of ours, installed if need be."""
    if named := os.environ.get(f"BENCH_{peer.upper()}_PYTHON"):
        return Path(named)
    folder = BUILD / "peers" / peer
    ready, done = folder / "bin" / "python", folder / "installed"
    if not done.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        install = [str(ready), "-m", "pip", "install", "-qq", *PACKAGES[peer]]
        subprocess.run(install, check=True)
        done.touch()
    return ready


def versions(python: Path, *packages: str) -> dict[str, str]:
    """Which versions of these packages a Python has."""
    code = (
        "import json; from importlib.metadata import version; "
        f"print(json.dumps({{name: version(name) for name in {packages}}}))"
    )
    return answer([str(python), "-c", code])
