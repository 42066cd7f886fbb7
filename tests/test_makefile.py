"""`make` takes the Pythons that pyproject.toml takes; others it refuses, leaving nothing behind."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

from pairlake.lake.project import ROOT

# Answers as another Python of the real one's making; pip is a file that says that it was called.
_PYTHON = """#!/bin/sh
case "$1 $2" in
    -c*) exec {real} -c "import sys; sys.version_info = (3, {minor}, 0); $2" ;;
    "-m venv") mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
    "-m pip") touch pip-was-called ;;
esac
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project to install, and in its folder `path` what its recipes need, but no Python."""
    folder = tmp_path / "project"
    (folder / "path").mkdir(parents=True)
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    for name in ("cp", "make", "mkdir", "rm", "touch"):
        (folder / "path" / name).symlink_to(str(shutil.which(name)))
    return folder


def _python(file: Path, minor: int) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(_PYTHON.format(real=sys.executable, minor=minor))
    file.chmod(0o755)


def _make(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Install the demo; what fails says so in one line, by make itself in another."""
    # Those of the make that runs the tests are not this one's.
    others = {"PYTHON", "MAKEFLAGS", "MAKELEVEL", "MFLAGS"}
    environment = {name: value for name, value in os.environ.items() if name not in others}
    done = subprocess.run(
        ["make", *arguments, ".venv/demo-installed"],
        cwd=project,
        env=environment | {"PATH": str(project / "path")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (project / "pip-was-called").exists() == (done.returncode == 0)
    assert done.returncode == 0 or len(done.stderr.splitlines()) == 2, done.stderr
    return done


@pytest.mark.parametrize("minor", range(10, 16))
def test_a_python_will_do_as_pyproject_says(minor: int, project: Path) -> None:
    required = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    _python(project / "mine", minor)
    done = _make(project, "PYTHON=./mine")
    if SpecifierSet(required).contains(f"3.{minor}"):
        assert done.returncode == 0, done.stderr
        for name in ("Makefile", "README.md"):
            assert f"3.{minor}" in (ROOT / name).read_text()
    else:
        assert "and ./mine is none of these: install one" in done.stderr
        assert not (project / ".venv").exists()


def test_one_that_will_do_is_found_among_others(project: Path) -> None:
    assert "and python3 is none of these" in _make(project).stderr, "there is no Python at all"
    _python(project / "path" / "python3", 14)
    _python(project / "path" / "python3.11", 10)
    assert "and python3 is none of these" in _make(project).stderr
    assert not (project / ".venv").exists()
    _python(project / "path" / "python3.12", 12)
    assert _make(project).returncode == 0


def test_an_environment_of_another_python_is_refused_by_name(project: Path) -> None:
    _python(project / ".venv" / "bin" / "python", 10)
    assert ".venv was made by another: remove that folder" in _make(project).stderr
