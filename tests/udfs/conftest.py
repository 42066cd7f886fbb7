"""Each test of a column job has a lake of its own."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _lake(lake_without_rows: None) -> None:
    """Its tables are there, and empty."""
