"""Every test has a lake of its own; nothing is shared and nothing outside its folder is written."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from hypothesis import settings

from lake.settings import ROOT

if TYPE_CHECKING:
    from benchmarks.stores import S3

# To verify the signatures of extensions takes a third of a second for each lake that is opened.
# Processes that tests start verify them still, and so does dbt, which connects in its own way.
duckdb.connect = partial(duckdb.connect, config={"allow_unsigned_extensions": True})
# What `dbt parse` left; without it dbt reads all models for each lake, in four seconds.
_PARSED = ROOT / "target" / "partial_parse.msgpack"
if _PARSED.exists():
    os.environ["DBT_PARTIAL_PARSE_FILE_PATH"] = str(_PARSED)

# How long an example takes says more of the machine than of the code.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object | None) -> None:
    """A process that crashed is a failure, also while it had no test: xdist 3.8 ends well then."""
    if error is not None:
        node.config.pluginmanager.get_plugin("session").testsfailed += 1


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty PAIRLAKE_HOME, and no other setting from outside."""
    for name in [name for name in os.environ if name.startswith("PAIRLAKE_")]:
        monkeypatch.delenv(name)
    folder = tmp_path / "lake"
    monkeypatch.setenv("PAIRLAKE_HOME", str(folder))
    return folder


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3]:
    """An S3 to which the environment leads."""
    # Few tests want it, and it takes a while to import.
    from benchmarks.stores import S3

    with S3() as server:
        for name, value in server.variables.items():
            monkeypatch.setenv(name, value)
        yield server


@pytest.fixture(scope="module")
def free_port() -> int:
    """A port on loopback that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
