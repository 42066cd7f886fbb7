"""A dataset is current until something lands, a rule is edited or another recipe is asked for."""

from __future__ import annotations

import time
from pathlib import Path

import pyarrow as pa
import pytest

from lake.append import append
from lake.catalog import connect
from lake.dbt_plugin import build_dataset, dataset_is_current, run_dbt
from lake.errors import JobFailed
from lake.settings import settings


def test_no_stamp_and_none_of_another_lake_makes_a_dataset_current() -> None:
    assert not dataset_is_current()
    connect().close()
    folder = settings().home / "dbt"
    folder.mkdir(parents=True)
    (folder / "built").write_text(settings().recipe)
    assert not dataset_is_current(), "nothing has been built"


def test_what_lands_while_dbt_runs_makes_it_old(monkeypatch: pytest.MonkeyPatch) -> None:
    def beside(*arguments: str, progress: object) -> None:
        append({"raw.crawl_files": pa.table({"path": ["beside"]})})
        con = connect()
        con.execute("create schema if not exists lake.intermediate")
        con.execute("create or replace table lake.intermediate.int_pairs_judged (recipe varchar)")
        con.close()
        time.sleep(0.01)

    connect().close()
    (settings().home / "dbt").mkdir(parents=True)
    monkeypatch.setattr("lake.dbt_plugin.run_dbt", beside)
    build_dataset()
    assert not dataset_is_current()


def test_several_threads_are_refused_before_the_lake_is_opened(home: Path) -> None:
    sentence = r"A lake is built by one thread of dbt, and not by 4: .* `threads: 1` back .*\."
    with pytest.raises(JobFailed, match=rf"^dbt build failed: Database Error\s+{sentence}$"):
        run_dbt("build", "--threads", "4")
    assert not home.joinpath("catalog.sqlite").exists()
