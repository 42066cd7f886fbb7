"""The page finds: words, filters and terms to steer by, all of them in the address."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from pairlake.serve.search.search import Search
from tests.serve.conftest import APPLE, CAT, ENCODERS, HOSTILE, POMME, SEA, Pair
from tests.serve.web.page.conftest import NAKED, PICTURES, served


def card(page: Page, pair: Pair) -> Locator:
    """The card of a pair."""
    return page.locator(f'#grid > [data-pair="{pair.pair_id}"]')


def state(page: Page) -> dict[str, list[str]]:
    """What stands in the address bar."""
    return parse_qs(urlsplit(page.url).query)


def test_a_search_shows_pictures_and_keeps_its_state_in_the_address(
    page: Page, address: str
) -> None:
    expect(page.locator("#about")).to_contain_text("recipe demo")
    page.get_by_role("searchbox").fill("cat")
    page.get_by_role("searchbox").press("Enter")
    first = page.locator("#grid > li").first
    expect(first.locator(".caption")).to_have_text(CAT.caption)
    expect(first.locator(".language")).to_have_text("English")
    expect(first.locator("img")).to_have_js_property("naturalWidth", 256)
    expect(page.locator("#status")).to_contain_text("The first 48 pictures, best first")
    assert page.url == f"{address}?q=cat"
    expect(page).to_have_title("cat · pairlake")

    page.locator("#split").select_option("multi")
    expect(page.locator(".caption")).to_have_text([POMME.caption])
    assert state(page) == {"q": ["cat"], "where": ["split = multi"]}

    page.go_back()
    expect(page.locator("#grid > li")).to_have_count(48)
    expect(page.locator("#split")).to_have_value("")
    page.go_forward()
    expect(page.locator("#grid > li")).to_have_count(1)
    page.reload()
    expect(page.get_by_role("searchbox")).to_have_value("cat")
    expect(page.locator(".caption")).to_have_text([POMME.caption])


def test_filters_are_fields_and_chips(page: Page, address: str) -> None:
    page.goto(f"{address}?q=apple")
    page.get_by_text("Languages", exact=True).click()
    page.get_by_role("checkbox", name="French").or_(page.locator("#languages input")).first.check()
    page.get_by_role("spinbutton", name="Width ≥").fill("200")
    page.get_by_role("spinbutton", name="Width ≥").press("Enter")
    page.get_by_role("spinbutton", name="Unsafe ≤").fill("0.95")
    page.get_by_role("spinbutton", name="Unsafe ≤").press("Enter")
    page.get_by_role("checkbox", name="Licence stated").check()
    page.get_by_label("Domain").fill("images.example")
    page.get_by_label("Any other").fill("caption contains peeled")
    page.get_by_role("button", name="Add").click()
    expect(page.locator(".caption")).to_have_text([NAKED.caption])
    assert state(page)["where"] == [
        "language = en",
        "width >= 200",
        "punsafe <= 0.95",
        "license_url is not null",
        "domain = images.example",
        "caption contains peeled",
    ]
    expect(page.locator("#filters bdi")).to_have_text(
        [
            "language: English",
            "width ≥ 200",
            "unsafe ≤ 0.95",
            "licence stated",
            "domain = images.example",
            "caption contains peeled",
        ]
    )
    page.reload()
    expect(page.get_by_role("spinbutton", name="Width ≥")).to_have_value("200")
    expect(page.get_by_role("checkbox", name="Licence stated")).to_be_checked()
    for label in ("licence stated", "unsafe ≤ 0.95", "caption contains peeled"):
        page.get_by_role("button", name=f"Remove the filter {label}").click()
    expect(page.get_by_role("checkbox", name="Licence stated")).not_to_be_checked()
    expect(page.get_by_role("spinbutton", name="Unsafe ≤")).to_have_value("")
    expect(page.locator("#grid > li")).to_have_count(48)


def test_terms_steer_and_turn(page: Page, address: str) -> None:
    page.goto(f"{address}?q=cat")
    page.get_by_label("A term to steer by").fill("apple")
    page.get_by_role("button", name="Less of this term").click()
    assert state(page) == {"q": ["cat"], "not": ["apple"]}
    page.get_by_role("button", name="Less of apple; turn to more").click()
    assert state(page) == {"q": ["cat", "apple"]}
    expect(page.locator("#grid .caption").first).not_to_have_text(SEA.caption)
    expect(page.get_by_role("searchbox")).to_have_value("cat")
    card(page, CAT).get_by_label("Steer away from this picture").click()
    assert state(page)["unlike"] == [str(CAT.pair_id)]
    # A picture of the query is not shown among its results.
    expect(card(page, CAT)).to_have_count(0)
    expect(page.locator("#parts img")).to_have_js_property("naturalWidth", 256)
    page.get_by_role("button", name="Remove a picture").click()
    page.get_by_role("button", name="Remove apple").click()
    assert state(page) == {"q": ["cat"]}


def test_similar_pictures_and_captions_are_one_click_away(page: Page, address: str) -> None:
    page.goto(f"{address}?q=apple&where=split+%3D+en&safe=off")
    card(page, APPLE).get_by_role("link", name="Similar").click()
    expect(card(page, APPLE)).to_have_count(0)
    expect(page.locator("#grid > li").first).to_be_visible()
    assert state(page) == {
        "like": [str(APPLE.pair_id)],
        "where": ["split = en"],
        "safe": ["off"],
    }
    expect(page).to_have_title("Similar pictures · pairlake")
    card(page, CAT).get_by_role("link", name="Caption").click()
    expect(page.get_by_role("searchbox")).to_have_value(CAT.caption)
    expect(page.locator("#grid .caption").first).to_have_text(CAT.caption)
    page.get_by_label("Search in").select_option("caption")
    expect(page.locator("#status")).to_contain_text("by their captions")
    page.get_by_label("Match words too").check()
    page.get_by_label("Same picture").select_option("none")
    expect(page.locator("#status")).to_contain_text("pairs")
    assert (state(page)["by"], state(page)["hybrid"], state(page)["fold"]) == (
        ["caption"],
        ["1"],
        ["none"],
    )


def test_the_aesthetic_weight_is_in_the_address(page: Page, address: str) -> None:
    page.goto(f"{address}?q=apple&where=split+%3D+en")
    expect(page.locator("#about")).to_contain_text("recipe demo")
    expect(page.locator("#grid > li").first).to_be_visible()
    slider = page.get_by_label("Prefer aesthetic")
    slider.focus()
    slider.press("End")
    page.wait_for_url("**aesthetic=1**")
    # The tests' aesthetic head likes stars.
    expect(card(page, HOSTILE)).to_be_visible()
    page.go_back()
    expect(page.locator("#aesthetic-shown")).to_have_text("0.00")


def test_more_results_come_as_one_scrolls(page: Page, address: str) -> None:
    page.goto(f"{address}?q=cat")
    expect(page.locator("#grid > li")).to_have_count(48)
    page.get_by_role("button", name="More results").scroll_into_view_if_needed()
    expect(page.locator("#grid > li")).to_have_count(PICTURES)
    expect(page.locator("#status")).to_contain_text(f"{PICTURES} pictures, best first; there are")
    expect(page.get_by_role("button", name="More results")).to_be_hidden()
    shown = page.locator("#grid > li").evaluate_all("all => all.map(one => one.dataset.pair)")
    assert len(set(shown)) == PICTURES
    # What was found is still there after a look elsewhere, and so is the place on the page.
    page.evaluate("window.scrollTo(0, 900)")
    page.get_by_role("searchbox").fill("star")
    page.get_by_role("searchbox").press("Enter")
    expect(page.locator("#grid .caption").first).to_have_text(HOSTILE.caption)
    page.go_back()
    expect(page.locator("#grid > li")).to_have_count(PICTURES)
    assert page.evaluate("window.scrollY") == 900


def test_a_refusal_is_shown_as_it_is(careless: Page, address: str) -> None:
    careless.goto(f"{address}?q=cat&where=secret+%3D+1")
    expect(careless.locator("#status")).to_contain_text("There is no column 'secret'")
    expect(careless.get_by_role("button", name="Try again")).to_be_hidden()
    careless.get_by_role("button", name="Remove the filter secret = 1").click()
    expect(careless.locator("#grid > li").first).to_be_visible()
    careless.goto(f"{address}?like=7")
    expect(careless.locator("#status")).to_contain_text("valid UUID")


def test_a_server_that_is_away_can_be_asked_again(careless: Page, address: str) -> None:
    careless.route("**/api/search*", lambda route: route.abort())
    careless.goto(f"{address}?q=cat")
    expect(careless.locator("#status")).to_contain_text("see whether pairlake serve still runs")
    careless.unroute("**/api/search*")
    careless.get_by_role("button", name="Try again").click()
    expect(careless.locator("#grid > li").first).to_be_visible()


def test_nothing_found_and_nothing_published_are_said(
    page: Page, address: str, browser: Browser, tmp_path: Path
) -> None:
    page.goto(f"{address}?q=apple&where=width+%3E+9999")
    expect(page.locator("#status")).to_have_text("Nothing was found; fewer filters may help.")
    page.goto(f"{address}?where=language+%3D+fr")
    expect(page.locator("#status")).to_contain_text("say what to search for")
    with served(Search(tmp_path / "search", ENCODERS)) as empty:
        other = browser.new_page()
        for at in ("", "?q=cat", "?tab=dataset"):
            other.goto(f"{empty}{at}")
            said = other.locator("#about, #status, #dataset").filter(
                has_text=re.compile("run: pairlake publish")
            )
            expect(said.filter(visible=True).first).to_be_visible()
        other.close()


@pytest.mark.parametrize("shared", ["?q=cat%0Arm%20-rf&where=width%20>%201%1B[201~", "?by=x&tab=y"])
def test_a_strange_address_is_read_with_care(careless: Page, address: str, shared: str) -> None:
    page = careless
    page.goto(f"{address}{shared}")
    expect(page.locator("#settings")).to_be_visible()
    assert not re.search(r"[\x00-\x1f]", page.locator("#q").input_value())
