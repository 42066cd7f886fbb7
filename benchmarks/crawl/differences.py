"""Section 2: both extractions row by row, and for each difference the reason that it has."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

import pyarrow.parquet as pq
from fastwarc.warc import ArchiveIterator, WarcRecordType

from benchmarks.crawl import peer
from benchmarks.crawl.ours import Row, extract
from benchmarks.crawl.wats import FileTruth
from benchmarks.harness.processes import answer
from benchmarks.harness.tables import heading, note, table
from pairlake.ingest.crawl.references import decoded
from pairlake.ingest.urls import MAX_URL_CHARS, absolute_url

MALFORMED = "record malformed: cc2dataset drops it, pairlake reads what it can"
DROPPED = "record dropped by pairlake's parser"
UNEXPLAINED = "unexplained"

_HTTP = ("http://", "https://")
_ENDS = "".join(map(chr, range(0x21)))
_STEPS = (
    ("white space around the URL dropped", lambda url: url.strip(_ENDS)),
    ("line breaks within the URL dropped", lambda url: re.sub("[\t\r\n]", "", url)),
    ("&amp; decoded", lambda url: url.replace("&amp;", "&")),
    ("space escaped", lambda url: url.replace(" ", "%20")),
)


class _Image(NamedTuple):
    """An image with alt text, as the record has it."""

    page_url: str
    base: str | None
    src: str
    alt: str


def report(folder: Path, truth: FileTruth, python: Path, data: Path) -> None:
    """Compare (page_url, image_url, alt) of both on one crawl file."""
    path, dump = folder / truth.path, data / "peer.parquet"
    answer(peer.command(python, "extract", path, "--rows", dump))
    columns = pq.read_table(dump, columns=["page_url", "url", "alt"]).to_pydict()
    theirs = Counter[Row](zip(*columns.values(), strict=True))
    ours = Counter[Row](extract(path))
    found = explained(path, theirs, ours)
    heading("2. Row by row: (page_url, image_url, alt) of the same file")
    common = (theirs & ours).total()
    total = ("(all differences)", (theirs - ours).total(), (ours - theirs).total())
    by_size = sorted(found.items(), key=lambda item: -sum(item[1]))
    rows = [total, *((reason, *counts) for reason, counts in by_size)]
    table(("reason", "only cc2dataset", "only pairlake"), rows)
    note(
        f"{common:,} rows in common; cc2dataset has {theirs.total():,}, pairlake {ours.total():,}. "
        "A reason with rows on both sides is one image under two URLs."
    )


def explained(path: Path, theirs: Counter[Row], ours: Counter[Row]) -> Mapping[str, list[int]]:
    """How many rows of only one side have which reason: [only theirs, only ours]."""
    only = theirs - ours, ours - theirs
    pages = {page for rows in only for page, _, _ in rows if page is not None}
    reasons: dict[str, list[int]] = {}
    malformed = set()
    for page, images in _images(path, pages):
        if images is None:
            malformed.add(page)
        for image in images or ():
            _settle(image, only, reasons)
    read = {page for page, _, _ in ours}
    for side, rows in enumerate(only):
        for (page_url, _, _), count in rows.items():
            reason = MALFORMED if side and page_url in malformed else UNEXPLAINED
            reason = DROPPED if not side and page_url not in read else reason
            reasons.setdefault(reason, [0, 0])[side] += count
    return {reason: counts for reason, counts in reasons.items() if any(counts)}


def _settle(
    image: _Image, only: tuple[Counter[Row], Counter[Row]], reasons: dict[str, list[int]]
) -> None:
    """Take the image's rows out of those that only one side has, and count them to the reason."""
    their_url, our_alt = _their_url(image), decoded(image.alt)
    our_url, words = _our_url(image)
    if (their_url, image.alt) == (our_url, our_alt):
        return
    if their_url == our_url:
        words = "alt text decoded"
    keys = (image.page_url, their_url, image.alt), (image.page_url, our_url or "", our_alt)
    taken = [rows[key] > 0 for rows, key in zip(only, keys, strict=True)]
    reason = words if taken[0] else f"lost by cc2dataset: {words}"
    for side, was_taken in enumerate(taken):
        if was_taken:
            only[side][keys[side]] -= 1
            reasons.setdefault(reason, [0, 0])[side] += 1


def _their_url(image: _Image) -> str:
    """The URL by cc2dataset's rule: as it stands if it is absolute, else joined with the base."""
    if image.src.startswith(_HTTP):
        return image.src
    try:
        return urljoin(urljoin(image.page_url, image.base or ""), image.src)
    except ValueError:
        return image.src


def _our_url(image: _Image) -> tuple[str | None, str]:
    """The URL by pairlake's rule, None if it is refused, with what was done or why."""
    if image.alt.isspace():
        return None, "alt text blank"
    url, done = image.src, []
    for name, step in _STEPS:
        before, url = url, step(url)
        done += [name] * (before != url)
    if not url or url.startswith("#"):
        return None, "URL empty or a mere fragment"
    base = absolute_url(image.base, image.page_url) if image.base else image.page_url
    if base is None:
        base = image.page_url
        done.append("<base> that is no http URL passed over")
    joined = absolute_url(url, base)
    if joined is None:
        return None, _refusal(url)
    return joined, " + ".join([*done, *_mended(base, url)] or ["joined by the URL standard"])


def _refusal(url: str) -> str:
    if len(url) > MAX_URL_CHARS:
        return "URL over 2,000 characters"
    return "host malformed" if url.startswith((*_HTTP, "//")) else "scheme not http"


def _mended(base: str, src: str) -> list[str]:
    try:
        url = urljoin(base, src)
        parts = urlsplit(url)
    except ValueError:
        return []
    steps = {
        "fragment cut": "#" in url,
        "host in lower case": parts.netloc != parts.netloc.lower(),
        "/ put behind the host": not parts.path,
    }
    return [name for name, was_done in steps.items() if was_done]


def _images(path: Path, pages: Collection[str]) -> Iterator[tuple[str, list[_Image] | None]]:
    """The images with alt text on the given pages, None for a record whose JSON is malformed."""
    with path.open("rb") as stream:
        kinds = WarcRecordType.metadata
        for record in ArchiveIterator(stream, record_types=kinds, parse_http=False):
            page = record.headers.get("WARC-Target-URI") or ""
            if page not in pages:
                continue
            try:
                yield page, _with_alt(page, json.loads(record.reader.read()))
            except ValueError:
                yield page, None


def _with_alt(page: str, record: Mapping[str, Mapping[str, Mapping[str, object]]]) -> list[_Image]:
    response = record["Envelope"]["Payload-Metadata"].get("HTTP-Response-Metadata", {})
    assert isinstance(response, dict)
    html = response.get("HTML-Metadata", {})
    return [
        _Image(page, html["Head"].get("Base"), link["url"], link["alt"])
        for link in html.get("Links", ())
        if link["path"] == "IMG@/src" and link.get("alt")
    ]
