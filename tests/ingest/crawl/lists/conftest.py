"""Where a list lies, and where it lands."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "landing"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "list"
