"""What one attempt at one crawl file brings: its row in the lake, and files with what lands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from pairlake.ingest.crawl.captions import CLEANING_VERSION


@dataclass(kw_only=True)
class CrawlFile:
    """One attempt at one crawl file: its row in raw.crawl_files.

    `records` are the pages' records, or the rows of a list, `unreadable_records` what could not
    be read among them; `other_records` are those of no page, by their kind. `links` and `images`
    are what the pages hold; `pairs` are distinct (image_url, caption), and `sightings` how often
    they were seen; `with_login` are the images, or rows, left out since their URL holds a login;
    `is_list` says whether it is a ready-made list; `sites` are those whose
    robots.txt is in it; `downloads` are those of images whose bytes
    came out of the file, if wanted.
    """

    crawl_id: str
    path: str
    outcome: str = "ok"
    error: str | None = None
    records: int = 0
    unreadable_records: int = 0
    other_records: dict[str, int] = field(default_factory=dict)
    links: int = 0
    images: int = 0
    pairs: int = 0
    sightings: int = 0
    with_login: int = 0
    is_list: bool = False
    sites: int = 0
    downloads: int | None = None
    bytes: int = 0
    seconds: float = 0.0
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC).replace(tzinfo=None))
    cleaning_version: int = CLEANING_VERSION


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What one attempt brings: its row, and by table the Parquet files of what lands with it."""

    file: CrawlFile
    tables: Mapping[str, Sequence[Path]]
