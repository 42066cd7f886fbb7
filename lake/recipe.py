"""The recipe that decides: known to the seed, and the one that the lake was built under."""

from __future__ import annotations

import csv

import duckdb

from pairlake.lake.catalog import rows
from pairlake.lake.errors import BadSetting
from pairlake.lake.project import RECIPES, project
from pairlake.lake.settings import settings


def check_known() -> None:
    """Raise BadSetting if PAIRLAKE_RECIPE is no row of models/seeds/recipes.csv."""
    with (project() / RECIPES).open(newline="") as handle:
        known = [row["recipe"] for row in csv.DictReader(handle)]
    if settings().recipe not in known:
        raise BadSetting(
            f"PAIRLAKE_RECIPE is {settings().recipe!r}, which is no row of "
            f"models/seeds/recipes.csv; there are {', '.join(known)}."
        )


def check_built() -> None:
    """Raise BadSetting if the worklists were built under another recipe than PAIRLAKE_RECIPE."""
    check_known()
    try:
        found = rows("select recipe from lake.intermediate.int_selected_recipe", read_only=True)
    except duckdb.CatalogException:
        return  # nothing is built yet, and the job that needs it says so
    if found and found[0][0] != settings().recipe:
        raise BadSetting(
            f"The lake was built under the recipe {found[0][0]}, and PAIRLAKE_RECIPE is "
            f"{settings().recipe}; run: dbt build"
        )


def why_nothing() -> str | None:
    """A sentence if the last build kept no pair while verdicts were missing; None otherwise."""
    try:
        found = rows(
            "select recipe, pairs, undecided from lake.marts.recipe_comparison "
            "where is_selected and kept = 0 and undecided > 0",
            read_only=True,
        )
    except duckdb.CatalogException:
        return None  # nothing is built yet
    for recipe, pairs, undecided in found:
        return (
            f"Of {pairs:,} pairs the recipe {recipe} keeps none, and {undecided:,} wait for a "
            "download or a score; run: pairlake fetch, pairlake enrich, then dbt build"
        )
    return None
