"""A dataset is current until something lands, a rule is edited or another recipe is asked for."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pytest

from lake import catalog
from lake.append import append
from lake.catalog import connect
from lake.dbt_plugin import build_dataset, build_worklists, dataset_is_current, run_dbt
from lake.errors import BadSetting, JobFailed
from lake.recipe import check_built
from lake.settings import settings


def test_what_makes_a_dataset_old(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # What the tests of an empty lake say is not the point, and takes half a minute.
    no_tests = ("--exclude-resource-type", "unit_test", "test")
    monkeypatch.setattr("lake.dbt_plugin._NO_UNIT_TESTS", no_tests)
    assert not dataset_is_current()
    build_dataset()
    assert dataset_is_current()

    append({"raw.crawl_files": pa.table({"path": ["new"]})})
    assert not dataset_is_current()
    os.utime(settings().home / "dbt" / "built")
    assert dataset_is_current(), "built after it landed, as far as the clock tells"

    monkeypatch.setenv("PAIRLAKE_RECIPE", "laion_400m")
    assert not dataset_is_current()
    with pytest.raises(BadSetting, match="built under the recipe laion_5b"):
        check_built()
    build_worklists()
    assert not dataset_is_current(), "the marts are still those of the other recipe"
    check_built()

    catalog._instance.cache_clear()
    settings().catalog_file.unlink()
    shutil.rmtree(settings().tables)
    assert not dataset_is_current(), "the stamp outlived its lake"


def test_what_lands_while_dbt_runs_makes_it_old(monkeypatch: pytest.MonkeyPatch) -> None:
    def beside(*arguments: str) -> None:
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


def test_a_model_that_cannot_be_had_is_named_and_fails_the_command(home: Path) -> None:
    variables = {**os.environ, "PAIRLAKE_RECIPE": "demo", "PAIRLAKE_MODELS": str(home / "none")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PAIRLAKE_RECIPE", "demo")
        build_worklists()
    done = subprocess.run(
        [sys.executable, "-m", "pairlake", "enrich"],
        env=variables,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert "No CLIP model is called 'mini_clip'" in done.stderr
    assert "Traceback" not in done.stderr
    assert "caption_languages: nothing to do" in done.stdout, "the other jobs are done"
