"""The page in a real browser: finds, filters, shows hostile captions as text, needs no network."""

from __future__ import annotations

import queue
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect, sync_playwright

from serve.app import create_app
from serve.search import Search
from tests.serve.conftest import APPLE, CAT, ENCODERS, HOSTILE, POMME

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on the PATH")


@contextmanager
def _served(search: Search) -> Iterator[str]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        server = uvicorn.Server(uvicorn.Config(create_app(search), log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def address(published: Path) -> Iterator[str]:
    with _served(Search(published, ENCODERS)) as address:
        yield address


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """A page at the address that fails the test on any error in it, and any request elsewhere."""
    page = browser.new_page()
    wrong: queue.SimpleQueue[str] = queue.SimpleQueue()
    page.on("pageerror", lambda error: wrong.put(str(error)))
    page.on("console", lambda line: line.type == "error" and wrong.put(line.text))
    page.on("request", lambda asked: asked.url.startswith(address) or wrong.put(asked.url))
    page.goto(address)
    yield page
    page.close()
    assert [wrong.get() for _ in range(wrong.qsize())] == []


def test_a_search_shows_pictures_and_keeps_its_state_in_the_url(page: Page) -> None:
    page.get_by_role("searchbox").fill("cat")
    page.get_by_role("searchbox").press("Enter")
    first = page.locator("#grid li").first
    expect(first.locator(".caption")).to_have_text(CAT.caption)
    expect(first.locator(".language")).to_have_text("English")
    expect(first.locator("img")).to_have_js_property("naturalWidth", 256)
    assert page.url.endswith("?q=cat")
    expect(page).to_have_title("cat · pairlake")

    page.get_by_label("Captions in").select_option("multi")
    expect(page.locator(".caption")).to_have_text([POMME.caption])
    assert page.url.endswith("?q=cat&split=multi")

    page.go_back()
    expect(page.locator("#grid li")).to_have_count(4)
    page.reload()
    expect(page.get_by_role("searchbox")).to_have_value("cat")
    expect(page.locator("#grid li")).to_have_count(4)


def test_similar_pictures_are_one_click_away(page: Page, address: str) -> None:
    page.goto(f"{address}?q=apple&split=en")
    page.locator("#grid li").first.get_by_role("link", name="Similar").click()
    expect(page.locator("#status")).to_have_text("3 similar pictures")
    assert page.url == f"{address}?like={APPLE.pair_id}"


def test_hostile_captions_are_text_and_hostile_links_are_none(page: Page, address: str) -> None:
    page.goto(f"{address}?q=star")
    first = page.locator("#grid li").first
    expect(first.locator(".caption")).to_have_text(HOSTILE.caption)
    assert first.locator(".caption *").count() == 0
    assert first.locator(".page").count() == 0
    assert page.locator('a[href^="javascript:"]').count() == 0
    outward = first.locator("a.picture")
    assert outward.get_attribute("href") == HOSTILE.image_url
    assert outward.get_attribute("rel") == "noopener noreferrer"
    expect(page).to_have_title("star · pairlake")


def test_nothing_found_and_nothing_published_are_said(
    page: Page, address: str, browser: Browser, tmp_path: Path
) -> None:
    page.goto(f"{address}?like={APPLE.pair_id}&split=multi")
    expect(page.locator("#status")).to_have_text("Nothing was found.")
    with _served(Search(tmp_path / "search", ENCODERS)) as empty:
        other = browser.new_page()
        other.goto(empty)
        expect(other.locator("#status")).to_contain_text("run: pairlake publish")
        other.close()


@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_is_cut_off(page: Page, address: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"{address}?q=star")
    expect(page.locator("#grid li")).to_have_count(4)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    wide = "items => items.filter(item => item.scrollWidth > item.clientWidth).length"
    assert page.locator("#grid li").evaluate_all(wide) == 0
