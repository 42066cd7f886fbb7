"""Takes the pictures of a web archive's own pages out of it, as if they had been fetched."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import pyarrow.parquet as pq
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from pairlake.ingest.crawl.pages import UnreadableRecord
from pairlake.ingest.crawl.records import Record, crawled_at
from pairlake.ingest.crawl.responses import Response, joined, response_of, unpacked
from pairlake.ingest.images.attempt import Download, Failed, judge, refuse
from pairlake.ingest.images.blocked import Blocked
from pairlake.ingest.images.decoders import Decoders
from pairlake.ingest.images.formats import picture_format
from pairlake.ingest.images.landing import Parts
from pairlake.ingest.images.optout import Wish, product_token, wishes_in
from pairlake.ingest.urls import absolute_url
from pairlake.lake.errors import as_text, in_words
from pairlake.lake.settings import settings

# As many as `fetch` follows.
MAX_REDIRECTS = 5
# Redirects that are kept in mind, of a file that has more.
MAX_NOTED = 500_000
_REDIRECTS = (301, 302, 303, 307, 308)

Records = Callable[[], Iterator[Record]]


class _Redirect(NamedTuple):
    """Where a redirect leads, and what it says of the use of what is there."""

    place: str
    wishes: Sequence[Wish]


class _Asked(NamedTuple):
    """An image that a page shows, and the redirects over which an answer is its own."""

    url_id: UUID
    redirects: tuple[_Redirect, ...] = ()


def take_images(
    records: Records,
    pairs: Sequence[Path],
    blocked: Blocked,
    folder: Path,
    failed: Callable[[int, str], None],
) -> tuple[int, Mapping[str, Sequence[Path]]]:
    """How many downloads the `records` of one archive make for the images of `pairs`, and the rows.

    Each answer that the archive holds is an attempt at the time at which it was crawled; what is
    neither a whole picture nor a refusal is none, and left to `fetch`. `failed` hears of the record
    at an offset that raised what nobody foresaw, in words.
    """
    agent = product_token(settings().user_agent)
    asked = _asked(pairs, _hops(records(), agent))
    parts = Parts(folder)
    if asked:
        asyncio.run(_take(records(), asked, agent, blocked, parts, failed))
    return parts.downloads, parts.written()


async def _take(
    records: Iterable[Record],
    asked: Mapping[str, Sequence[_Asked]],
    agent: str,
    blocked: Blocked,
    parts: Parts,
    failed: Callable[[int, str], None],
) -> None:
    decoders = Decoders(side=settings().pixel_side, processes=1)
    try:
        for record in records:
            place = _place(record.page_url)
            try:
                for download in await _downloads(
                    record, place, asked.get(place, ()), agent, blocked, decoders
                ):
                    parts.add(download)
            except Exception as error:  # noqa: BLE001 - no picture ends the reading of its file
                failed(record.offset, in_words(error))
    finally:
        decoders.close()


async def _downloads(
    record: Record,
    place: str,
    asked: Sequence[_Asked],
    agent: str,
    blocked: Blocked,
    decoders: Decoders,
) -> list[Download]:
    """What comes of the answer in a record, for each image whose answer it is."""
    response = response_of(record) if asked else None
    attempted_at = crawled_at(record.date)
    if response is None or attempted_at is None or response.status not in (200, None):
        return []
    headers = _headers(response)
    wishes = wishes_in(headers, agent)
    arrived: Download | None = None
    downloads = []
    for url_id, redirects in asked:
        download = Download(
            url_id=url_id,
            attempted_at=attempted_at,
            http_status=response.status,
            final_url=place,
            content_type=as_text(headers.get("Content-Type", record.content_type)) or None,
            wishes=[said for way in redirects for said in way.wishes] + wishes,
        )
        try:
            _refuse(download, place, redirects, blocked)
            if arrived is None:
                await judge(_body(response), download, decoders, blocked)
                arrived = download
            else:
                download = replace(arrived, url_id=url_id, wishes=download.wishes)
        except UnreadableRecord:
            return []
        except Failed as error:
            if error.outcome == "failed":
                raise
            download.fail(error.outcome, str(error))
        if download.outcome in ("ok", "blocked") or download.opt_out_evidence:
            downloads.append(download)
    return downloads


def _refuse(
    download: Download, place: str, redirects: Sequence[_Redirect], blocked: Blocked
) -> None:
    """Raise Failed where an image is not to be kept, for any of the places that lead to it."""
    places = (place, *(redirect.place for redirect in redirects))
    if download.url_id.bytes in blocked or any(map(blocked.holds, places)):
        raise Failed("blocked", "the URL was taken down by request")
    refuse(blocked.wanted.refusal(download.wishes), download)


def _body(response: Response) -> bytes:
    """The picture in an answer, which most crawlers unpack and join whatever its headers say."""
    most = settings().fetch_max_bytes
    body = joined(response)
    if picture_format(body) is None:
        body = unpacked(response, most)
    if len(body) > most:
        raise UnreadableRecord("a picture is too large")
    return body


def _hops(records: Iterable[Record], agent: str) -> dict[str, _Redirect]:
    """The redirects of an archive, by the place from which they lead."""
    redirects: dict[str, _Redirect] = {}
    for record in records:
        if len(redirects) >= MAX_NOTED:
            break
        try:
            response = response_of(record)
            if response.status not in _REDIRECTS:
                continue
            headers, place = _headers(response), _place(record.page_url)
            led_to = URL(place).join(URL(headers.get("Location", ""))).with_fragment(None)
        except ValueError:
            continue
        redirects[place] = _Redirect(_place(str(led_to)), wishes_in(headers, agent))
    return redirects


def _asked(pairs: Sequence[Path], redirects: Mapping[str, _Redirect]) -> dict[str, list[_Asked]]:
    """The images of pairs by each place at which they may be, themselves and over redirects."""
    asked: dict[str, list[_Asked]] = defaultdict(list)
    seen: set[UUID] = set()
    for part in pairs:
        for batch in pq.ParquetFile(part).iter_batches(columns=["url_id", "image_url"]):
            urls = zip(batch["url_id"].to_pylist(), batch["image_url"].to_pylist(), strict=True)
            for url_id, url in urls:
                if url_id not in seen:
                    seen.add(url_id)
                    for place, way in _ways(_place(url), redirects):
                        asked[place].append(_Asked(url_id, way))
    return asked


def _ways(
    place: str, redirects: Mapping[str, _Redirect]
) -> Iterator[tuple[str, tuple[_Redirect, ...]]]:
    """The places to which one leads, itself the first, each with the redirects on the way."""
    way: tuple[_Redirect, ...] = ()
    while place:
        yield place, way
        if len(way) == MAX_REDIRECTS or place not in redirects:
            return
        way = (*way, redirects[place]._replace(place=place))
        place = redirects[place].place


def _place(url: str) -> str:
    """A URL as `fetch` would ask for it, in which it is the same however it is written."""
    try:
        return str(URL(absolute_url(url, "") or ""))
    except ValueError:
        return ""


def _headers(response: Response) -> CIMultiDictProxy[str]:
    return CIMultiDictProxy(CIMultiDict(response.headers))
