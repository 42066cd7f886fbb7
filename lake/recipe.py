"""The recipe that decides: known to the seed, and the one that the lake was built under."""

from __future__ import annotations

import csv
import shlex
from pathlib import Path

import duckdb

from pairlake.lake.catalog import rows
from pairlake.lake.errors import BadSetting
from pairlake.lake.project import RECIPES, RULES, project, working_folder
from pairlake.lake.settings import settings

# The first line of models/seeds/recipes.csv.
COLUMNS = ["recipe", "like", "rule", "value"]


def check_known() -> None:
    """Raise BadSetting if PAIRLAKE_RECIPE is no recipe of models/seeds/recipes.csv."""
    named = (name.strip() for name, *_ in written(project()))
    known = list(dict.fromkeys(name for name in named if name))
    if not known:
        raise BadSetting(
            f"{RECIPES} has no recipe; write the rows of one below its first line, at least its "
            "source and its duplicates."
        )
    if settings().recipe not in known:
        raise BadSetting(
            f"PAIRLAKE_RECIPE is {settings().recipe!r}, which is no recipe of "
            f"models/seeds/recipes.csv; there are {', '.join(known)}."
        )


def written(at: Path) -> list[list[str]]:
    """The rows of a project's recipes.csv, (recipe, like, rule, value) each.

    Raises BadSetting if it has another form, such as that of before, with a column for each rule.
    """
    file = at / RECIPES
    shown = RECIPES if at == working_folder() else file
    try:
        with file.open(newline="", encoding="utf-8-sig") as handle:
            reader = csv.reader(handle, strict=True)
            header = next(reader, [])
            found = [(reader.line_num, row) for row in reader if row]
    except (OSError, UnicodeError, csv.Error) as error:
        raise BadSetting(f"{shown} cannot be read ({error}); write it as CSV in UTF-8.") from error
    if header != COLUMNS:
        raise BadSetting(_other_form(at, str(shown), header))
    for line, row in found:
        if len(row) != len(COLUMNS):
            raise BadSetting(
                f"{shown} has {len(row)} cells in line {line}, and not {','.join(COLUMNS)}; write "
                "what holds a comma in double quotes, and a comma for each cell that is empty."
            )
    return [row for _, row in found]


def _other_form(at: Path, shown: str, header: list[str]) -> str:
    """What to say of a recipes.csv that begins so."""
    if "recipe" not in header or "rule" in header:
        said = f"{shown} begins with {','.join(header)!r}; its first line is {','.join(COLUMNS)}"
        has_others = any(sign in cell for cell in header for sign in ";\t")
        return f"{said}{': save it with commas between the cells' if has_others else ''}."
    if (at / RULES).is_file():
        command = f"pairlake recipes {shlex.quote(shown)}"
        return f"{shown} has a column for each rule, as it was before; run: {command}"
    return of_older_project(at)


def of_older_project(at: Path) -> str:
    """What to say of a project that has no list of rules."""
    return (
        f"The project in {at} was laid out by an older pairlake, with a column for each rule in "
        f"{RECIPES}; lay it out anew beside it (pairlake init), carry your changes over, and there "
        f"run: pairlake recipes {RECIPES}"
    )


def check_built() -> None:
    """Raise BadSetting if the worklists are not those of the recipe that PAIRLAKE_RECIPE names."""
    check_known()
    try:
        found = rows("select recipe from lake.intermediate.int_selected_recipe")
    except duckdb.CatalogException:
        return  # nothing is built yet, and the job that needs it says so
    except duckdb.InvalidInputException as error:
        raise BadSetting(
            "The last run of dbt was for a recipe that the lake has not; run: dbt build"
        ) from error
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
