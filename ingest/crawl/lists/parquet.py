"""Reads a Parquet list, a row group at a time: one that cannot be read costs itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pairlake.ingest.crawl.lists.layout import (
    NUMBERS,
    TEXT,
    TEXTS,
    Columns,
    Layout,
    NotAList,
    find_layout,
)
from pairlake.ingest.crawl.lists.lines import is_packed
from pairlake.ingest.crawl.lists.rows import is_list, is_text, list_rows, rows_writer
from pairlake.ingest.crawl.reading import CrawlFile
from pairlake.lake.errors import first_line

_ROWS_AT_ONCE = 4_096
_BUFFER_BYTES = 2**20
_ERRORS = (pa.ArrowException, OSError, ValueError)


def transcribe_parquet(file: Path, wanted: Columns, target: Path, counts: CrawlFile) -> Layout:
    """Write the rows of a Parquet list to `target` as list_rows has them; return their layout.

    Raises NotAList. Rows that cannot be read make the file damaged in `counts`.
    """
    if is_packed(file):
        raise NotAList("The list is Parquet within gzip; unpack it first, as gunzip does.")
    try:
        metadata = pq.read_metadata(file)
        schema = metadata.schema.to_arrow_schema()
        kinds = {name: _kind(schema, name) for name in schema.names}
        layout = find_layout(kinds, wanted)
        source = pq.ParquetFile(
            file,
            metadata=metadata,
            buffer_size=_BUFFER_BYTES,
            pre_buffer=False,
        )
    except _ERRORS as error:
        raise NotAList(f"The list cannot be read: {first_line(error)}") from error
    none = pa.RecordBatch.from_pylist([], source.schema_arrow)
    with rows_writer(target, _rows(none, layout, counts).schema) as writer:
        for batch in _batches(source, layout, counts):
            writer.write_batch(batch)
    return layout


def _kind(schema: pa.Schema, name: str) -> str:
    # Of two columns with one name the first is taken.
    return _kind_of(schema.field(schema.names.index(name)).type)


def _kind_of(type_: pa.DataType) -> str:
    """NUMBERS, TEXT or TEXTS, or the words for another type."""
    kinds = pa.types
    if isinstance(type_, pa.JsonType):
        return "JSON"
    if isinstance(type_, pa.BaseExtensionType):
        return _kind_of(type_.storage_type)
    if kinds.is_dictionary(type_):
        return _kind_of(type_.value_type)
    if is_text(type_) or kinds.is_null(type_):
        return TEXT
    if kinds.is_integer(type_) or kinds.is_floating(type_) or kinds.is_decimal(type_):
        return NUMBERS
    holds_texts = is_list(type_) and _kind_of(type_.value_type) == TEXT
    return TEXTS if holds_texts else str(type_)


def _batches(source: pq.ParquetFile, layout: Layout, counts: CrawlFile) -> Iterator[pa.RecordBatch]:
    names = list(dict.fromkeys([*layout.columns.values(), *layout.scores.values()]))
    for group in range(source.num_row_groups):
        rows = source.metadata.row_group(group).num_rows
        end = counts.records + rows
        try:
            for batch in source.iter_batches(
                _ROWS_AT_ONCE, row_groups=[group], columns=names, use_threads=False
            ):
                yield _rows(batch, layout, counts)
        except _ERRORS as error:
            counts.outcome = "damaged"
            counts.error = counts.error or (
                f"rows {counts.records} to {end} cannot be read: {first_line(error)}"
            )
            counts.unreadable_records += max(end - counts.records, 0)
        counts.records = max(end, counts.records)


def _rows(batch: pa.RecordBatch, layout: Layout, counts: CrawlFile) -> pa.RecordBatch:
    def column(name: str) -> pa.Array:
        return _unfolded(batch.column(batch.schema.names.index(name)))

    start = counts.records
    counts.records += batch.num_rows
    return list_rows(
        pa.array(range(start, counts.records), pa.int64()),
        {role: column(name) for role, name in layout.columns.items()},
        [column(name) for name in layout.scores.values()],
        counts,
    )


def _unfolded(column: pa.Array) -> pa.Array:
    """A column without the types that wrap others."""
    if isinstance(column.type, pa.UuidType):
        return pa.array([value and str(value) for value in column.to_pylist()], pa.string())
    if isinstance(column, pa.ExtensionArray):
        return _unfolded(column.storage)
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
