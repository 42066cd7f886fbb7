"""What lands in a lake that is to be frozen: `landed`, and what that lacks of every table."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pyarrow as pa

from pairlake.lake.append import append
from pairlake.lake.catalog import writing
from pairlake.lake.keys import text_id
from pairlake.lake.takedowns import record_takedowns
from tests.keyed import with_pair_keys
from tests.lakes.scores import VERSIONS, models, scores
from tests.lakes.seen import (
    AGAIN,
    FIRST,
    FORGOTTEN,
    FORGOTTEN_LATER,
    LATER,
    NOON,
    ORDINARY,
    Seen,
)
from tests.models import landed

CRAWL, LATER_CRAWL = "CC-MAIN-2026-04", "CC-MAIN-2026-08"


def land_first() -> None:
    """Land what the lake is built of before it is frozen; asks for the first removals."""
    landed.land()
    for version in VERSIONS:
        append({"enriched.models": models(version)})
    _land_file(FIRST, CRAWL, "segments/1.wat.gz")
    _land_file(ORDINARY[:12], CRAWL, "segments/2.wat.gz")
    for outcome in ("truncated", "damaged", "crashed"):
        _land_file(ORDINARY[:2], CRAWL, f"segments/{outcome}.wat.gz", outcome)
    _land_found(FIRST)
    record_takedowns(
        {
            "caption": [FORGOTTEN[0].caption],
            "url": [FORGOTTEN[1].image_url],
            "domain": ["forgotten.example"],
            "page": [FORGOTTEN[3].page],
            "image_hash": [FORGOTTEN[4].sha256.hex()],
        },
        reason="asked",
    )


def land_later() -> None:
    """Land what no build has seen when the lake is frozen, and release a few pixels."""
    _land_file((*ORDINARY[:5], *LATER[:8]), LATER_CRAWL, "segments/1.wat.gz")
    _land_file(LATER[8:], CRAWL, "segments/3.wat.gz")
    _land_found(LATER)
    later = NOON + timedelta(days=40)
    for seen, outcome in AGAIN.items():
        found = replace(seen, outcome=outcome, attempted_at=later, shows="something else")
        _land_found([found])
    record_takedowns({"caption": [FORGOTTEN_LATER.caption]}, reason="asked")
    with writing() as con:
        released = [[seen.image_id] for seen in ORDINARY[:3]]
        con.executemany("delete from lake.raw.image_pixels where image_id = ?", released)


def _land_file(pairs: Sequence[Seen], crawl_id: str, path: str, outcome: str = "ok") -> None:
    rows = [
        {
            "crawl_id": crawl_id,
            "path": path,
            "image_url": seen.image_url,
            "caption": seen.caption,
            "sightings": [
                {
                    "page_url": seen.page,
                    "license_url": "https://creativecommons.org/licenses/by/4.0/",
                    "record_offset": 1_000 * number,
                    "width_hint": seen.width,
                    "height_hint": None,
                }
            ],
            "occurrences": 1,
        }
        for number, seen in enumerate(pairs)
    ]
    file = {
        "crawl_id": crawl_id,
        "path": path,
        "outcome": outcome,
        "error": None if outcome == "ok" else f"it was {outcome}",
        "records": 2 * len(rows),
        "unreadable_records": 1,
        "links": 9 * len(rows),
        "images": 3 * len(rows),
        "pairs": len(rows),
        "sightings": len(rows),
        "bytes": 10_000,
        "seconds": 0.5,
        "started_at": NOON,
        "cleaning_version": 1,
    }
    append(
        {
            "raw.image_text_pairs": with_pair_keys(pa.Table.from_pylist(rows)),
            "raw.crawl_files": pa.Table.from_pylist([file]),
        }
    )


def _land_found(pairs: Sequence[Seen]) -> None:
    """Land the answers, the pictures and the scores of pairs."""
    _land_downloads(pairs)
    pictures = list({seen.image_id: seen for seen in pairs if seen.outcome == "ok"}.values())
    append(
        {
            "raw.images": _images(pictures),
            "raw.image_pixels": _pixels(pictures),
            "raw.image_rights": _rights(pictures),
        }
    )
    append(scores(pairs))


def _land_downloads(pairs: Sequence[Seen]) -> None:
    append({"raw.downloads": pa.Table.from_pylist([_download(seen) for seen in pairs])})


def _download(seen: Seen) -> dict[str, Any]:
    is_ok = seen.outcome == "ok"
    return {
        "url_id": text_id(seen.image_url),
        "attempted_at": seen.attempted_at,
        "outcome": seen.outcome,
        "error": None if is_ok else f"it was {seen.outcome}",
        "http_status": 200 if is_ok else 404,
        "final_url": f"{seen.image_url}?final",
        "content_type": f"image/{seen.format}",
        "bytes": len(seen.picture),
        "elapsed_ms": 120,
        "image_id": seen.image_id if is_ok else None,
        "md5": _md5(seen.picture) if is_ok else None,
        "sha256": seen.sha256 if is_ok else None,
        "opt_out_evidence": "tdm-reservation: 1" if seen.outcome.startswith("opted") else None,
    }


def _images(pictures: Sequence[Seen]) -> pa.Table:
    rows = [
        {
            "image_id": seen.image_id,
            "width": seen.width,
            "height": seen.height,
            "format": seen.format,
            # As many as a picture of that size has: what is kept of it here is smaller.
            "bytes": 20_000 + len(seen.picture),
            "md5": _md5(seen.picture),
            "sha256": seen.sha256,
            "first_seen_at": seen.attempted_at,
            "frames": 1,
        }
        for seen in pictures
    ]
    return pa.Table.from_pylist(rows)


def _pixels(pictures: Sequence[Seen]) -> pa.Table:
    rows = [
        {
            "image_id": seen.image_id,
            "pixels": seen.picture,
            "encoding": seen.format,
            "width": 16,
            "height": 12,
        }
        for seen in pictures
    ]
    return pa.Table.from_pylist(rows)


def _rights(pictures: Sequence[Seen]) -> pa.Table:
    rows = [
        {
            "image_id": seen.image_id,
            "carrier": "xmp",
            "property": "dc:rights",
            "value": f"the maker of {seen.shows or seen.caption}",
            "is_cut": False,
            "heard_at": seen.attempted_at,
        }
        for seen in pictures
    ]
    return pa.Table.from_pylist(rows)


def _md5(content: bytes) -> uuid.UUID:
    return uuid.UUID(bytes=hashlib.md5(content, usedforsecurity=False).digest())
