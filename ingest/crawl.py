"""Turns crawl files into pairs.

`pairlake crawl` writes raw.image_text_pairs and raw.crawl_files, one transaction per crawl file.
"""

from __future__ import annotations

import gzip
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from zipfile import BadZipFile

import aiohttp
import duckdb
import fsspec
import pyarrow as pa
import pyarrow.compute as pc

from ingest.crawl_file import CrawlFile, read_crawl_file
from lake.append import append
from lake.catalog import connect
from lake.errors import JobFailed, PairlakeError
from lake.settings import settings

_ROW = pa.schema(
    {
        "crawl_id": pa.string(),
        "path": pa.string(),
        "outcome": pa.string(),
        "error": pa.string(),
        "records": pa.int64(),
        "unreadable_records": pa.int64(),
        "links": pa.int64(),
        "images": pa.int64(),
        "pairs": pa.int64(),
        "sightings": pa.int64(),
        "bytes": pa.int64(),
        "seconds": pa.float64(),
        "started_at": pa.timestamp("us"),
        "cleaning_version": pa.int32(),
    }
)


class CrawlFileMissing(PairlakeError):
    """A crawl file or a crawl's listing that was asked for by name is not there."""


@dataclass(frozen=True, kw_only=True)
class CrawlSummary:
    """What a run of `crawl` did: crawl files by outcome, those done before, and what landed."""

    outcomes: Mapping[str, int]
    skipped: int
    pairs: int
    sightings: int

    @property
    def failed(self) -> int:
        """Crawl files that could not be read; the next run tries them again."""
        return sum(count for outcome, count in self.outcomes.items() if outcome != "ok")

    def __str__(self) -> str:
        if not self.outcomes:
            return f"nothing to do: {self.skipped} crawl files landed before"
        files = ", ".join(f"{count} {outcome}" for outcome, count in self.outcomes.items())
        return f"crawl files: {files}; {self.pairs:,} pairs, seen {self.sightings:,} times"


Progress = Callable[[str], object]


def crawl_paths(crawl_id: str, files: int | None = None) -> list[str]:
    """Where the first `files` WAT files of a crawl are, or all: below the setting `crawl_root`.

    Reads the crawl's own listing, `crawl-data/<crawl_id>/wat.paths.gz`. Raises CrawlFileMissing
    where there is none.
    """
    root = settings().crawl_root.rstrip("/")
    listing = f"{root}/crawl-data/{crawl_id}/wat.paths.gz"
    try:
        with fsspec.open(listing, "rb") as stream:
            lines = gzip.decompress(stream.read()).decode().split()
    except (
        aiohttp.ClientError,
        OSError,
        EOFError,
        ImportError,
        zlib.error,
        ValueError,
    ) as error:
        raise CrawlFileMissing(
            f"The crawl {crawl_id} has no readable listing at {listing} "
            f"({type(error).__name__}: {error}); check the name, and PAIRLAKE_CRAWL_ROOT."
        ) from error
    return [f"{root}/{line}" for line in lines[:files]]


def named_files(names: Sequence[str]) -> list[str]:
    """Crawl files given by name: the same names, after a look whether each is there.

    Raises CrawlFileMissing for the first that is not.
    """
    for name in names:
        try:
            filesystem, path = fsspec.core.url_to_fs(name)
            there = filesystem.isfile(path)
        except (aiohttp.ClientError, OSError, ImportError, ValueError, BadZipFile) as error:
            raise CrawlFileMissing(
                f"The crawl file {name} cannot be reached ({type(error).__name__}: {error}); "
                "give a path or an http(s) URL."
            ) from error
        if not there:
            raise CrawlFileMissing(
                f"There is no crawl file {name}; give the path or URL of a .warc.wat.gz file."
            )
    return list(names)


def crawl(
    locations: Sequence[str],
    *,
    crawl_id: str | None = None,
    progress: Progress = lambda message: None,
) -> CrawlSummary:
    """Land the pairs of every crawl file that has not landed yet, one transaction each.

    Without a `crawl_id`, each file belongs to the crawl that its path names, or to `local`. A
    file that cannot be read is an outcome of its own in raw.crawl_files, and is tried again by
    the next call. `progress` hears of each file that was tried.
    """
    outcomes: Counter[str] = Counter()
    pairs = sightings = 0
    con = connect()
    try:
        named = {_path(location): location for location in locations}
        ids = {path: crawl_id or _crawl_id(path) for path in named}
        done = _landed(con)
        todo = {path: named[path] for path in named if (ids[path], path) not in done}
        for path, location in todo.items():
            file, rows = read_crawl_file(location, crawl_id=ids[path], path=path)
            _land(file, rows, con)
            outcomes[file.outcome] += 1
            pairs += file.pairs
            sightings += file.sightings
            progress(f"{sum(outcomes.values())} of {len(todo)} crawl files, {pairs:,} pairs")
    finally:
        con.close()
    return CrawlSummary(
        outcomes=dict(outcomes),
        skipped=len(named) - len(todo),
        pairs=pairs,
        sightings=sightings,
    )


def _land(file: CrawlFile, pairs: pa.Table, con: duckdb.DuckDBPyConnection) -> None:
    landed = pc.sum(pairs["occurrences"]).as_py() or 0
    if (file.pairs, file.sightings) != (pairs.num_rows, landed):
        raise JobFailed(
            f"{file.path} has {file.sightings} sightings of {file.pairs} pairs, but {landed} of "
            f"{pairs.num_rows} would land; nothing was written."
        )
    append(
        {
            "raw.image_text_pairs": pairs,
            "raw.crawl_files": pa.Table.from_pylist([asdict(file)], _ROW),
        },
        con,
    )


def _path(location: str) -> str:
    """The name of a crawl file in the lake: from `crawl-data/` on, as in Common Crawl's listings.

    So that a file is the same wherever its crawl is mirrored. Other files go by their whole path.
    """
    before, found, rest = location.partition("crawl-data/")
    if found and (not before or before.endswith("/")):
        return found + rest
    return location if "://" in location else str(Path(location).absolute())


def _crawl_id(path: str) -> str:
    """The crawl that a path names, `crawl-data/<crawl_id>/…`; `local` for files of no crawl."""
    folder, _, rest = path.partition("/")
    crawl_id = rest.partition("/")[0]
    return crawl_id if folder == "crawl-data" and crawl_id else "local"


def _landed(con: duckdb.DuckDBPyConnection) -> set[tuple[str, str]]:
    rows = con.execute(
        "select distinct crawl_id, path from lake.raw.crawl_files where outcome = 'ok'"
    ).fetchall()
    return {(crawl_id, path) for crawl_id, path in rows}
