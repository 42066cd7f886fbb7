"""A score more in the lake's list is on the page without a change of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from pairlake.serve.publish.publish import publish
from pairlake.serve.search.search import Search
from tests.serve.conftest import APPLE, ENCODERS, Blurred, Mart
from tests.serve.web.page.conftest import served
from tests.serve.web.page.test_search import card, state

SHARP = Blurred(caption="a sharp cat", picture="cat", punsafe=0.1, blurriness=0.25)
BLURRED = Blurred(caption="a blurred sea", picture="sea", blurriness=75)
MIDDLING = Blurred(caption="star, at the threshold", picture="star", punsafe=0.5, blurriness=50)


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a lake that lists a score which this version does not know."""
    home = tmp_path_factory.mktemp("rated")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PAIRLAKE_HOME", str(home))
        mart = Mart()
        mart.rate("blurriness", label="blurred", highest=100.0, hidden_above=50.0)
        mart.keep(SHARP, BLURRED, MIDDLING, APPLE)
        mart.con.close()
        publish(progress=lambda _: None)
    return home


@pytest.fixture(scope="module")
def address(shown: Path) -> Iterator[str]:
    """Where the page is served."""
    with served(Search(shown / "search", ENCODERS)) as address:
        yield address


def test_a_score_more_is_a_number_and_a_filter_and_hides(page: Page, address: str) -> None:
    page.goto(f"{address}?q=cat")
    expect(card(page, SHARP).locator(".scores")).to_contain_text("unsafe 0.10")
    expect(card(page, BLURRED).locator(".scores")).to_contain_text("blurred 75")
    expect(card(page, APPLE).locator(".scores")).not_to_contain_text("blurred")
    expect(card(page, BLURRED).locator(".frame")).to_have_class("frame veiled")
    # Above it, not at it, as the search has it.
    expect(card(page, MIDDLING).locator(".frame")).to_have_class("frame")
    expect(page.locator("#safe-help")).to_contain_text("blurred above 50")

    fields = page.get_by_role("group", name="Scores").get_by_role("spinbutton")
    # Of no pair is anything else known.
    expect(fields).to_have_count(2)
    page.get_by_role("spinbutton", name="Blurred ≤").fill("50")
    page.get_by_role("spinbutton", name="Blurred ≤").press("Enter")
    expect(page.locator("#filters bdi")).to_have_text(["blurred ≤ 50"])
    expect(page.locator("#grid > li")).to_have_count(2)
    assert state(page)["where"] == ["blurriness <= 50"]

    page.goto(f"{address}?pair={BLURRED.pair_id}")
    expect(page.locator("#story .frame")).to_have_class("frame veiled")
