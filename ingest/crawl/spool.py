"""Gathers the sightings of one crawl file on disk, and makes distinct pairs of them.

However large the file is, no more than a bounded part of it is in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, Self

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pairlake.ingest.crawl.captions import clean_captions, former_captions
from pairlake.ingest.crawl.pages import CAPTION_SOURCES, Page
from pairlake.ingest.crawl.said_rows import SaidRows
from pairlake.lake.errors import in_words
from pairlake.lake.keys import pair_text, text_ids
from pairlake.lake.passwords import has_login
from pairlake.lake.tombstones import FORMER_CAPTION_ID

SIGHTINGS_IN_MEMORY = 10_000
CHARACTERS_IN_MEMORY = 4_000_000
# Distinct pairs are found among so many bytes of sightings at a time.
BYTES_AT_ONCE = 24_000_000
# Each bucket has a file open while sightings are dealt out; larger ones are dealt out again.
_MAX_BUCKETS = 64
_MAX_DEALS = 3

_SCHEMA = {
    "image_url": pl.String,
    "text": pl.String,
    "page_url": pl.String,
    "license_url": pl.String,
    "record_offset": pl.Int64,
    "width_hint": pl.Int32,
    "height_hint": pl.Int32,
    "image_source": pl.String,
    "caption_source": pl.String,
}
_SIGHTING = tuple(name for name in _SCHEMA if name not in ("image_url", "text"))
_FIRST = CAPTION_SOURCES[0]
_PLACE = pl.col("caption_source").replace_strict(
    CAPTION_SOURCES, range(len(CAPTION_SOURCES)), return_dtype=pl.Int8
)
# What a page says of an image is one caption, wherever it stands.
_SAME = ("image_url", "caption", "page_url", "record_offset")

# What the rows hold that wait in memory, column by column in the schema's order.
Columns = Sequence[list[Any]]
# The files are read again at once, so that packing them costs more than it saves.
_write_table = partial(pq.write_table, compression="none")


class Spool:
    """The sightings of one crawl file, in files of `folder`, with their captions cleaned, and what
    the pages say.

    `sightings` counts those that have a caption, which alone become pairs, `with_login` those that
    are left out, since a login in their URL is nobody else's. `failed` hears of each
    that could not be taken: where its record begins, and the words of the error.
    """

    def __init__(
        self, folder: Path, failed: Callable[[int, str], None], *, crawl_id: str, path: str
    ) -> None:
        self._folder, self._failed = folder, failed
        self._crawl_id, self._path = crawl_id, path
        self._spooled = _Part(folder / "sightings.parquet")
        self._said = SaidRows(folder, crawl_id=crawl_id, path=path)
        self._waiting: Columns = _no_rows()
        self._characters = 0
        self._landed: set[str] = set()
        self.sightings = self.with_login = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._spooled.close()
        self._said.close()

    def add(self, page: Page, offset: int) -> None:
        """Take what a page shows, whose record begins at `offset` of the crawl file."""
        shown = [sighting for sighting in page.sightings if not has_login(sighting.image_url)]
        self.with_login += len(page.sightings) - len(shown)
        if not shown:
            return
        urls, texts, *others = zip(*shown, strict=True)
        of_page = ([value] * len(shown) for value in (page.page_url, page.license_url, offset))
        for column, values in zip(self._waiting, (urls, texts, *of_page, *others), strict=True):
            column.extend(values)
        self._characters += sum(map(len, urls)) + sum(map(len, texts))
        self._characters += self._said.add(page, offset)
        if len(self._waiting[0]) >= SIGHTINGS_IN_MEMORY or self._characters >= CHARACTERS_IN_MEMORY:
            self._flush()

    def pairs(self) -> tuple[int, list[Path]]:
        """How many distinct pairs there are, and the files that hold them.

        They have the columns of raw.image_text_pairs but for source_id, and the id that the
        caption had before; one row per pair.
        """
        self._flush()
        self._spooled.close()
        if not self.sightings:
            return 0, []
        targets = []
        for number, part in enumerate(_small(self._spooled)):
            pairs = _distinct(pl.read_parquet(part), crawl_id=self._crawl_id, path=self._path)
            part.unlink()
            targets.append(self._folder / f"pairs-{number}.parquet")
            _write_table(pairs, targets[-1])
        return sum(pq.read_metadata(target).num_rows for target in targets), targets

    def said(self) -> Mapping[str, Sequence[Path]]:
        """The files of what the pages say of which a sighting landed, by table."""
        return self._said.tables()

    def _flush(self) -> None:
        columns, self._waiting, self._characters = self._waiting, _no_rows(), 0
        self._landed = set()
        self._take(columns)
        self._said.flush(self._landed)

    def _take(self, columns: Columns) -> None:
        """Clean and keep these; one that nobody foresaw costs itself, and is found by halves."""
        try:
            captioned = _captioned(columns)
        except Exception as error:  # noqa: BLE001 - no sighting ends the reading of its file
            rows = len(columns[0])
            if rows > 1:
                self._take([column[: rows // 2] for column in columns])
                self._take([column[rows // 2 :] for column in columns])
            else:
                _, _, _, _, [offset], *_ = columns
                self._failed(offset, in_words(error))
            return
        if captioned.is_empty():
            return
        # What a page shows in the same way a hundred times is one sighting, counted as a hundred.
        distinct = captioned.group_by(pl.all(), maintain_order=True).agg(times=pl.len())
        self._spooled.write(distinct.to_arrow())
        self.sightings += captioned.height
        self._landed.update(captioned["page_url"].drop_nulls().unique())


def _no_rows() -> Columns:
    return [[] for _ in _SCHEMA]


def _captioned(columns: Columns) -> pl.DataFrame:
    """The sightings that have a caption, cleaned, each from the first place that has it."""
    sightings = pl.DataFrame(columns, _SCHEMA, orient="col")
    captioned = sightings.select(
        pl.exclude("text"), caption=clean_captions(sightings["text"])
    ).filter(pl.col("caption") != "")
    elsewhere = captioned["record_offset"].filter(captioned["caption_source"] != _FIRST)
    if elsewhere.is_empty():
        return captioned
    # Of the records of few pages, so that few rows are compared.
    near = captioned.with_row_index().filter(
        pl.col("record_offset").is_in(elsewhere.unique().implode())
    )
    repeated = near.filter(_PLACE.min().over(_SAME) < _PLACE)["index"]
    if repeated.is_empty():
        return captioned
    return captioned.filter(~pl.int_range(pl.len()).is_in(repeated.implode()))


def _distinct(sightings: pl.DataFrame, *, crawl_id: str, path: str) -> pa.Table:
    """One row per pair, in the order in which they were seen first, and so its sightings."""
    pairs = sightings.group_by("image_url", "caption", maintain_order=True).agg(
        sightings=pl.struct(_SIGHTING), occurrences=pl.col("times").sum().cast(pl.Int32)
    )
    rows = pairs.with_columns(crawl_id=pl.lit(crawl_id), path=pl.lit(path)).to_arrow()
    urls, captions = pairs["image_url"].to_list(), pairs["caption"].to_list()
    caption_ids = text_ids(captions)
    return (
        rows.append_column("pair_id", text_ids(map(pair_text, urls, captions)))
        .append_column("url_id", text_ids(urls))
        .append_column("caption_id", caption_ids)
        .append_column(FORMER_CAPTION_ID, _former_ids(pairs["caption"], caption_ids))
    )


def _former_ids(captions: pl.Series, ids: pa.ExtensionArray) -> pa.ExtensionArray:
    """The ids that the captions had before, most of which they have still."""
    former = former_captions(captions)
    differs = captions != former
    others = text_ids(former.filter(differs)).storage
    replaced = pc.replace_with_mask(ids.storage, differs.to_arrow(), others)
    return pa.ExtensionArray.from_storage(pa.uuid(), replaced)


class _Part:
    """A file of sightings, and how much of memory they take."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.rows = self.bytes = 0
        self._writer: pq.ParquetWriter | None = None

    def write(self, rows: pa.Table) -> None:
        if self._writer is None:
            self._writer = pq.ParquetWriter(self.file, rows.schema, compression="none")
        self._writer.write_table(rows.cast(self._writer.schema))
        self.rows += rows.num_rows
        self.bytes += rows.nbytes

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def _small(part: _Part, deal: int = 0) -> Iterator[Path]:
    """The sightings of `part` in files that are small enough; those of one pair are in the same."""
    buckets = -(-part.bytes // BYTES_AT_ONCE)
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
