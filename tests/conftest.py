"""Every test has a lake of its own; nothing is shared and nothing outside its folder is written."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from hypothesis import settings as hypothesis_settings

from pairlake.lake.catalog import connect
from pairlake.lake.project import ROOT
from pairlake.lake.settings import settings

if TYPE_CHECKING:
    from benchmarks.harness.stores import S3

# To verify the signatures of extensions takes a third of a second for each lake that is opened.
# Processes that tests start verify them still, and so does dbt, which connects in its own way.
duckdb.connect = partial(duckdb.connect, config={"allow_unsigned_extensions": True})
# What `dbt parse` left; without it dbt reads all models for each lake, in four seconds.
_PARSED = ROOT / "target" / "partial_parse.msgpack"
if _PARSED.exists():
    os.environ["DBT_PARTIAL_PARSE_FILE_PATH"] = str(_PARSED)

# `make unit` sets it: a lake of a few rows is read twice as fast by one.
THREADS = "PAIRLAKE_THREADS"

# In the background of a shell Ctrl-C is ignored, also by what a test starts there.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes says more of the machine than of the code.
hypothesis_settings.register_profile("unhurried", deadline=None)
hypothesis_settings.load_profile("unhurried")


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """No bytes in a test's name: gzip writes the second, and xdist wants the same everywhere."""
    return argname if isinstance(val, bytes) else None


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object | None) -> None:
    """A process that crashed is a failure, also while it had no test: xdist 3.8 ends well then."""
    if error is not None:
        node.config.pluginmanager.get_plugin("session").testsfailed += 1


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty PAIRLAKE_HOME, and no other setting from outside but how many threads DuckDB has."""
    for name in {name for name in os.environ if name.startswith("PAIRLAKE_")} - {THREADS}:
        monkeypatch.delenv(name)
    folder = tmp_path / "lake"
    monkeypatch.setenv("PAIRLAKE_HOME", str(folder))
    return folder


@pytest.fixture(scope="session")
def _catalog_without_rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The catalog file of a lake that `connect` has just made."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PAIRLAKE_HOME", str(tmp_path_factory.mktemp("without_rows")))
        connect().close()
        made = settings().catalog_file
    # As DuckDB closes it, so that nothing is left in a log beside it.
    with closing(sqlite3.connect(made)) as catalog:
        catalog.execute("pragma wal_checkpoint(truncate)")
    return made


@pytest.fixture
def lake_without_rows(home: Path, _catalog_without_rows: Path) -> None:
    """The test's lake with all its tables: a copy, since to make one takes twice the time."""
    home.mkdir()
    shutil.copy(_catalog_without_rows, settings().catalog_file)
    with closing(sqlite3.connect(settings().catalog_file)) as catalog, catalog:
        catalog.execute("pragma synchronous = off")
        moved = (f"{settings().tables}/",)
        catalog.execute("update ducklake_metadata set value = ? where key = 'data_path'", moved)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3]:
    """An S3 to which the environment leads."""
    # Few tests want it, and it takes a while to import.
    from benchmarks.harness.stores import S3

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
