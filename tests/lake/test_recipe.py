"""A lake whose last run of dbt was for an unknown recipe says so, without a stack."""

from __future__ import annotations

import pytest

from pairlake.lake.catalog import connect
from pairlake.lake.errors import BadSetting
from pairlake.lake.recipe import check_built


@pytest.mark.usefixtures("lake_without_rows")
def test_a_recipe_that_dbt_did_not_know_is_told() -> None:
    with connect() as con:
        con.execute("create schema if not exists lake.intermediate")
        con.execute(
            "create view lake.intermediate.int_selected_recipe as "
            "select error('There is no recipe dmeo') as recipe"
        )
    with pytest.raises(BadSetting, match="a recipe that the lake has not; run: dbt build"):
        check_built()
