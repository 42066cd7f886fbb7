"""What is made bucket by bucket is what is made at once, and stands where a bucket fails."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from pairlake.lake import buckets
from pairlake.lake.catalog import connect
from pairlake.lake.cluster import Machine
from pairlake.lake.dbt_plugin import run_dbt
from pairlake.lake.errors import JobFailed
from pairlake.lake.settings import settings
from tests.models import histories, landed

# Of a handful of rows, in a GB, as many buckets as there are rows, or nearly.
LIMIT, MANY = "1GB", "bucket_bytes: 400000000"
KEPT, LAST = "intermediate.int_pairs_kept", "marts.pairs"
_STAMPS = """
    select schema_name || '.' || table_name, comment
    from duckdb_tables() where database_name = 'lake'
"""
# Of the greatest key, so that it is met in the last bucket.
_BROKEN = """
    create or replace view lake.intermediate.int_pairs_landed as
    select pair_id, if(pair_id = '{}', error('broken')::integer, 1) as occurrences
    from lake.intermediate.int_pairs_deduplicated
"""

Table = tuple[str, list[tuple[object, ...]]]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a lake whose models are made in many buckets."""
    home = tmp_path_factory.mktemp("built") / "home"
    with pytest.MonkeyPatch.context() as patch:
        _live_at(home, patch)
        landed.land()
        run_dbt("run", "--select", f"+{_model(LAST)}", "+pairs_found_only", "--vars", MANY)
    return home


@pytest.fixture(autouse=True)
def at_home(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That lake is the one of the settings."""
    _live_at(built, monkeypatch)


def _live_at(home: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("PAIRLAKE_HOME", str(home))
    patch.setenv("PAIRLAKE_RECIPE", "demo")
    patch.setenv("PAIRLAKE_MEMORY_LIMIT", LIMIT)


def _asking() -> list[str]:
    """The tables that are made in buckets, as schema and name."""
    return histories.models("buckets_by")


def _model(table: str) -> str:
    return table.rpartition(".")[2]


def _tables() -> dict[str, Table]:
    """The stamp and the rows of each model that asks for buckets."""
    with connect(read_only=True) as con:
        stamps = dict(con.execute(_STAMPS).fetchall())
        return {
            name: (
                stamps[name],
                sorted(con.execute(f"from lake.{name}").fetchall(), key=repr),
            )
            for name in _asking()
        }


def test_many_buckets_make_what_one_makes() -> None:
    bucketed = _tables()
    log = settings().home / "dbt" / "logs" / "dbt.log"
    for name in _asking():
        relation = '"."'.join(("lake", *name.split(".")))
        inserts = log.read_text().count(f'insert into "{relation}" by name')
        assert inserts > 2, name
    run_dbt("run", "--full-refresh", "--select", *map(_model, _asking()))
    at_once = _tables()
    for name, (_, rows) in at_once.items():
        assert rows
        assert rows == bucketed[name][1], name
    # How many there are is no part of what a table is made of, so that each is left alone.
    run_dbt("run", "--select", *map(_model, _asking()), "--vars", MANY)
    assert _tables() == at_once


class _Threads:
    """The face of a cluster's Tasks, with room for three calls."""

    workers = 3
    begun = 0

    def __init__(self, *, cpus: int) -> None:
        assert cpus == 2
        self._pool = ThreadPoolExecutor(self.workers)

    def room(self, under_way: int) -> int:
        return self.workers + 1 - under_way

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        _Threads.begun += 1
        return self._pool.submit(function, *arguments)

    def end(self) -> None:
        self._pool.shutdown()


class _Value:
    """The face of what a cluster shares."""

    def __init__(self, value: bytes) -> None:
        self._value = value

    def value(self) -> bytes:
        return self._value


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> type[_Threads]:
    """Threads of this process in place of the processes of a Ray cluster."""
    monkeypatch.setenv("PAIRLAKE_ENGINE", "ray")
    monkeypatch.setattr(buckets, "Tasks", _Threads)
    monkeypatch.setattr(buckets, "Shared", _Value)
    two = [Machine(name=name, cpus=cpus, gpus=0) for name, cpus in (("a", 2), ("b", 4))]
    monkeypatch.setattr(buckets, "machines", lambda: two)
    monkeypatch.setattr(_Threads, "begun", 0)
    return _Threads


def _files() -> tuple[set[str], set[str]]:
    """The files of a table in its folder, and those that the catalog has known of it."""
    folder = Path(settings().tables, *KEPT.split("."))
    with connect(read_only=True) as con:
        known = con.execute(
            "select files.path from __ducklake_metadata_lake.ducklake_data_file as files "
            "inner join __ducklake_metadata_lake.ducklake_table as tables using (table_id) "
            "where table_name = ?",
            [_model(KEPT)],
        ).fetchall()
    return {file.name for file in folder.iterdir()}, {name for (name,) in known}


def test_a_cluster_makes_what_one_machine_makes(cluster: type[_Threads]) -> None:
    before = _tables()
    built = run_dbt("run", "--full-refresh", "--select", *map(_model, _asking()), "--vars", MANY)
    assert built.spread == len(_asking())
    assert built.buckets == cluster.begun
    assert built.buckets % cluster.workers == 0
    made = _tables()
    for name, (_, rows) in made.items():
        assert rows == before[name][1], name
    there, known = _files()
    assert there <= known
    # Few rows, in as many buckets as there are processes.
    cluster.begun = 0
    run_dbt("run", "--full-refresh", "--select", _model(KEPT))
    assert cluster.begun == cluster.workers
    assert _tables()[KEPT][1] == before[KEPT][1]


def test_a_bucket_that_fails_leaves_the_table_as_it_was() -> None:
    before = _tables()
    with connect() as con:
        greatest = con.execute(f"select max(pair_id) from lake.{KEPT}").fetchone()
        con.execute(_BROKEN.format(*greatest or ()))
    with pytest.raises(JobFailed, match="broken"):
        run_dbt("run", "--full-refresh", "--select", _model(KEPT), "--vars", MANY)
    assert _tables() == before


@pytest.mark.usefixtures("cluster")
def test_a_bucket_that_fails_in_a_cluster_leaves_the_table_and_no_file() -> None:
    before = _tables()
    with connect() as con:
        greatest = con.execute(f"select max(pair_id) from lake.{KEPT}").fetchone()
        con.execute(_BROKEN.format(*greatest or ()))
    said = rf"buckets of {KEPT} could not be made \(.*broken.*as it was"
    with pytest.raises(JobFailed, match=said):
        run_dbt("run", "--full-refresh", "--select", _model(KEPT), "--vars", MANY)
    assert _tables() == before
    there, known = _files()
    assert there <= known
