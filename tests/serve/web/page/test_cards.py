"""Results in the page: hostile captions are text, bad scores are blurred, keys and phones work."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from pairlake.lake.project import ROOT
from tests.serve.conftest import CAT, HOSTILE, POMME
from tests.serve.web.page.conftest import NAKED, RUDE
from tests.serve.web.page.test_search import card, state

# As the accessibility tree computes it, in short: by a label, its text, or an attribute.
NAMELESS = """
all => all.filter((each) => each.checkVisibility() && !(
    each.getAttribute("aria-label") || each.textContent.trim() || each.title
    || [...(each.labels ?? [])].some((label) => label.textContent.trim())
    || [...each.querySelectorAll("img")].some((image) => image.alt)
)).map((each) => each.outerHTML)
"""


def test_hostile_captions_are_text_and_hostile_links_are_none(page: Page, address: str) -> None:
    page.goto(f"{address}?q=star")
    first = page.locator("#grid > li").first
    expect(first.locator(".caption")).to_have_text(HOSTILE.caption)
    assert first.locator(".caption *").count() == 0
    expect(first.get_by_role("link", name="Page")).to_have_count(0)
    outward = first.get_by_role("link", name="Image")
    expect(outward).to_have_attribute("href", HOSTILE.image_url)
    expect(outward).to_have_attribute("rel", "noopener noreferrer nofollow")
    first.locator(".open").click()
    story = page.get_by_role("dialog")
    expect(story.locator(".caption")).to_have_text(HOSTILE.caption)
    assert story.locator(".caption *").count() == 0
    assert page.locator('a[href^="javascript:"]').count() == 0
    expect(page).to_have_title("star · pairlake")


def test_no_script_parses_html() -> None:
    scripts = sorted((ROOT / "serve" / "web" / "page").glob("*.js"))
    assert len(scripts) > 5
    for script in scripts:
        text = script.read_text()
        for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
            assert way not in text, script.name


def test_safe_mode_blurs_until_it_is_asked_not_to(page: Page, address: str) -> None:
    page.goto(f"{address}?q=apple")
    naked, rude, apple = card(page, NAKED), card(page, RUDE), card(page, POMME)
    expect(naked.locator(".frame")).to_have_class("frame veiled")
    expect(rude.locator(".frame")).to_have_class("frame")
    expect(rude.locator(".caption")).to_have_attribute("aria-hidden", "true")
    expect(rude.locator("img")).to_have_attribute("alt", "A picture whose caption is blurred")
    assert naked.locator("img").evaluate("one => getComputedStyle(one).filter").startswith("blur")
    expect(apple.get_by_role("button", name="Show picture")).to_be_hidden()
    expect(page.locator("#status")).to_contain_text("2 blurred by safe mode")

    naked.get_by_role("button", name="Show picture").click()
    expect(naked.locator(".frame")).to_have_class("frame")
    rude.get_by_role("button", name="Show caption").click()
    expect(rude.locator(".caption")).to_have_class("caption")
    expect(page.locator("#status")).not_to_contain_text("safe mode")

    page.reload()
    expect(naked.locator(".frame")).to_have_class("frame veiled")
    naked.locator(".open").press("Enter")
    expect(page.locator("#story .frame")).to_have_class("frame veiled")
    page.keyboard.press("Escape")
    page.get_by_label("Safe mode").uncheck()
    expect(naked.locator(".frame")).to_have_class("frame")
    assert state(page)["safe"] == ["off"]
    page.goto(address)
    expect(page.get_by_label("Safe mode")).to_be_checked()


def test_captions_and_numbers_can_be_hidden(page: Page, address: str) -> None:
    page.goto(f"{address}?q=apple")
    apple = card(page, POMME)
    expect(apple.locator(".folded")).to_have_text("+1 pair")
    expect(apple.locator(".scores")).to_contain_text("pair 0.350")
    page.get_by_label("Numbers").uncheck()
    expect(apple.locator(".similarity")).to_be_hidden()
    page.locator("#captions").select_option("none")
    expect(apple.locator(".caption")).to_be_hidden()
    assert state(page) == {"q": ["apple"], "captions": ["none"], "numbers": ["off"]}
    page.reload()
    expect(apple.locator("img")).to_be_visible()
    expect(apple.locator(".caption")).to_be_hidden()


def test_the_keyboard_is_enough(page: Page, address: str) -> None:
    page.goto(f"{address}?q=cat")
    expect(page.locator("#grid > li")).to_have_count(48)
    page.locator("body").press("Tab")
    page.get_by_role("link", name="Skip to the results").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#results")).to_be_focused()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("apple")
    page.keyboard.press("Enter")
    expect(page.locator("#grid .caption").first).not_to_have_text(CAT.caption)
    cards = page.locator("#grid .open")
    cards.first.focus()
    page.keyboard.press("ArrowRight")
    expect(cards.nth(1)).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowLeft")
    expect(cards.first).to_be_focused()
    page.keyboard.press("End")
    expect(cards.nth(47)).to_be_focused()
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("button", name="Previous result")).to_be_enabled()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(cards.nth(1)).to_be_focused()


@pytest.mark.parametrize("at", ["?q=apple&not=sea&where=width+>+1", "?tab=dataset"])
def test_every_control_has_a_name(page: Page, address: str, at: str) -> None:
    page.goto(f"{address}{at}")
    expect(page.locator("#grid > li, #dataset h3").first).to_be_visible()
    controls = page.locator("a, button, input, select, summary, [role=img], dialog")
    assert controls.count() > 20
    assert controls.evaluate_all(NAMELESS) == []
    ids = page.locator("[id]").evaluate_all("all => all.map(one => one.id)")
    assert len(ids) == len(set(ids))
    expect(page.locator("main")).to_have_count(1)
    expect(page.locator("h1")).to_have_count(1)


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("at", ["?q=star&not=sea&where=caption+contains+star", "?tab=dataset"])
def test_nothing_is_cut_off(page: Page, address: str, width: int, at: str) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"{address}{at}")
    expect(page.locator("#grid > li, #dataset h3").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    wide = "items => items.filter(item => item.scrollWidth > item.clientWidth).length"
    assert page.locator("#grid > li, #dataset section").evaluate_all(wide) == 0


def test_on_a_phone_the_filters_are_in_a_drawer(page: Page, address: str) -> None:
    page.set_viewport_size({"width": 360, "height": 700})
    page.goto(f"{address}?q=apple")
    expect(page.locator("#split")).to_be_hidden()
    page.get_by_role("button", name="Filters").click()
    page.locator("#split").select_option("multi")
    expect(page.locator("#drawer .announced")).to_have_text(
        "1 picture, best first; there are no more"
    )
    page.keyboard.press("Escape")
    expect(page.locator(".caption")).to_have_text([POMME.caption])
    expect(page.get_by_role("button", name="Filters (1)")).to_be_focused()
    page.set_viewport_size({"width": 1280, "height": 700})
    expect(page.locator("#split")).to_have_value("multi")
    expect(page.locator("#split")).to_be_visible()
