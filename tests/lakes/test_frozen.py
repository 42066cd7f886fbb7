"""Lakes of earlier versions open today, build, and come to the verdicts that they had."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

import pytest

from pairlake.lake import query
from pairlake.lake.catalog import connect
from pairlake.lake.dbt_plugin import run_dbt
from tests.lakes.freeze import LAKES, RECIPE, as_text, thaw

FROZEN = sorted(catalog.parent for catalog in LAKES.glob("*/catalog.sqlite"))
# Rows that come with a seed's: those of later recipes stand beside those that there were.
SEEDED = {"marts.recipe_comparison": "recipe"}
INCREMENTAL = (
    "intermediate.int_pairs_deduplicated",
    "intermediate.int_pairs_first_pages",
    "marts.pairs",
)


@pytest.mark.parametrize("frozen", FROZEN, ids=lambda folder: folder.name)
def test_a_lake_of_an_earlier_version_comes_to_the_verdicts_that_it_had(
    frozen: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_it_lies = _digests(frozen)
    thaw(frozen, home)
    monkeypatch.setenv("PAIRLAKE_RECIPE", RECIPE)
    # By a reader first, before anything is written.
    assert query.count("select count(*) from pairs") > 0
    assert query.count("select count(*) from raw.image_pixels") > 0

    # Its incremental tables have not taken in all that has landed.
    run_dbt("build", "--resource-type", "seed", "model")
    _assert_as_frozen(frozen / "verdicts")
    assert _digests(frozen) == as_it_lies


@pytest.mark.slow
@pytest.mark.parametrize("frozen", FROZEN, ids=lambda folder: folder.name)
def test_going_on_in_an_earlier_lake_is_building_it_anew(
    frozen: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    thaw(frozen, home)
    monkeypatch.setenv("PAIRLAKE_RECIPE", RECIPE)
    run_dbt("build", "--resource-type", "seed", "model")
    gone_on = _contents()
    names = [name.partition(".")[2] for name in INCREMENTAL]
    run_dbt("run", "--full-refresh", "--select", *names)
    assert _contents() == gone_on


def _assert_as_frozen(verdicts: Path) -> None:
    """Every relation has the rows that it had, in the columns that it had."""
    con = connect(read_only=True)
    for file in sorted(verdicts.iterdir()):
        was = con.sql(f"from read_csv('{file}', all_varchar = true, allow_quoted_nulls = false)")
        now = con.sql(as_text(file.stem, was.columns))
        if key := SEEDED.get(file.stem):
            now = now.join(was.select(key), key, "semi")
        before, today = Counter(was.fetchall()), Counter(now.fetchall())
        assert (before - today, today - before) == (Counter(), Counter()), file.stem
    con.close()


def _contents() -> dict[str, list[tuple[object, ...]]]:
    con = connect(read_only=True)
    found = {name: con.sql(f"from lake.{name} order by all").fetchall() for name in INCREMENTAL}
    con.close()
    return found


def _digests(folder: Path) -> dict[Path, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
