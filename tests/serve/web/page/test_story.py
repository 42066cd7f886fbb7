"""A pair's story in the page: all that is known of it, at an address of its own."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.serve.conftest import APPLE, CAT, POMME
from tests.serve.web.page.conftest import FOUND_ONLY, NAKED, PAGES
from tests.serve.web.page.test_search import card, state


def test_a_story_tells_where_a_pair_is_from(page: Page, address: str) -> None:
    page.goto(f"{address}?q=apple&where=language+%3D+en")
    card(page, APPLE).locator(".open").click()
    story = page.get_by_role("dialog", name="The pair's story")
    expect(story.locator(".caption")).to_have_text(APPLE.caption)
    expect(story.locator(".frame img")).to_have_js_property("naturalWidth", 256)
    for text in (*PAGES, "CRAWL-1", "one.wat", "server_error", "similarity-1", "tiny"):
        expect(story.get_by_text(text, exact=True).first).to_be_visible()
    expect(story).to_contain_text("Neither its file nor a page names one.")
    expect(story).to_contain_text("same picture")
    expect(story.get_by_role("link", name="https://copies.example/apple.png")).to_be_visible()
    expect(story).to_contain_text(f"pairlake forget --url={APPLE.image_url}")
    assert state(page)["pair"] == [str(APPLE.pair_id)]

    story.get_by_role("link", name=POMME.caption).click()
    expect(story.locator(".caption")).to_have_text(POMME.caption)
    page.go_back()
    expect(story.locator(".caption")).to_have_text(APPLE.caption)
    page.go_back()
    expect(story).to_be_hidden()
    page.go_forward()
    expect(story.locator(".caption")).to_have_text(APPLE.caption)
    story.get_by_role("button", name="Close").click()
    expect(story).to_be_hidden()
    assert "pair" not in state(page)
    expect(card(page, APPLE).locator(".open")).to_be_focused()


def test_a_dropped_pair_is_looked_up_by_its_address(page: Page, address: str) -> None:
    page.get_by_role("searchbox").fill("https://copies.example/apple.png")
    page.get_by_role("button", name="Search", exact=True).click()
    story = page.get_by_role("dialog", name="The pair's story")
    expect(story).to_contain_text("is out: duplicate_image")
    story.get_by_role("link", name="apple again").click()
    reason = "duplicate_image (another pair of the same picture is kept)"
    expect(story).to_contain_text(f"Out, under the recipe demo, for {reason}.")
    assert story.inner_text().count("duplicate_image") == 1
    expect(story).to_contain_text("min_caption_chars")
    expect(story.locator(".frame img")).to_have_js_property("naturalWidth", 0)
    story.get_by_role("link", name=APPLE.caption).click()
    expect(story.locator(".caption")).to_have_text(APPLE.caption)
    expect(story).to_contain_text("Kept, under the recipe demo.")


def test_what_is_found_only_says_so(page: Page, address: str) -> None:
    page.goto(f"{address}?q=sea&where=is_found_only+%3D+true")
    found = card(page, FOUND_ONLY)
    expect(found.locator(".use")).to_have_text("found only")
    found.locator(".open").click()
    story = page.get_by_role("dialog", name="The pair's story")
    reason = "opted_out_data_mining_train"
    expect(story).to_contain_text(
        f"Found only, and not exported, under the recipe demo, for {reason}"
    )
    page.goto(f"{address}?q=apple")
    expect(card(page, POMME).locator(".use")).to_be_empty()


def test_a_story_has_an_address(page: Page, address: str) -> None:
    page.goto(f"{address}?pair={NAKED.pair_id}")
    story = page.get_by_role("dialog")
    expect(story.locator(".caption")).to_have_text(NAKED.caption)
    licence = story.get_by_role("link", name="CC-BY-4.0")
    expect(licence).to_have_attribute("href", str(NAKED.license_url))
    expect(licence).to_have_attribute("rel", "noopener noreferrer nofollow")
    story.get_by_role("link", name="More like this picture").click()
    expect(story).to_be_hidden()
    expect(page.locator("#grid > li").first).to_be_visible()
    assert state(page) == {"like": [str(NAKED.pair_id)]}


def test_ids_are_copied(page: Page, address: str) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{address}?pair={CAT.pair_id}")
    page.get_by_role("button", name="Copy image_id").click()
    expect(page.get_by_role("dialog").get_by_text("Copied", exact=True)).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == str(CAT.image_id)


def test_a_story_that_cannot_be_told_says_why(careless: Page, address: str) -> None:
    careless.goto(f"{address}?q=cat&pair={CAT.image_id}")
    expect(careless.get_by_role("alert")).to_contain_text("is not published")
    careless.keyboard.press("Escape")
    expect(careless.locator("#grid > li").first).to_be_visible()
    expect(careless).to_have_url(f"{address}?q=cat")
    careless.route("**/api/pairs/*", lambda route: route.abort())
    careless.goto(f"{address}?pair={CAT.pair_id}")
    expect(careless.get_by_role("alert")).to_contain_text("does not answer")
    careless.unroute("**/api/pairs/*")
    careless.get_by_role("dialog").get_by_role("button", name="Try again").click()
    expect(careless.locator("#story .caption")).to_have_text(CAT.caption)
