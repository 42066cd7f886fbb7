"""A lake whose catalog is in Postgres: several writers and dbt at once, and deaths of each."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.harness.stores import PROGRAMS, Postgres
from benchmarks.harness.stores import postgres as started
from pairlake.lake.built import dataset_is_current
from pairlake.lake.catalog import connect, rows
from pairlake.lake.dbt_plugin import run_dbt
from pairlake.lake.errors import BadSetting, JobFailed, LakeUnreadable
from pairlake.lake.maintain import erasure_is_unfinished, tidy
from pairlake.lake.settings import settings
from tests.lake.writers import MODELS_ALONE, WRITERS, all_writers
from tests.marts import contents
from tests.models import landed


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    """A Postgres; each test has a database of its own in it."""
    if not PROGRAMS:
        pytest.skip("there is no Postgres in /usr/lib/postgresql")
    with started() as server:
        yield server


@pytest.fixture
def catalog(
    postgres: Postgres, home: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> str:
    """The settings of an empty lake in a database of its own."""
    del home
    value = postgres.made(request.node.name[:60])
    monkeypatch.setenv("PAIRLAKE_CATALOG", value)
    monkeypatch.setenv("PAIRLAKE_RECIPE", "demo")
    return value


@pytest.mark.slow
def test_writers_and_dbt_work_at_once(catalog: str, undisturbed: dict[str, dict[str, int]]) -> None:
    # The lake is made by whoever comes first.
    with all_writers() as at_work:
        landed.land_models()
        for _, said in at_work:
            assert said.readline().endswith(".wat\n")
        run_dbt("build", *MODELS_ALONE)
        said_last = [said.readlines()[-1] for _, said in at_work]
        assert [process.wait() for process, _ in at_work] == [0] * WRITERS, said_last
    run_dbt("build", *MODELS_ALONE)
    assert contents() == undisturbed
    # Somebody may have dated rows before the build that he commits after it.
    (settings().home / "dbt" / "built").write_text(settings().recipe)
    assert not dataset_is_current()


@pytest.mark.slow
def test_deaths_of_writers_and_of_the_catalog_change_no_mart(
    catalog: str, postgres: Postgres, undisturbed: dict[str, dict[str, int]]
) -> None:
    landed.land_models()
    moments = random.Random(8)
    for victim in ("catalog", "writer", "catalog"):
        with all_writers() as at_work:
            process, said = at_work[moments.randrange(WRITERS)]
            for _ in range(moments.randint(1, 3)):
                assert not said.readline().startswith("Traceback")
            time.sleep(moments.random() / 10)
            if victim == "writer":
                process.kill()
            else:
                postgres.stop()
                for _, output in at_work:
                    assert "see that" in output.readlines()[-1]
                with pytest.raises(LakeUnreadable, match="see that Postgres runs"):
                    _connect_anew()
                postgres.start()
    with all_writers() as at_work:
        for process, output in at_work:
            told = output.read()
            assert process.wait() == 0, told
    run_dbt("build", *MODELS_ALONE)
    assert contents() == undisturbed


def _connect_anew() -> None:
    """Reach the catalog as a new process does."""
    command = [sys.executable, "-c", "from pairlake.lake.catalog import connect; connect()"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise LakeUnreadable(done.stderr)


def test_upkeep_erases_from_the_catalog_and_leaves_backups_to_others(
    catalog: str, postgres: Postgres
) -> None:
    landed.land_file(landed.CASES, landed.CRAWL, "one.wat")
    # So few rows lie in the catalog itself, and of each file it has the least and greatest URL;
    # Postgres quotes both in its statistics, in which a table that is empty since stays.
    landed.land_file(landed.CASES[:5], landed.CRAWL, "two.wat")
    trace = landed.CASES[4].image_url.encode()
    postgres.execute("analyze", catalog)
    assert "yours to back up" in str(tidy(leave_no_trace=False))
    database = postgres.folder_of(catalog)
    statistics = postgres.execute("select pg_relation_filepath('pg_statistic')", catalog)
    # It writes its pages when it ends.
    postgres.stop("fast")
    assert postgres.folder / statistics.strip() in _holding(database, trace)
    postgres.start()
    con = connect()
    con.execute("update lake.raw.image_text_pairs set image_url = null")
    con.close()
    tidy(leave_no_trace=True)
    postgres.stop("fast")
    assert not _holding(database, trace)
    postgres.start()
    assert rows("select count(*) from lake.raw.image_text_pairs") == [(len(landed.CASES) + 5,)]


def test_only_the_owner_erases(
    catalog: str, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    postgres.execute("create role guest login; grant all on schema public to guest", catalog)
    monkeypatch.setenv("PAIRLAKE_CATALOG", catalog.replace("user=postgres", "user=guest"))
    landed.land_models()
    tidy(leave_no_trace=False)
    with pytest.raises(JobFailed, match="run pairlake maintain as that role"):
        tidy(leave_no_trace=True)
    assert len(rows("select * from ducklake_snapshots('lake')")) > 1, "nothing was begun"

    database = catalog.rpartition("=")[2]
    postgres.execute(f"alter database {database} owner to guest", catalog)
    postgres.execute("create view theirs as select path from ducklake_data_file", catalog)
    with pytest.raises(JobFailed, match=r"anew \(cannot alter type of .* view or rule\), and"):
        tidy(leave_no_trace=True)
    assert erasure_is_unfinished()
    postgres.execute("drop view theirs", catalog)
    tidy(leave_no_trace=True)
    assert not erasure_is_unfinished()


def _holding(database: Path, trace: bytes) -> list[Path]:
    """The files of a database that hold some bytes."""
    return [path for path in database.iterdir() if trace in path.read_bytes()]


@pytest.mark.parametrize(
    "value",
    [
        "postgres:host=db password=geheim",
        "postgres:host=db passwd = geheim",
        "postgres:postgresql://me:geheim@db/lake",
        "postgres://me:ge/heim@db/lake",
        "postgresql://db/lake?pass%77ord=geheim",
        "me:geheim@db",
    ],
)
def test_a_password_in_the_catalog_is_refused_and_not_shown(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAIRLAKE_CATALOG", value)
    with pytest.raises(BadSetting) as caught:
        settings()
    assert "heim" not in str(caught.value)


@pytest.mark.parametrize(
    "value",
    ["postgres:host=db passfile=/me/pass dbname=passages", "postgresql://me@db:5432/lake"],
)
def test_other_connection_strings_are_taken(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAIRLAKE_CATALOG", value)
    assert settings().catalog == f"postgres:{value.removeprefix('postgres:')}"


def test_a_connection_that_fails_does_not_repeat_its_string(
    free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAIRLAKE_CATALOG", f"postgres:host=127.0.0.1 port={free_port} user=someone")
    with pytest.raises(LakeUnreadable, match="see that Postgres runs") as caught:
        connect()
    assert "someone" not in str(caught.value)
