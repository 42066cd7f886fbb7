"""Gathers the sightings of one crawl file on disk, and makes distinct pairs of them.

However large the file is, no more than a bounded part of it is in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from ingest.captions import clean_captions
from ingest.pages import Page
from lake.tables import SIGHTING

SIGHTINGS_IN_MEMORY = 10_000
CHARACTERS_IN_MEMORY = 4_000_000
# Distinct pairs are found among so many sightings and bytes at a time, in so much memory.
ROWS_AT_ONCE = 25_000
BYTES_AT_ONCE = 16_000_000
MEMORY = "128MB"
# Each bucket has a file open while sightings are dealt out; larger ones are dealt out again.
_MAX_BUCKETS = 64
_MAX_DEALS = 3

_SCHEMA = {
    "image_url": pl.String,
    "alt": pl.String,
    "page_url": pl.String,
    "license_url": pl.String,
    "record_offset": pl.Int64,
    "width_hint": pl.Int32,
    "height_hint": pl.Int32,
}
_PAIRS = f"""
copy (
    from read_parquet($file, hive_partitioning = false)
    select
        md5(image_url || chr(31) || caption)::uuid as pair_id,
        md5(image_url)::uuid as url_id,
        md5(caption)::uuid as caption_id,
        $crawl_id as crawl_id,
        $path as path,
        image_url,
        caption,
        list({{
            page_url: page_url, license_url: license_url, record_offset: record_offset,
            width_hint: width_hint, height_hint: height_hint
        }} order by record_offset)::{SIGHTING} as sightings,
        sum(times)::integer as occurrences
    group by image_url, caption
) to $target (format parquet)
"""

Row = tuple[str, str, str | None, str | None, int, int | None, int | None]


class Spool:
    """The sightings of one crawl file, in files of `folder`, with their captions cleaned.

    `sightings` counts those that have a caption, which alone become pairs. Should a file be made
    so that one pair is seen on more pages than memory holds, `pairs` raises DuckDB's
    OutOfMemoryException.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._spooled = _Part(folder / "sightings.parquet")
        self._rows: list[Row] = []
        self._characters = 0
        self.sightings = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._spooled.close()

    def add(self, page: Page, offset: int) -> None:
        """Take what a page shows, whose record begins at `offset` of the crawl file."""
        self._rows += [
            (url, alt, page.page_url, page.license_url, offset, width, height)
            for url, alt, width, height in page.sightings
        ]
        self._characters += sum(len(url) + len(alt) for url, alt, *_ in page.sightings)
        if len(self._rows) >= SIGHTINGS_IN_MEMORY or self._characters >= CHARACTERS_IN_MEMORY:
            self._flush()

    def pairs(self, *, crawl_id: str, path: str) -> tuple[int, list[Path]]:
        """How many distinct pairs there are, and the files that hold them.

        They have the columns of raw.image_text_pairs but for source_id, one row per pair.
        """
        self._flush()
        self._spooled.close()
        if not self.sightings:
            return 0, []
        with duckdb.connect(":memory:", config={"threads": 1, "memory_limit": MEMORY}) as con:
            con.execute("set enable_progress_bar = false")
            con.execute("set temp_directory = ?", [str(self._folder / "tmp")])
            targets = []
            for number, part in enumerate(_small(self._spooled)):
                target = self._folder / f"pairs-{number}.parquet"
                values = {"crawl_id": crawl_id, "path": path, "target": str(target)}
                con.execute(_PAIRS, {"file": str(part), **values})
                part.unlink()
                targets.append(target)
        return sum(pq.read_metadata(target).num_rows for target in targets), targets

    def _flush(self) -> None:
        sightings = pl.DataFrame(self._rows, _SCHEMA, orient="row")
        self._rows, self._characters = [], 0
        captioned = sightings.select(
            pl.exclude("alt"), caption=clean_captions(sightings["alt"])
        ).filter(pl.col("caption") != "")
        if captioned.is_empty():
            return
        # What a page shows in the same way a hundred times is one sighting, counted as a hundred.
        distinct = captioned.group_by(pl.all(), maintain_order=True).agg(times=pl.len())
        self._spooled.write(distinct.to_arrow())
        self.sightings += captioned.height


class _Part:
    """A file of sightings, and how much of memory they take."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.rows = self.bytes = 0
        self._writer: pq.ParquetWriter | None = None

    def write(self, rows: pa.Table) -> None:
        if self._writer is None:
            self._writer = pq.ParquetWriter(self.file, rows.schema)
        self._writer.write_table(rows.cast(self._writer.schema))
        self.rows += rows.num_rows
        self.bytes += rows.nbytes

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def _small(part: _Part, deal: int = 0) -> Iterator[Path]:
    """The sightings of `part` in files that are small enough; those of one pair are in the same."""
    buckets = max(-(-part.rows // ROWS_AT_ONCE), -(-part.bytes // BYTES_AT_ONCE))
    if buckets <= 1 or deal == _MAX_DEALS:
        yield part.file
        return
    for smaller in _dealt(part.file, min(buckets, _MAX_BUCKETS), seed=deal):
        if smaller.rows:
            yield from _small(smaller, deal + 1)


def _dealt(file: Path, buckets: int, *, seed: int) -> list[_Part]:
    parts = [_Part(file.with_name(f"{file.stem}-{number}.parquet")) for number in range(buckets)]
    bucket = pl.struct("image_url", "caption").hash(seed) % buckets
    with ExitStack() as closed, pq.ParquetFile(file) as sightings:
        for part in parts:
            closed.callback(part.close)
        for batch in sightings.iter_batches(SIGHTINGS_IN_MEMORY // 10):
            dealt = pl.DataFrame(batch).with_columns(bucket=bucket)
            for (number,), rows in dealt.partition_by(
                "bucket", include_key=False, as_dict=True
            ).items():
                parts[number].write(rows.to_arrow())
    file.unlink()
    return parts
