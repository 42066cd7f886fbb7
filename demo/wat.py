"""Writes the demo's pages as crawl files, and counts what is in them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pairlake.demo.pages import Link, Page
from pairlake.demo.planting import landed_caption
from pairlake.demo.wat_records import Records, write_listing

CRAWL_ID = "DEMO-2026-47"


@dataclass(frozen=True, kw_only=True)
class FileTotals:
    """What one crawl file holds, counted while it is written.

    `records` counts metadata records, those of `unreadable_records` among them. `links`, `images`
    (IMG@/src links), `sightings` (images whose URL and caption are of use) and `pairs` (distinct
    sightings) leave out what stands in unreadable records.
    """

    path: str
    bytes: int
    records: int
    unreadable_records: int
    links: int
    images: int
    sightings: int
    pairs: int


def write_crawl(
    folder: Path, pages: Sequence[Page], files: int, rng: random.Random
) -> list[FileTotals]:
    """Write `files` crawl files and their wat.paths.gz under `folder`, pages dealt out in turn."""
    paths = [
        f"crawl-data/{CRAWL_ID}/segments/1795000000.00/wat/"
        f"{CRAWL_ID}-20261117083000-20261117113000-{number:05}.warc.wat.gz"
        for number in range(files)
    ]
    totals = [
        _write_file(folder, path, pages[number::files], rng) for number, path in enumerate(paths)
    ]
    write_listing(folder, CRAWL_ID, paths)
    return totals


def _write_file(folder: Path, path: str, pages: Sequence[Page], rng: random.Random) -> FileTotals:
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    broken = frozenset(rng.sample(range(len(pages)), min(2, len(pages))))
    records, count, unreadable = Records(path.rpartition("/")[2], rng), 0, 0
    with (folder / path).open("wb") as file:
        file.write(records.warcinfo())
        for number, page in enumerate(pages):
            file.write(records.request(page.url))
            file.write(records.response(page.url, _head(page), page.links))
            file.write(records.note(page.url))
            count += 3
            if number in broken:
                file.write(_unreadable(records, page, unreadable))
                count += 1
                unreadable += 1
    links = [link for page in pages for link in page.links]
    shown = [pair for page in pages for pair in page.shown]
    return FileTotals(
        path=path,
        bytes=(folder / path).stat().st_size,
        records=count,
        unreadable_records=unreadable,
        links=len(links),
        images=sum(link["path"] == "IMG@/src" for link in links),
        sightings=len(shown),
        pairs=len({(pair.image_url, landed_caption(pair.caption)) for pair in shown}),
    )


def _head(page: Page) -> dict[str, Any]:
    head: dict[str, Any] = {
        "Title": f"{page.language} {page.url.rpartition('/')[2]}",
        "Metas": [
            {"name": "HTML@/lang", "content": page.language},
            {"name": "viewport", "content": "width=device-width, initial-scale=1"},
        ],
        "Link": [{"path": "LINK@/href", "url": "/static/style.css", "rel": "stylesheet"}],
        "Scripts": [{"path": "SCRIPT@/src", "url": "/static/menu.js"}],
    }
    if page.wish is not None:
        name, content = page.wish
        head["Metas"].append({"name": name, "content": content})
    if page.base is not None:
        head["Base"] = page.base
    return head


def _unreadable(records: Records, page: Page, number: int) -> bytes:
    """One more record about a page, malformed in another way each time."""
    link: Link = {"path": "IMG@/src", "url": page.url + "?lost.jpg", "alt": "never to be seen"}
    return records.response(page.url, _head(page), [link, link], broken=number)
