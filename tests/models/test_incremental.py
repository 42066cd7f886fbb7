"""A build that goes on from the last one makes what a build from nothing makes."""

from __future__ import annotations

import random

import pytest

from pairlake.lake.catalog import connect
from pairlake.lake.maintain import tidy
from pairlake.lake.settings import settings
from tests.models import histories
from tests.models.histories import FORGOTTEN, LATE, LAZY, NEW, REFETCHED, TITLED, UNCOMPARED
from tests.models.landed import CRAWL, LATER_CRAWL

RECIPES = ("demo", "no_filter", "demo_near", "cc_open")
# With these the lake holds what the assertions below say; the first ones take nothing away.
ADDED = (
    histories.late_score,
    histories.late_language,
    histories.new_crawl,
    histories.late_old_crawl,
    histories.later_in_src,
    histories.later_as_alt,
    histories.late_licence_of_image,
    histories.late_licence_of_page,
    histories.licence_in_a_later_crawl,
)
CHANGED = (
    histories.refetch,
    histories.late_wish,
    histories.late_site_wish,
    histories.late_directive,
    histories.left_out,
    histories.late_licence_of_file,
    histories.forgotten_page,
    histories.late_page_wish,
    histories.seen_on_a_reserved_page,
    histories.takedown,
    histories.dead_link,
    histories.blocked_picture,
    histories.image_without_its_row,
)


def test_going_on_and_building_anew_come_to_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAIRLAKE_RECIPE", "demo")
    histories.first()
    histories.build()
    before = histories.contents()
    histories.better_attempt()
    histories.build()
    retried, tables = histories.contents(), histories.identities()
    tidy(leave_no_trace=False)
    assert retried != before

    # What went wrong before is still there, for these take nothing away.
    for event in ADDED:
        event()
    histories.build()
    _check_that_it_went_on(tables)
    for event in CHANGED:
        event()
    monkeypatch.setenv("PAIRLAKE_RECIPE", "no_filter")
    histories.build()
    _check_that_no_view_was_read_whole()
    unfiltered = histories.contents()
    monkeypatch.setenv("PAIRLAKE_RECIPE", "demo")
    histories.build()
    gone_on = histories.contents()
    for name in ("intermediate.int_selected_recipe_judging", "marts.pairs"):
        assert unfiltered[name] != gone_on[name]
    assert gone_on["marts.pairs"] != retried["marts.pairs"]
    _check_what_was_added()

    histories.build("--full-refresh")
    _check_that_they_are_the_same(gone_on, histories.contents())
    monkeypatch.setenv("PAIRLAKE_RECIPE", "no_filter")
    histories.build()
    _check_that_they_are_the_same(unfiltered, histories.contents())


def _check_that_it_went_on(tables: dict[str, int]) -> None:
    """That no table is another which a model goes on with: its rows are, where they changed."""
    now = histories.identities()
    going_on = [*histories.models("changed_by"), *histories.models("compared_by")]
    assert len(going_on) > 10
    assert {name: now[name] for name in going_on} == {name: tables[name] for name in going_on}


def _check_that_no_view_was_read_whole() -> None:
    """That pictures were made anew of their own rows, though two views read what they say."""
    (file,) = (settings().home / "dbt" / "target" / "run").rglob("int_images.sql")
    sql = file.read_text()
    assert ("insert into" in sql, "stg_raw__" in sql) == (True, False)


def _check_that_they_are_the_same(one: histories.Contents, other: histories.Contents) -> None:
    assert one.keys() == other.keys()
    assert [name for name in one if one[name] != other[name]] == []


def _check_what_was_added() -> None:
    with connect(read_only=True) as con:
        query = "select caption, image_id, crawl_id, page_url, occurrences from lake.marts.pairs"
        kept = {caption: columns for caption, *columns in con.execute(query).fetchall()}
    assert {UNCOMPARED.caption, NEW.caption} <= kept.keys()
    assert kept[REFETCHED.caption][0] == REFETCHED.image_id
    assert FORGOTTEN.drop_reason is None
    assert FORGOTTEN.caption not in kept
    assert kept[LAZY.caption][1] == "CRAWL-3"
    assert kept[TITLED.caption][1] == LATER_CRAWL
    assert kept[LATE.caption][1:] == [CRAWL, f"https://page.example/{CRAWL}/late.wat", 4]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_any_history_comes_to_what_a_build_from_nothing_makes(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(seed)
    histories.first()
    histories.build()
    for _ in range(10):
        for event in chance.sample(histories.EVENTS, chance.randint(0, 3)):
            event()
        monkeypatch.setenv("PAIRLAKE_RECIPE", chance.choice(RECIPES))
        if chance.random() < 0.3:
            # As a build that is killed: some models have been made, and what they read.
            histories.build("--select", "+" + chance.choice(histories.models("changed_by")))
            continue
        histories.build()
        if chance.random() < 0.3:
            tidy(leave_no_trace=chance.random() < 0.5)
    histories.build()
    gone_on = histories.contents()
    histories.build("--full-refresh")
    _check_that_they_are_the_same(gone_on, histories.contents())
