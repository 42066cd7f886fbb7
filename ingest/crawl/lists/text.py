"""Transcribes a CSV or JSON list into a Parquet file of its rows, for SQL to read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa

from pairlake.ingest.crawl.lists.csv import CsvTable
from pairlake.ingest.crawl.lists.json import BrokenJson, JsonTable
from pairlake.ingest.crawl.lists.layout import Columns, Layout, NotAList, find_layout
from pairlake.ingest.crawl.lists.lines import NO_TEXT, ListText, opened_text
from pairlake.ingest.crawl.lists.rows import list_rows, rows_writer
from pairlake.ingest.crawl.reading import CrawlFile

_BATCH_CHARS = 2 * 2**20
_SURROGATE = re.compile("[\ud800-\udfff]")

# A row's number, and its record; and then its values in the order of the layout.
Numbered = tuple[int, Any]
Picked = tuple[Any, ...]


def transcribe_text(
    file: Path, kind: str, wanted: Columns, target: Path, counts: CrawlFile
) -> Layout:
    """Write the rows of a CSV or JSON list to `target` as list_rows has them; returns their layout.

    What kind of values a column holds is told by the first 2 MB. Counts records, and those that
    cannot be read, into `counts`; what ends the list too early makes it damaged there. Raises
    NotAList.
    """
    with opened_text(file) as text:
        table = CsvTable(text, wanted) if kind == "csv" else JsonTable(text, kind)
        batches = _batches(_until_broken(table.records, counts), text, counts)
        first = next(batches)
        kinds = table.kinds([record for _, record in first])
        if not kinds:
            raise NotAList(_damage(text) or counts.error or table.nothing)
        layout = find_layout(kinds, wanted)
        pick = table.picker(layout, kinds)
        schema = _rows([], table, layout, counts).schema
        with rows_writer(target, schema) as writer:
            for batch in chain([first], batches):
                picked = ((number, pick(record)) for number, record in batch)
                rows = [(number, *values) for number, values in picked if values]
                counts.unreadable_records += len(batch) - len(rows)
                writer.write_batch(_rows(rows, table, layout, counts))
        if text.damage:
            if not counts.records:
                raise NotAList(_damage(text))
            counts.outcome = "truncated" if isinstance(text.damage, EOFError) else "damaged"
            counts.error = _damage(text)
    return layout


def _damage(text: ListText) -> str | None:
    if text.damage is None:
        return None
    return f"It cannot be unpacked from line {text.line + 1} on: {text.damage}"


def _until_broken(records: Iterator[Any], counts: CrawlFile) -> Iterator[Any]:
    try:
        yield from records
    except BrokenJson as error:
        counts.outcome = "damaged"
        counts.error = f"It is no JSON from record {counts.records + 1} on: {error}"
        yield None


def _batches(records: Iterable[Any], text: ListText, counts: CrawlFile) -> Iterator[list[Numbered]]:
    """Records with their row numbers, some 2 MB at a time; counts them."""
    batch: list[Numbered] = []
    end = _BATCH_CHARS
    for record in records:
        if record is None:
            counts.unreadable_records += 1
        else:
            batch.append((counts.records, record))
        counts.records += 1
        if text.taken >= end:
            yield batch
            batch, end = [], text.taken + _BATCH_CHARS
    yield batch


def _rows(
    rows: Sequence[Picked],
    table: CsvTable | JsonTable,
    layout: Layout,
    counts: CrawlFile,
) -> pa.RecordBatch:
    try:
        numbers, *columns = _columns(rows, table, layout)
    except UnicodeEncodeError:
        readable = [_mended(row) for row in rows if not _lacks_text(row)]
        counts.unreadable_records += len(rows) - len(readable)
        numbers, *columns = _columns(readable, table, layout)
    roles = dict(zip(layout.columns, columns, strict=False))
    return list_rows(numbers, roles, columns[len(roles) :], counts)


def _columns(
    rows: Sequence[Picked], table: CsvTable | JsonTable, layout: Layout
) -> Iterator[pa.Array]:
    """The row numbers, then the columns of the layout."""
    types = dict.fromkeys(layout.columns, pa.string()) | {"caption": table.caption_type}
    every = [pa.int64(), *types.values(), *(pa.string() for _ in layout.scores)]
    columns: Iterable[Sequence[Any]] = zip(*rows, strict=True) if rows else ([] for _ in every)
    return map(pa.array, columns, every)


def _lacks_text(row: Picked) -> bool:
    texts = chain.from_iterable(each if isinstance(each, list) else [each] for each in row)
    return any(NO_TEXT in text for text in texts if isinstance(text, str))


def _mended(value: Any) -> Any:
    """A value, or each in it, without what JSON's escapes make of half a character."""
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    return type(value)(map(_mended, value)) if isinstance(value, list | tuple) else value
