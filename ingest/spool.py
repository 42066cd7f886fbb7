"""Gathers the sightings of one crawl file on disk, and makes distinct pairs of them.

However large the file is, no more than a bounded part of it is in memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import duckdb
import polars as pl
import pyarrow.parquet as pq

from ingest.captions import clean_captions
from ingest.pages import Page
from lake.tables import SIGHTING

SIGHTINGS_IN_MEMORY = 10_000
CHARACTERS_IN_MEMORY = 4_000_000
# Distinct pairs are found among so many bytes of sightings at a time, in so much memory.
BYTES_AT_ONCE = 16_000_000
MEMORY = "128MB"
# Each bucket has a file open while sightings are dealt out.
_MAX_BUCKETS = 64

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
        self._file = folder / "sightings.parquet"
        self._rows: list[Row] = []
        self._writer: pq.ParquetWriter | None = None
        self._characters = self._bytes = 0
        self.sightings = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

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
        self.__exit__(None, None, None)
        if not self.sightings:
            return 0, []
        with duckdb.connect(":memory:", config={"threads": "1", "memory_limit": MEMORY}) as con:
            con.execute("set temp_directory = ?", [str(self._folder / "tmp")])
            targets = []
            for number, part in enumerate(self._parts()):
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
        rows = distinct.to_arrow()
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._file, rows.schema)
        self._writer.write_table(rows)
        self.sightings += captioned.height
        self._bytes += rows.nbytes

    def _parts(self) -> Sequence[Path]:
        """The sightings in files that are small enough; those of one pair are in the same."""
        buckets = min(-(-self._bytes // BYTES_AT_ONCE), _MAX_BUCKETS)
        if buckets == 1:
            return [self._file]
        parts = [self._folder / f"sightings-{number}.parquet" for number in range(buckets)]
        bucket = pl.struct("image_url", "caption").hash() % buckets
        with ExitStack() as writers, pq.ParquetFile(self._file) as file:
            opened = [writers.enter_context(pq.ParquetWriter(p, file.schema_arrow)) for p in parts]
            for batch in file.iter_batches(SIGHTINGS_IN_MEMORY // 10):
                dealt = pl.DataFrame(batch).with_columns(bucket=bucket)
                for (number,), rows in dealt.partition_by(
                    "bucket", include_key=False, as_dict=True
                ).items():
                    opened[number].write_table(rows.to_arrow().cast(file.schema_arrow))
        self._file.unlink()
        return parts
