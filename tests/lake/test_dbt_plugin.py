"""A dataset is current until something lands, a rule is edited or another recipe is asked for."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import patch

import pyarrow as pa
import pytest

from pairlake.lake.append import append
from pairlake.lake.built import dataset_is_current, is_noted, landed_so_far, note, state
from pairlake.lake.catalog import connect
from pairlake.lake.dbt_plugin import build_dataset, run_dbt
from pairlake.lake.errors import BadJob, JobFailed
from pairlake.lake.maintain import tidy
from pairlake.lake.project import lay_out
from pairlake.lake.settings import settings


def test_no_stamp_and_none_of_another_lake_makes_a_dataset_current() -> None:
    assert not dataset_is_current()
    connect().close()
    folder = settings().home / "dbt"
    folder.mkdir(parents=True)
    (folder / "built").write_text(settings().recipe)
    assert not dataset_is_current(), "nothing has been built"


def test_no_clock_says_whether_a_dataset_is_current(monkeypatch: pytest.MonkeyPatch) -> None:
    def built(*arguments: str, progress: object) -> None:
        con = connect()
        con.execute("create schema if not exists lake.intermediate")
        con.execute("create or replace table lake.intermediate.int_pairs_judged (recipe varchar)")
        con.close()

    _land("before")
    (settings().home / "dbt").mkdir(parents=True)
    monkeypatch.setattr("pairlake.lake.dbt_plugin.run_dbt", built)
    build_dataset()
    tidy(leave_no_trace=False)
    assert dataset_is_current()
    # A clock that is put back, or another machine's: what lands is dated before the build.
    _land("after", at=datetime(2001, 1, 1, tzinfo=UTC))
    os.utime(settings().home / "dbt" / "built")
    assert not dataset_is_current()
    build_dataset()
    assert dataset_is_current()
    # A model that was edited then.
    monkeypatch.chdir(_edited(settings().home / "checkout"))
    assert not dataset_is_current()


def test_what_is_noted_holds_until_something_lands() -> None:
    _land("before")
    (settings().home / "dbt").mkdir(parents=True)
    assert not is_noted("published")
    note("published")
    assert is_noted("published")
    assert not is_noted("settled")
    _land("after")
    assert not is_noted("published")


def test_tables_are_counted_anew_only_where_something_has_landed() -> None:
    _land("before")
    with patch("pairlake.lake.built.landed_so_far", wraps=landed_so_far) as counted:
        before = state()
        assert (state(), counted.call_count) == (before, 1)
        _land("after")
        assert state() != before
        assert counted.call_count == 2


def _land(path: str, at: datetime | None = None) -> None:
    with patch("pairlake.lake.append.datetime", wraps=datetime) as clock:
        clock.now.return_value = at or datetime.now(UTC)
        append({"raw.crawl_files": pa.table({"path": [path]})})


def _edited(checkout: Path) -> Path:
    """The models and macros, with a file as it was not before, and all dated long ago."""
    lay_out(checkout)
    with (checkout / "macros" / "rules.sql").open("a") as file:
        file.write("-- another rule")
    for path in checkout.rglob("*"):
        os.utime(path, (0, 0))
    return checkout


def test_what_lands_while_dbt_runs_makes_it_old(monkeypatch: pytest.MonkeyPatch) -> None:
    def beside(*arguments: str, progress: object) -> None:
        append({"raw.crawl_files": pa.table({"path": ["beside"]})})
        con = connect()
        con.execute("create schema if not exists lake.intermediate")
        con.execute("create or replace table lake.intermediate.int_pairs_judged (recipe varchar)")
        con.close()

    connect().close()
    (settings().home / "dbt").mkdir(parents=True)
    monkeypatch.setattr("pairlake.lake.dbt_plugin.run_dbt", beside)
    build_dataset()
    assert not dataset_is_current()


def test_several_threads_are_refused_before_the_lake_is_opened(home: Path) -> None:
    sentence = r"A lake is built by one thread of dbt, and not by 4: .* `threads: 1` back .*\."
    with pytest.raises(JobFailed, match=rf"^dbt build failed: Database Error\s+{sentence}$"):
        run_dbt("build", "--threads", "4")
    assert not home.joinpath("catalog.sqlite").exists()


def test_a_job_that_cannot_be_read_is_a_sentence_of_dbts(monkeypatch: pytest.MonkeyPatch) -> None:
    def imported(*_: object, **__: object) -> None:
        # As the import of the plugin raises it.
        raise BadJob("udfs/image_made_up.py, line 2: '{' was never closed")

    monkeypatch.setattr("dbt.adapters.duckdb.connections.DuckDBConnectionManager._ENV", None)
    monkeypatch.setattr("dbt.adapters.duckdb.plugins.BasePlugin.create", imported)
    with pytest.raises(
        JobFailed, match=r"^dbt seed failed: Database Error\s+udfs/image_made_up\.py"
    ):
        run_dbt("seed", "--select", "recipes")


def test_an_interrupt_leaves_dbt_without_a_word(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("pairlake.lake.dbt_plugin._check_threads", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_dbt("build", "--select", "recipes")
    assert capfd.readouterr() == ("", "")
