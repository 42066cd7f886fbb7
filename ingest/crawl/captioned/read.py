"""Reads pictures that come with their captions, in a tar or a folder, into pairs and downloads.

As `fetch` lands what it has asked for, and without asking anybody.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

import pyarrow.parquet as pq

from pairlake.ingest.crawl.captioned.beside import (
    URN,
    Picture,
    Place,
    Told,
    is_picture,
    most_text_bytes,
)
from pairlake.ingest.crawl.captioned.folders import listed
from pairlake.ingest.crawl.captioned.members import Found, Member, Most, folder_members, tar_members
from pairlake.ingest.crawl.lists.layout import Columns, NotAList
from pairlake.ingest.crawl.lists.read import on_disk, read_list
from pairlake.ingest.crawl.reading import CrawlFile
from pairlake.ingest.crawl.records import Damage, Other, Unreadable
from pairlake.ingest.images.attempt import Download, Failed, judge
from pairlake.ingest.images.blocked import Blocked
from pairlake.ingest.images.decoders import Decoders
from pairlake.ingest.images.landing import Parts
from pairlake.lake.errors import as_text, in_words
from pairlake.lake.keys import text_id
from pairlake.lake.settings import settings

# A tar may say of its files what it likes.
_EARLIEST = datetime(1990, 1, 1)

Members = Callable[[Most], Iterator[Found]]


def read_captioned(
    location: str, columns: Columns, folder: Path, counts: CrawlFile, blocked: Blocked | None
) -> Mapping[str, Sequence[Path]]:
    """The files in `folder` with what the tar or the folder of pictures at `location` brings.

    Its members are read twice; a tar that is elsewhere is copied to disk first. Counts into
    `counts`. Raises NotAList where no picture has a caption, or nobody says what is `blocked`.
    """
    if blocked is None:
        raise NotAList("It is a tar, and its name does not say so; end it in .tar.")
    folder.mkdir(parents=True, exist_ok=True)
    if location.endswith("/"):
        counts.bytes = sum(file.size for file in listed(location))
        return _read(partial(folder_members, location), columns, folder, counts, blocked)
    with TemporaryDirectory(dir=folder) as scratch:
        copy = on_disk(location, Path(scratch))
        counts.bytes = copy.stat().st_size
        return _read(partial(tar_members, copy), columns, folder, counts, blocked)


def _read(
    members: Members, columns: Columns, folder: Path, counts: CrawlFile, blocked: Blocked
) -> Mapping[str, Sequence[Path]]:
    told = _gathered(members, columns, counts)
    source = folder / "told.jsonl"
    urls = told.write_list(source)
    try:
        if not urls:
            raise NotAList(_why_nothing(told))
        tables = _pairs(source, folder, counts)
    finally:
        source.unlink()
    for kind, number in told.others.items():
        _count(counts, kind, number)
    parts = Parts(folder)
    wanted = _wanted(urls, tables["raw.image_text_pairs"])
    if wanted:
        asyncio.run(_take(members, wanted, counts, blocked, parts))
    counts.downloads = parts.downloads
    return {**tables, **parts.written()}


def _gathered(members: Members, columns: Columns, counts: CrawlFile) -> Told:
    """All that is told of pictures, and the sums of their bytes."""
    told, most_bytes = Told(columns), settings().fetch_max_bytes

    def most(_: int, name: str) -> int | None:
        if is_picture(name):
            return most_bytes
        return most_text_bytes(name)

    for found in members(most):
        if isinstance(found, Other):
            _count(counts, found.kind)
        elif isinstance(found, Member):
            _gather(found, told, counts)
        else:
            _note(found, counts)
    return told


def _gather(member: Member, told: Told, counts: CrawlFile) -> None:
    if member.body is None:
        if not is_picture(member.name) and most_text_bytes(member.name) is None:
            _count(counts, "other file")
        return
    if is_picture(member.name):
        sha256 = hashlib.sha256(member.body).digest()
        told.pictures.append(Picture(member.number, member.name, sha256))
    elif told.has_room(member.body):
        told.add(member.name, member.body)
    else:
        _note(Damage(reason="it tells too much of its pictures; split it"), counts)


def _pairs(source: Path, folder: Path, counts: CrawlFile) -> dict[str, list[Path]]:
    """The pairs and scores of the list that was made, by the rules of all lists."""
    of_list = CrawlFile(crawl_id=counts.crawl_id, path=counts.path)
    tables = read_list(
        str(source),
        "jsonl",
        crawl_id=counts.crawl_id,
        path=counts.path,
        columns=Columns(url="url", caption="caption"),
        folder=folder,
        counts=of_list,
    )
    for name in (
        "records", "unreadable_records", "links", "images", "pairs", "sightings", "with_login",
    ):  # fmt: skip
        setattr(counts, name, getattr(counts, name) + getattr(of_list, name))
    for kind, number in of_list.other_records.items():
        _count(counts, kind, number)
    if of_list.outcome != "ok" and counts.outcome == "ok":
        counts.outcome, counts.error = of_list.outcome, of_list.error
    return tables


def _wanted(urls: Mapping[Place, str], pairs: Sequence[Path]) -> dict[Place, tuple[UUID, str]]:
    """The pictures of pairs that land, by their places: the first of each URL."""
    landed = {
        url_id
        for part in pairs
        for url_id in pq.read_table(part, columns=["url_id"])[0].to_pylist()
    }
    wanted: dict[Place, tuple[UUID, str]] = {}
    for place, url in urls.items():
        url_id = text_id(url)
        if url_id in landed:
            landed.discard(url_id)
            wanted[place] = (url_id, url)
    return wanted


async def _take(
    members: Members,
    wanted: Mapping[Place, tuple[UUID, str]],
    counts: CrawlFile,
    blocked: Blocked,
    parts: Parts,
) -> None:
    most_bytes = settings().fetch_max_bytes

    def most(number: int, name: str) -> int | None:
        return most_bytes if (number, name) in wanted else None

    decoders = Decoders(side=settings().pixel_side, processes=1)
    try:
        for found in members(most):
            if not isinstance(found, Member) or found.body is None:
                continue
            url_id, url = wanted[found.number, found.name]
            download = Download(url_id=url_id, attempted_at=_moment(found, counts))
            try:
                if await _is_taken(found.body, download, url, decoders, blocked):
                    parts.add(download)
            except Exception as error:  # noqa: BLE001 - no picture ends the reading of its file
                words = as_text(f"{found.name}: {in_words(error)}")
                counts.outcome, counts.error = "failed", words
    finally:
        decoders.close()


async def _is_taken(
    body: bytes, download: Download, url: str, decoders: Decoders, blocked: Blocked
) -> bool:
    """Whether the picture, or the reason why it is none, lands: what has a URL may be fetched."""
    has_url = not url.startswith(URN)
    try:
        if download.url_id.bytes in blocked or (has_url and blocked.holds(url)):
            raise Failed("blocked", "the URL was taken down by request")
        await judge(body, download, decoders, blocked)
    except Failed as error:
        if error.outcome == "failed":
            raise
        download.fail(error.outcome, str(error))
    if has_url:
        return download.outcome in ("ok", "blocked")
    # A file may have been written anew since it was summed.
    return download.sha256 is None or url == URN + download.sha256.hex()


def _moment(member: Member, counts: CrawlFile) -> datetime:
    """When the picture was written where it lies, if that may be true; else now."""
    try:
        moment = datetime.fromtimestamp(member.written_at, UTC).replace(tzinfo=None)
    except (ValueError, OverflowError, OSError):
        return counts.started_at
    return moment if _EARLIEST <= moment <= counts.started_at else counts.started_at


def _count(counts: CrawlFile, kind: str, number: int = 1) -> None:
    if number:
        counts.other_records[kind] = counts.other_records.get(kind, 0) + number


def _note(found: Unreadable | Damage, counts: CrawlFile) -> None:
    """Count what could not be read; damage is said of the file as a whole."""
    counts.records += 1
    counts.unreadable_records += 1
    if isinstance(found, Damage):
        counts.outcome = "truncated" if found.is_end else "damaged"
        counts.error = counts.error or found.reason


def _why_nothing(told: Told) -> str:
    if not told.pictures:
        return "There are no pictures in it, by the endings of their names."
    return (
        f"None of its {len(told.pictures):,} pictures has a caption: give each a .txt of its name, "
        "or all a metadata.csv with the columns file_name and text."
    )
