"""A worklist is read once, from one snapshot, in batches."""

from __future__ import annotations

import pyarrow as pa
import pytest

from pairlake.lake.append import append
from pairlake.lake.catalog import writing
from pairlake.lake.errors import TableMissing
from pairlake.lake.worklist import worklist

pytestmark = pytest.mark.usefixtures("lake_without_rows")

VIEW = "create view lake.intermediate.int_open as select path, crawl_id as model_id "


def _land(count: int) -> None:
    paths = [f"{number:03}" for number in range(count)]
    models = [f"m{number % 2}" for number in range(count)]
    append({"raw.crawl_files": pa.table({"path": paths, "crawl_id": models})})


def test_rows_that_land_meanwhile_do_not_disturb_it() -> None:
    _land(10)
    with writing() as con:
        con.execute("create schema lake.intermediate")
        con.execute(VIEW + "from lake.raw.crawl_files")

    with worklist("int_open", batch_size=4) as work:
        assert work.rows == 10
        sizes = []
        for batch in work.batches:
            sizes.append(batch.num_rows)
            _land(3)
    assert sum(sizes) == 10
    assert max(sizes) <= 4


def test_one_models_rows_can_be_taken() -> None:
    _land(5)
    with writing() as con:
        con.execute("create schema lake.intermediate")
        con.execute(VIEW + "from lake.raw.crawl_files")

    with worklist("int_open", batch_size=4, model_id="m1") as work:
        assert work.rows == 2


def test_before_the_first_build_the_next_step_is_named() -> None:
    with pytest.raises(TableMissing, match="dbt build"), worklist("int_open", batch_size=1):
        pass


def test_a_worklist_of_another_version_wants_a_build(lake_without_rows: None) -> None:
    with writing() as con:
        con.execute("create schema lake.intermediate")
        con.execute("create view lake.intermediate.older as select 1 as url_id")
    with (
        pytest.raises(TableMissing, match="of another version of pairlake; run: dbt build"),
        worklist("older", batch_size=1, read="select host from work"),
    ):
        pass
