"""A build that goes on from the last one makes what a build from nothing makes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lake.catalog import connect
from lake.dbt_plugin import run_dbt
from tests.models import landed
from tests.models.landed import CASES, CRAWL, LATER_CRAWL, Case

LATE = Case(caption="seen late", drop_reason=None)
NEW = Case(caption="new in a later crawl", drop_reason=None)
BY_CAPTION = {case.caption: case for case in CASES}
UNCOMPARED = BY_CAPTION["not yet compared"]
REFETCHED = replace(BY_CAPTION["a picture"], picture="another picture", day=2)
FORGOTTEN = BY_CAPTION["eine Beschreibung"]


def late_score() -> None:
    landed.land_found(replace(UNCOMPARED, similarity=0.8))


def refetch() -> None:
    landed.land_found(REFETCHED)


def takedown() -> None:
    landed.take_down(FORGOTTEN.caption)


def new_crawl() -> None:
    landed.land_file((*CASES[:4], NEW), "CRAWL-3", "one.wat")
    landed.land_found(NEW)


def late_old_crawl() -> None:
    """A pair that a later crawl brought first turns up in an earlier one too."""
    landed.land_file((CASES[0], LATE), CRAWL, "late.wat")


def better_attempt() -> None:
    """A file that was cut off is read again, and what it brought before counts no more."""
    landed.land_file(CASES[:6], LATER_CRAWL, "one.wat")


ADDED = (late_score, refetch, takedown, new_crawl, late_old_crawl)
# What was taken in before counts no more, so that the incremental tables are emptied by themselves.
RETRIED = (better_attempt,)
RELATIONS = (
    "intermediate.int_recipe_models",
    "intermediate.int_pairs_deduplicated",
    "intermediate.int_pairs_first_pages",
    "intermediate.int_duplicate_pairs",
    "intermediate.int_pairs_judged",
    "marts.pairs",
    "marts.filter_funnel",
    "marts.recipe_comparison",
    "marts.domain_stats",
)
MADE = ("--select", *(f"+{name.partition('.')[2]}" for name in RELATIONS))


def _contents() -> dict[str, list[tuple[object, ...]]]:
    with connect(read_only=True) as con:
        return {
            name: sorted(con.execute(f"from lake.{name}").fetchall(), key=repr)
            for name in RELATIONS
        }


def _built_on_and_anew() -> dict[str, list[tuple[object, ...]]]:
    """What going on from the last build makes; building from nothing has to make the same."""
    run_dbt("run", *MADE)
    gone_on = _contents()
    run_dbt("run", "--full-refresh", *MADE)
    anew = _contents()
    for name in RELATIONS:
        assert gone_on[name] == anew[name], name
    return anew


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a lake that was filled and built once; one pair is in a later crawl alone."""
    home = tmp_path_factory.mktemp("grown") / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PAIRLAKE_HOME", str(home))
        patch.setenv("PAIRLAKE_RECIPE", "demo")
        landed.land()
        landed.land_file((LATE,), "CRAWL-2b", "one.wat")
        landed.land_found(LATE)
        run_dbt("seed")
        run_dbt("run", *MADE)
    return home


@pytest.mark.parametrize("events", [ADDED, RETRIED], ids=["added", "retried"])
def test_going_on_and_building_anew_come_to_the_same(
    events: tuple[Callable[[], None], ...], lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAIRLAKE_HOME", str(lake))
    monkeypatch.setenv("PAIRLAKE_RECIPE", "demo")
    before = _contents()
    for event in events:
        event()
    after = _built_on_and_anew()
    assert after != before
    if events is RETRIED:
        return
    assert after["marts.pairs"] != before["marts.pairs"]
    with connect(read_only=True) as con:
        query = "select caption, image_id, crawl_id, page_url, occurrences from lake.marts.pairs"
        kept = {caption: columns for caption, *columns in con.execute(query).fetchall()}
    assert {UNCOMPARED.caption, NEW.caption} <= kept.keys()
    assert kept[REFETCHED.caption][0] == REFETCHED.image_id
    assert FORGOTTEN.drop_reason is None
    assert FORGOTTEN.caption not in kept
    assert kept[LATE.caption][1:] == [CRAWL, f"https://page.example/{CRAWL}/late.wat", 4]


def test_another_recipe_and_back_come_to_the_same(
    lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAIRLAKE_HOME", str(lake))
    before = _contents()
    monkeypatch.setenv("PAIRLAKE_RECIPE", "no_filter")
    after = _built_on_and_anew()
    for name in ("intermediate.int_recipe_models", "marts.pairs"):
        assert after[name] != before[name]
    monkeypatch.setenv("PAIRLAKE_RECIPE", "demo")
    run_dbt("run", "--selector", "judging")
    assert _contents() == before
