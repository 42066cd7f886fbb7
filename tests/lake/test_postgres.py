"""A lake whose catalog is in Postgres: several writers and dbt at once, and deaths of each."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

import pyarrow as pa
import pytest

from lake import dbt_plugin
from lake.append import append
from lake.catalog import rows
from lake.errors import BadSetting, LakeUnreadable
from lake.keys import text_id
from lake.maintain import tidy
from lake.settings import settings

PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
# Postgres refuses to run as root.
AS_POSTGRES = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
WRITER = """
import sys
from tests.lake.test_postgres import land
for batch in range(int(sys.argv[2])):
    land(f"{sys.argv[1]} {batch}")
    print(batch, flush=True)
"""
ROWS = 40


class Postgres:
    """A cluster of its own on loopback."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            self.port = taken.getsockname()[1]
        self._call("initdb", "-D", folder / "data", "-A", "trust", "-U", "postgres", "-N")
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = f"-c listen_addresses=127.0.0.1 -c unix_socket_directories= -p {self.port}"
        self._control("start", "-w", "-o", options, "-l", self._folder / "log")

    def stop(self, how: str = "immediate") -> None:
        """End it; `immediate` is as if it had been killed."""
        self._control("stop", "-w", "-m", how)

    def _control(self, *arguments: object) -> None:
        self._call("pg_ctl", "-D", self._folder / "data", *arguments)

    def _call(self, program: str, *arguments: object) -> None:
        command = [*AS_POSTGRES, str(PROGRAMS[-1] / program), *map(str, arguments)]
        subprocess.run(command, check=True, cwd="/", stdout=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    """A Postgres; each test has a database of its own in it."""
    if not PROGRAMS:
        pytest.skip("there is no Postgres in /usr/lib/postgresql")
    # pytest's own folders are closed to others, and Postgres runs as another.
    folder = Path(tempfile.mkdtemp(prefix="pairlake-postgres-"))
    if AS_POSTGRES:
        shutil.chown(folder, "postgres")
    server = Postgres(folder)
    yield server
    server.stop()
    shutil.rmtree(folder)


@pytest.fixture
def catalog(
    postgres: Postgres, home: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> str:
    """The settings of a lake in a database of its own."""
    del home
    name = request.node.name[:60].lower().replace("[", "_").replace("]", "")
    at = f"host=127.0.0.1 port={postgres.port} user=postgres"
    program = str(PROGRAMS[-1] / "psql")
    subprocess.run([program, f"{at} dbname=postgres", "-qc", f"create database {name}"], check=True)
    value = f"postgres:{at} dbname={name}"
    monkeypatch.setenv("PAIRLAKE_CATALOG", value)
    return value


def land(name: str) -> None:
    """One batch of downloads, whose URLs are of that name."""
    ids = [text_id(f"{name} {number}").bytes for number in range(ROWS)]
    uuids = pa.ExtensionArray.from_storage(pa.uuid(), pa.array(ids, pa.binary(16)))
    outcomes = pa.array(["not_found"] * ROWS)
    times = pa.array([0] * ROWS, pa.timestamp("us"))
    append({"raw.downloads": pa.table(
        {"url_id": uuids, "attempted_at": times, "outcome": outcomes}
    )})  # fmt: skip


@contextmanager
def _writer(name: str, batches: int) -> Iterator[tuple[subprocess.Popen[str], IO[str]]]:
    """A process that lands batches, and what it says: the number of each that has landed."""
    command = [sys.executable, "-c", WRITER, name, str(batches)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process, process.stdout
        process.kill()


def _landed() -> tuple[int, int]:
    (found,) = rows("select count(*), count(distinct url_id) from lake.raw.downloads")
    return found[0], found[1]


def test_writers_and_dbt_work_at_once(catalog: str) -> None:
    with ExitStack() as stack:
        writers = [stack.enter_context(_writer(f"writer {number}", 6)) for number in range(3)]
        for _, said in writers:
            said.readline()
        dbt_plugin.run_dbt("build", "--select", "+int_urls_resolved", *_ONLY_MODELS)
        assert [process.wait() for process, _ in writers] == [0, 0, 0]
    assert _landed() == (3 * 6 * ROWS, 3 * 6 * ROWS)
    dbt_plugin.run_dbt("build", "--select", "+int_urls_resolved", *_ONLY_MODELS)
    resolved = rows("select count(*) from lake.intermediate.int_urls_resolved")
    assert resolved == [(3 * 6 * ROWS,)]


def test_a_writer_that_is_killed_leaves_whole_batches(catalog: str) -> None:
    with _writer("victim", 1_000) as (process, said):
        for _ in range(3):
            said.readline()
        process.kill()
        process.wait()
    land("after it")
    landed, distinct = _landed()
    assert landed == distinct
    assert landed % ROWS == 0
    assert landed >= 4 * ROWS


def test_a_catalog_that_dies_loses_nothing_that_was_landed(
    catalog: str, postgres: Postgres
) -> None:
    land("before")
    with _writer("during", 1_000) as (process, said):
        heard = [said.readline() for _ in range(2)]
        postgres.stop()
        heard += said.readlines()
        assert process.wait() != 0
    with pytest.raises(LakeUnreadable, match="see that Postgres runs"):
        _connect_anew()
    postgres.start()
    landed, distinct = _landed_anew()
    assert landed == distinct
    assert landed % ROWS == 0
    # The last one may have been committed without its writer having heard of it.
    assert landed // ROWS - 1 - len(heard) in (0, 1)


def test_upkeep_leaves_the_catalog_to_its_operator(catalog: str) -> None:
    land("one")
    land("two")
    assert "yours to VACUUM and to back up" in str(tidy(leave_no_trace=False))
    assert _landed() == (2 * ROWS, 2 * ROWS)


def test_a_password_in_the_catalog_is_refused_and_not_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PAIRLAKE_CATALOG", "postgres:host=db password=geheim")
    with pytest.raises(BadSetting, match="PGPASSWORD") as caught:
        settings()
    assert "geheim" not in str(caught.value)


_ONLY_MODELS = ("--exclude", "resource_type:test", "resource_type:unit_test")


def _connect_anew() -> None:
    """Reach the catalog as a new process does."""
    command = [sys.executable, "-c", "from lake.catalog import connect; connect()"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise LakeUnreadable(done.stderr)


def _landed_anew() -> tuple[int, int]:
    deadline = time.monotonic() + 30
    while True:
        try:
            _connect_anew()
            return _landed()
        except LakeUnreadable:
            if time.monotonic() > deadline:
                raise
