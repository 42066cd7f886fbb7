"""Transcribes a CSV or JSONL list into a Parquet file of text, verbatim."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from ingest.list_file import (
    BOM,
    CAPTIONS,
    HTTP,
    URLS,
    Columns,
    Layout,
    NotAList,
    find_delimiter,
    find_layout,
    split_fields,
)
from ingest.reading import CrawlFile

_MAX_LINE_BYTES = 16 * 2**20
_BATCH_BYTES = 2 * 2**20

Record = dict[str, Any] | list[str]


def transcribe(
    stream: IO[bytes], kind: str, wanted: Columns, target: Path, counts: CrawlFile
) -> Layout:
    """Write the records of a CSV or JSONL list to the Parquet file `target`, as text.

    Its columns are `file_row_number` and those that the returned layout names. Which columns are
    scores is told by the first 2 MB. Counts records and the unreadable among them into `counts`.
    """
    lines = _Lines(stream)
    names: list[str] | None = None
    if kind == "csv":
        records, names = _csv_records(lines, wanted)
    else:
        records = _json_records(lines)
    batches = _batches(records, lines, counts)
    first = next(batches)
    layout = find_layout(_numeric([record for _, record in first], names), wanted)
    used = list(dict.fromkeys([*layout.columns.values(), *layout.scores.values()]))
    # By number: Parquet is asked for names without regard to case, JSON is not.
    numbered = {name: f"column_{number}" for number, name in enumerate(used)}
    schema = pa.schema(dict.fromkeys(numbered.values(), pa.string()))
    schema = schema.insert(0, pa.field("file_row_number", pa.int64()))
    with pq.ParquetWriter(target, schema) as writer:
        for batch in chain([first], batches):
            rows = list(_picked(batch, used, names, layout, counts))
            writer.write_table(_table(rows, schema, counts))
    return Layout(
        columns={role: numbered[name] for role, name in layout.columns.items()},
        scores={score: numbered[name] for score, name in layout.scores.items()},
    )


class _Lines:
    """The lines of a stream, and in `taken` their bytes; a byte that is no text for one too long.

    A line that is cut could still be read, as another caption than it holds.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.taken = 0

    def __iter__(self) -> Iterator[bytes]:
        line = self._stream.readline(_MAX_LINE_BYTES).removeprefix(BOM)
        while line:
            self.taken += len(line)
            if line.endswith(b"\n") or len(line) < _MAX_LINE_BYTES:
                yield line
            else:
                yield b"\xff"
                while line and not line.endswith(b"\n"):
                    line = self._stream.readline(_MAX_LINE_BYTES)
            line = self._stream.readline(_MAX_LINE_BYTES)


def _json_records(lines: Iterable[bytes]) -> Iterator[Record | None]:
    for line in lines:
        if not line.strip():
            continue
        try:
            record = json.loads(line.decode())
        except (ValueError, RecursionError):
            record = None
        yield record if isinstance(record, dict) else None


def _csv_records(
    lines: Iterable[bytes], wanted: Columns
) -> tuple[Iterator[Record | None], list[str]]:
    """The rows of a CSV file, None for one that cannot be parsed, and its columns' names.

    A file without a header has two columns, one of them URLs, as CC3M has; with tabs between
    them, its quotes are part of the captions.
    """
    # Bytes that are no UTF-8 become lone surrogates here, and so an unreadable record later.
    texts: Iterator[str] = (line.decode(errors="surrogateescape") for line in lines)
    start = next((text for text in texts if text.strip()), "").rstrip("\r\n")
    delimiter = find_delimiter(start, wanted)
    fields = split_fields(start, delimiter)
    urls = [bool(HTTP.match(field)) for field in fields]
    if not any(urls):
        return _rows(csv.reader(texts, delimiter=delimiter, strict=True), len(fields)), fields
    if len(fields) != 2 or all(urls):
        raise NotAList("The list has no header, and not two columns, one of URLs; give it one.")
    url, caption = wanted.url or URLS[0], wanted.caption or CAPTIONS[0]
    names = [url if is_url else caption for is_url in urls]
    texts = chain([start + "\n"], texts)
    if delimiter == "\t":
        plain = csv.reader(texts, delimiter=delimiter, quoting=csv.QUOTE_NONE, strict=True)
        return _rows(plain, 2), names
    return _rows(csv.reader(texts, delimiter=delimiter, strict=True), 2), names


def _rows(reader: Iterator[list[str]], width: int) -> Iterator[Record | None]:
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield None
            continue
        if row:
            yield row if len(row) == width else None


def _batches(
    records: Iterable[Record | None], lines: _Lines, counts: CrawlFile
) -> Iterator[list[tuple[int, Record]]]:
    """Records with their row numbers, some 2 MB at a time; counts them."""
    batch: list[tuple[int, Record]] = []
    end = _BATCH_BYTES
    for record in records:
        if record is None:
            counts.unreadable_records += 1
        else:
            batch.append((counts.records, record))
        counts.records += 1
        if lines.taken >= end:
            yield batch
            batch, end = [], lines.taken + _BATCH_BYTES
    yield batch


def _numeric(records: Iterable[Record], names: Sequence[str] | None) -> dict[str, bool]:
    """The columns of some records, and whether all their values are numbers."""
    numeric: dict[str, bool] = dict.fromkeys(names or (), False)
    valued: dict[str, bool] = {}
    for record in records:
        values = record if isinstance(record, dict) else dict(zip(names or (), record, strict=True))
        for name, value in values.items():
            numeric.setdefault(name, False)
            if value is not None and value != "":
                valued[name] = valued.get(name, True) and _is_number(value, text=bool(names))
    return numeric | valued


def _is_number(value: object, *, text: bool) -> bool:
    """Whether it is a number, or in a file that has only text, reads as one."""
    if not text:
        return isinstance(value, int | float) and not isinstance(value, bool)
    try:
        float(str(value))
    except ValueError:
        return False
    return True


def _picked(
    batch: Iterable[tuple[int, Record]],
    used: Sequence[str],
    names: Sequence[str] | None,
    layout: Layout,
    counts: CrawlFile,
) -> Iterator[tuple[object, ...]]:
    """Row number and used columns of each record; JSON without URL or caption is unreadable."""
    places = [names.index(name) for name in used] if names else []
    url, caption = layout.columns["url"], layout.columns["caption"]
    for row, record in batch:
        if isinstance(record, list):
            yield (row, *[record[place] for place in places])
        elif url in record and caption in record:
            yield (row, *[_text(record.get(name)) for name in used])
        else:
            counts.unreadable_records += 1


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return str(value) if _is_number(value, text=False) else None


def _table(rows: Sequence[Sequence[Any]], schema: pa.Schema, counts: CrawlFile) -> pa.Table:
    def built(rows: Sequence[Sequence[Any]]) -> pa.Table:
        columns = zip(*rows, strict=True) if rows else ([] for _ in schema)
        return pa.table(
            [pa.array(values, field.type) for values, field in zip(columns, schema, strict=True)],
            schema=schema,
        )

    try:
        return built(rows)
    except UnicodeEncodeError:
        readable = [row for row in rows if _is_unicode(row)]
        counts.unreadable_records += len(rows) - len(readable)
        return built(readable)


def _is_unicode(row: Iterable[Any]) -> bool:
    try:
        "".join(value for value in row if isinstance(value, str)).encode()
    except UnicodeEncodeError:
        return False
    return True
