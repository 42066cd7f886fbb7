"""Turns crawl files into pairs, one process per processor, one transaction per crawl file.

`pairlake crawl` writes raw.image_text_pairs, raw.pages, raw.image_licenses, raw.list_scores,
raw.site_rules and raw.crawl_files.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from pairlake.ingest.crawl.captioned.folders import brings_pictures
from pairlake.ingest.crawl.lists.layout import Columns
from pairlake.ingest.crawl.reading import CrawlFile, Reading
from pairlake.ingest.crawl.workers import Task, readings
from pairlake.ingest.images.blocked import Blocked
from pairlake.ingest.images.landing import LANDED, unlanded
from pairlake.lake.append import append
from pairlake.lake.catalog import connect
from pairlake.lake.errors import JobFailed
from pairlake.lake.passwords import without_passwords
from pairlake.lake.progress import bar
from pairlake.lake.settings import settings
from pairlake.lake.tombstones import SITE_RULES
from pairlake.lake.workspace import workspace

_ROW = pa.schema(
    {
        "crawl_id": pa.string(),
        "path": pa.string(),
        "outcome": pa.string(),
        "error": pa.string(),
        "records": pa.int64(),
        "unreadable_records": pa.int64(),
        "other_records": pa.list_(pa.struct({"kind": pa.string(), "records": pa.int64()})),
        "links": pa.int64(),
        "images": pa.int64(),
        "pairs": pa.int64(),
        "sightings": pa.int64(),
        "with_login": pa.int64(),
        "is_list": pa.bool_(),
        "sites": pa.int64(),
        "downloads": pa.int64(),
        "bytes": pa.int64(),
        "seconds": pa.float64(),
        "started_at": pa.timestamp("us"),
        "cleaning_version": pa.int32(),
    }
)
_PAIRS = "raw.image_text_pairs"

Progress = Callable[[str], object]


@dataclass(frozen=True, kw_only=True)
class CrawlSummary:
    """What a run of `crawl` did: crawl files by outcome, those done before, and what landed."""

    outcomes: Mapping[str, int]
    skipped: int
    pairs: int
    sightings: int
    unreadable_records: int = 0
    other_records: int = 0
    with_login: int = 0
    sites: int = 0
    # Images whose bytes landed with their pages; None where they were not wanted.
    downloads: int | None = None
    # The first error that nobody foresaw, in words.
    failure: str | None = None

    @property
    def failed(self) -> int:
        """Crawl files of which not all could be read; the next run tries them again."""
        return sum(count for outcome, count in self.outcomes.items() if outcome != "ok")

    def __str__(self) -> str:
        if not self.outcomes:
            return f"nothing to do: {self.skipped} crawl files landed before"
        files = ", ".join(f"{count} {outcome}" for outcome, count in self.outcomes.items())
        landed = f"crawl files: {files}; {self.pairs:,} pairs, seen {self.sightings:,} times"
        if self.unreadable_records:
            landed += f", {self.unreadable_records:,} unreadable records"
        if self.other_records:
            landed += f", {self.other_records:,} other records"
        if self.with_login:
            landed += f", {self.with_login:,} left out for a login in their URL"
        if self.sites:
            landed += f"; {self.sites:,} sites' robots.txt"
        if self.downloads is not None:
            landed += f"; {self.downloads:,} downloads out of the files"
        if self.failure:
            landed += f"; failed: {self.failure}"
        return landed


def crawl(
    locations: Sequence[str],
    *,
    crawl_id: str | None = None,
    columns: Columns | None = None,
    with_bytes: bool = False,
    progress: Progress = lambda message: None,
) -> CrawlSummary:
    """Land the pairs of every crawl file that has not landed whole yet, one transaction each.

    Without a `crawl_id`, a file belongs to the crawl that its path names, a list to one named as
    its folder, and others to `local`. What cannot be read is an outcome in raw.crawl_files, and
    is tried again by the next call. `columns` name the URL and caption columns of lists.
    Where they are wanted `with_bytes`, the images that a web archive holds land with their pages,
    also those of files that have landed without; pictures of tars and folders always bring
    theirs. `progress` hears of each file.
    """
    crawl_id = None if crawl_id is None else without_passwords(crawl_id)
    tally = _Tally(progress)
    con = connect()
    try:
        named = {_path(location): location for location in locations}
        with_bytes_too = {path for path in named if with_bytes or brings_pictures(path)}
        blocked = _blocked(con) if with_bytes_too else None
        done = _landed(con, with_bytes)
        with workspace() as folder:
            todo = [
                Task(
                    location=location,
                    crawl_id=crawl_id or _crawl_id(path),
                    path=path,
                    folder=folder / str(number),
                    columns=columns or Columns(),
                    blocked=blocked if path in with_bytes_too else None,
                )
                for number, (path, location) in enumerate(named.items())
                if (crawl_id or _crawl_id(path), path) not in done
            ]
            tally.files = len(todo)
            tally.show()
            with closing(readings(todo)) as arriving:
                for reading in arriving:
                    tally.add(_land(reading, con))
                    if blocked is not None:
                        blocked.refresh(con)
    finally:
        if blocked is not None:
            # All connections of a process share it.
            con.execute("reset threads")
        con.close()
    return tally.summary(skipped=len(named) - len(todo))


class _Tally:
    """Counts what has landed, and says so on the way."""

    def __init__(self, progress: Progress) -> None:
        self._progress, self._started = progress, time.monotonic()
        self._outcomes: Counter[str] = Counter()
        self._pairs = self._sightings = self._unreadable = self._others = 0
        self._with_login = self._sites = self.files = 0
        self._failure: str | None = None
        self._downloads: int | None = None

    def add(self, file: CrawlFile) -> None:
        self._outcomes[file.outcome] += 1
        self._pairs += file.pairs
        self._sightings += file.sightings
        self._unreadable += file.unreadable_records
        self._others += sum(file.other_records.values())
        self._with_login += file.with_login
        self._sites += file.sites
        if file.downloads is not None:
            self._downloads = (self._downloads or 0) + file.downloads
        if file.outcome == "failed" and not self._failure:
            self._failure = f"{file.path}, {file.error}"
        self.show()

    def show(self) -> None:
        elapsed = time.monotonic() - self._started
        rate = self._pairs / elapsed if elapsed else 0.0
        self._progress(
            bar(
                self._outcomes.total(),
                self.files,
                self._started,
                prefix="crawl",
                unit=" files",
                postfix=f"{self._pairs:,} pairs, {rate:,.0f}/s",
            )
        )

    def summary(self, *, skipped: int) -> CrawlSummary:
        return CrawlSummary(
            outcomes=dict(self._outcomes),
            skipped=skipped,
            pairs=self._pairs,
            sightings=self._sightings,
            unreadable_records=self._unreadable,
            other_records=self._others,
            with_login=self._with_login,
            sites=self._sites,
            downloads=self._downloads,
            failure=self._failure,
        )


def _land(reading: Reading, con: duckdb.DuckDBPyConnection) -> CrawlFile:
    """Land one reading, unless what it could read has landed already; gives its row."""
    file, tables = reading.file, reading.tables
    landing = sum(pq.read_metadata(part).num_rows for part in tables.get(_PAIRS, ()))
    if file.pairs != landing:
        raise JobFailed(
            f"{file.path} has {file.pairs} pairs, but {landing} would land; nothing was written."
        )
    sightings, downloads, sites = _known(file, con)
    # Of a file that stays damaged, or is read again for its images, what could be read lands once.
    if file.sightings <= sightings:
        file = replace(file, links=0, images=0, pairs=0, sightings=0)
        tables = {name: tables[name] for name in tables.keys() & {*LANDED, SITE_RULES}}
    if file.sites <= sites:
        file = replace(file, sites=0)
        tables = {name: parts for name, parts in tables.items() if name != SITE_RULES}
    if file.downloads is not None and file.downloads <= downloads:
        file = replace(file, downloads=0)
        tables = {name: parts for name, parts in tables.items() if name not in LANDED}
    append({**unlanded(tables, con), "raw.crawl_files": _row(file)}, con)
    for parts in reading.tables.values():
        for part in parts:
            part.unlink()
    return file


def _known(file: CrawlFile, con: duckdb.DuckDBPyConnection) -> tuple[int, int, int]:
    """The most sightings, downloads and sites that landed of a file in an attempt as good as this.

    -1 where there was none.
    """
    row = con.execute(
        "select coalesce(max(sightings), -1), coalesce(max(downloads), -1), "
        "coalesce(max(sites), -1) from lake.raw.crawl_files "
        "where crawl_id = ? and path = ? and (? or outcome = 'ok')",
        [file.crawl_id, file.path, file.outcome != "ok"],
    ).fetchone()
    return row or (-1, -1, -1)


def _row(file: CrawlFile) -> pa.Table:
    others = [{"kind": kind, "records": count} for kind, count in file.other_records.items()]
    return pa.Table.from_pylist([asdict(file) | {"other_records": others}], _ROW)


def _path(location: str) -> str:
    """The name of a crawl file in the lake: from `crawl-data/` on, as in Common Crawl's listings.

    So that a file is the same wherever its crawl is mirrored. Other files go by their whole path;
    bytes of it that are no UTF-8 as escapes. Without passwords and signatures, so that a file is
    the same also under a new one.
    """
    before, found, rest = location.partition("crawl-data/")
    if found and (not before or before.endswith("/")):
        path = found + rest
    else:
        path = location if "://" in location else str(Path(location).resolve())
        # A folder of pictures.
        path += "/" if location.endswith("/") and not path.endswith("/") else ""
    return without_passwords(path.encode(errors="backslashreplace").decode())


def _crawl_id(path: str) -> str:
    """The crawl that a path names, `crawl-data/<crawl_id>/…`; else the file's folder.

    A folder of pictures is one; what img2dataset numbers is of the folder above.
    """
    folder, _, rest = path.partition("/")
    if folder == "crawl-data":
        return rest.partition("/")[0] or "local"
    own = PurePosixPath(path)
    is_one = path.endswith("/") and not own.name.isdecimal()
    return (own.name if is_one else own.parent.name) or "local"


def _blocked(con: duckdb.DuckDBPyConnection) -> Blocked:
    # Each thread of DuckDB holds row groups of pixels; landing is a small part of the work.
    con.execute("set threads = 1")
    return Blocked(con, settings().hash_lists)


def _landed(con: duckdb.DuckDBPyConnection, with_bytes: bool) -> set[tuple[str, str]]:
    rows = con.execute(
        "select distinct crawl_id, path from lake.raw.crawl_files "
        "where outcome = 'ok' and (downloads is not null or not ?)",
        [with_bytes],
    ).fetchall()
    # Earlier versions landed URLs with their passwords.
    return {(without_passwords(crawl_id), without_passwords(path)) for crawl_id, path in rows}
