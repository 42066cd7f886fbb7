"""A build that goes on from the last one makes what a build from nothing makes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pairlake.lake.catalog import connect
from pairlake.lake.dbt_plugin import run_dbt
from tests.models import landed
from tests.models.landed import CASES, CRAWL, LATER_CRAWL, Case

LATE = Case(caption="seen late", drop_reason=None)
NEW = Case(caption="new in a later crawl", drop_reason=None)
LAZY = Case(caption="first outside src", drop_reason=None)
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


def later_in_src() -> None:
    """What was loaded late on the first page stands in `src` on a later one, and once more late."""
    landed.land_file((LAZY,), "CRAWL-3", "src.wat", image_source="src")
    landed.land_file((LAZY,), CRAWL, "again.wat", image_source="data-src")


def better_attempt() -> None:
    """A file that was cut off is read again, and what it brought before counts no more.

    So the incremental tables are emptied by themselves.
    """
    landed.land_file(CASES[:6], LATER_CRAWL, "one.wat")


ADDED = (late_score, refetch, takedown, new_crawl, late_old_crawl, later_in_src)
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


def test_going_on_and_building_anew_come_to_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAIRLAKE_RECIPE", "demo")
    landed.land()
    # A pair that is in a later crawl alone.
    landed.land_file((LATE,), "CRAWL-2b", "one.wat")
    landed.land_found(LATE)
    landed.land_file((LAZY,), "CRAWL-1b", "late.warc", image_source="data-src")
    landed.land_found(LAZY)
    run_dbt("build", *MADE, "--exclude-resource-type", "test", "unit_test")
    before = _contents()
    better_attempt()
    run_dbt("run", *MADE)
    retried = _contents()
    assert retried != before

    # What went wrong before is still there, for these take nothing away.
    for event in ADDED:
        event()
    monkeypatch.setenv("PAIRLAKE_RECIPE", "no_filter")
    run_dbt("run", *MADE)
    unfiltered = _contents()
    monkeypatch.setenv("PAIRLAKE_RECIPE", "demo")
    run_dbt("run", *MADE)
    gone_on = _contents()
    for name in ("intermediate.int_recipe_models", "marts.pairs"):
        assert unfiltered[name] != gone_on[name]
    assert gone_on["marts.pairs"] != retried["marts.pairs"]
    _check_what_was_added()

    run_dbt("run", "--full-refresh", *MADE)
    anew = _contents()
    for name in RELATIONS:
        assert gone_on[name] == anew[name], name
    monkeypatch.setenv("PAIRLAKE_RECIPE", "no_filter")
    run_dbt("run", *MADE)
    judged_anew = _contents()
    for name in RELATIONS:
        assert unfiltered[name] == judged_anew[name], name


def _check_what_was_added() -> None:
    with connect(read_only=True) as con:
        query = "select caption, image_id, crawl_id, page_url, occurrences from lake.marts.pairs"
        kept = {caption: columns for caption, *columns in con.execute(query).fetchall()}
    assert {UNCOMPARED.caption, NEW.caption} <= kept.keys()
    assert kept[REFETCHED.caption][0] == REFETCHED.image_id
    assert FORGOTTEN.drop_reason is None
    assert FORGOTTEN.caption not in kept
    assert kept[LAZY.caption][1] == "CRAWL-3"
    assert kept[LATE.caption][1:] == [CRAWL, f"https://page.example/{CRAWL}/late.wat", 4]
