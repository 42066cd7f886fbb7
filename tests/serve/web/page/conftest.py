"""A browser, and the page over a small lake: each test fails on errors in it, and on a network."""

from __future__ import annotations

import queue
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

import pyarrow as pa
import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect, sync_playwright

from pairlake.lake.append import append
from pairlake.lake.catalog import writing
from pairlake.lake.keys import text_id
from pairlake.serve.publish.publish import publish
from pairlake.serve.search.search import Search
from pairlake.serve.web.app import create_app
from tests.serve.conftest import APPLE, ENCODERS, PUBLISHED, Mart, Pair, uuids

# A busy machine takes its time, in milliseconds.
PATIENCE = 300_000
expect.set_options(timeout=PATIENCE)

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


@dataclass(frozen=True, kw_only=True)
class Judged(Pair):
    """A pair with more of its scores."""

    toxicity: float | None = None
    license_url: str | None = None


RUDE = Judged(caption="apple, said rudely", picture="rude apple", language="fr", toxicity=0.8)
NAKED = Judged(
    caption="apple, peeled",
    picture="peeled apple",
    punsafe=0.9,
    license_url="https://creativecommons.org/licenses/by/4.0/",
)
WAVES = tuple(Pair(caption=f"sea, wave {n}", picture=f"sea {n}") for n in range(60))
FOUND_ONLY = WAVES[0]
ALL = (*PUBLISHED, RUDE, NAKED, *WAVES)
PICTURES = len({pair.picture for pair in ALL})
PAGES = ("https://pages.example/one", "https://pages.example/two")


@contextmanager
def served(search: Search) -> Iterator[str]:
    """The address of a server of the page over a search."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        server = uvicorn.Server(uvicorn.Config(create_app(search), log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        server.should_exit = True
        thread.join()


# Not for the session: while it is open, no other test of the process can run an event loop.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, for the tests of a module."""
    if CHROMIUM is None:
        pytest.skip("there is no chromium on the PATH")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a lake with ALL published, in which APPLE has a story."""
    home = tmp_path_factory.mktemp("shown")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PAIRLAKE_HOME", str(home))
        mart = Mart()
        mart.keep(*ALL)
        mart.find_only(FOUND_ONLY)
        _tell_story(mart)
        mart.con.close()
        publish(progress=lambda _: None)
    return home


@pytest.fixture(scope="session")
def address(shown: Path) -> Iterator[str]:
    """Where the page is served."""
    with served(Search(shown / "search", ENCODERS)) as address:
        yield address


@pytest.fixture
def careless(
    browser: Browser, address: str, shown: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Page]:
    """The page, where the server is expected to refuse something."""
    # A pair's story is read from the lake that the settings name.
    monkeypatch.setenv("PAIRLAKE_HOME", str(shown))
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.set_default_timeout(PATIENCE)
    page.goto(address)
    yield page
    page.close()


@pytest.fixture
def page(careless: Page, address: str) -> Iterator[Page]:
    """The page, which fails the test on any error in it, and on any request elsewhere."""
    wrong: queue.SimpleQueue[str] = queue.SimpleQueue()
    careless.on("pageerror", lambda error: wrong.put(str(error)))
    careless.on("console", lambda line: line.type == "error" and wrong.put(line.text))
    careless.on(
        "request",
        lambda asked: asked.url.startswith((address, "data:", "blob:")) or wrong.put(asked.url),
    )
    careless.goto(address)
    yield careless
    assert [wrong.get() for _ in range(wrong.qsize())] == []


def _tell_story(mart: Mart) -> None:
    """APPLE was seen on PAGES, fetched twice, and has a duplicate."""
    sightings = [
        {"page_url": page, "license_url": None, "record_offset": n} for n, page in enumerate(PAGES)
    ]
    schema = mart.con.sql("select sightings from lake.raw.image_text_pairs").to_arrow_table().schema
    seen = {
        "pair_id": uuids([APPLE.pair_id]),
        "crawl_id": ["CRAWL-1"],
        "path": ["one.wat"],
        "image_url": [APPLE.image_url],
        "caption": [APPLE.caption],
        "sightings": pa.array([sightings], schema.field("sightings").type),
    }
    fetched = {
        "url_id": uuids([text_id(APPLE.image_url)] * 2),
        "attempted_at": [datetime(2026, 1, 1), datetime(2026, 1, 2)],
        "outcome": ["server_error", "ok"],
        "http_status": pa.array([500, 200], pa.int32()),
    }
    models = {"model_id": ["similarity-1"], "name": ["tiny"], "kind": ["similarity"]}
    append(
        {
            "raw.image_text_pairs": pa.table(seen),
            "raw.downloads": pa.table(fetched),
            "enriched.models": pa.table(models),
        },
        mart.con,
    )
    with writing(mart.con) as con:
        con.execute(
            "insert into lake.intermediate.int_duplicate_pairs values (?, ?, 'image')",
            [UUID(int=77), APPLE.pair_id],
        )
        con.execute(
            "insert into lake.intermediate.int_pairs_deduplicated values (?, ?, ?)",
            [UUID(int=77), "https://copies.example/apple.png", "apple again"],
        )
        con.execute(
            "insert into lake.marts.pair_licences by name "
            "select ? as pair_id, 'page' as scope, 'CC-BY-4.0' as licence, ? as licence_url, "
            "'link' as evidence",
            [NAKED.pair_id, NAKED.license_url],
        )
