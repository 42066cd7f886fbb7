"""The rows of a list on their way to SQL: text that is text, and numbers of few types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pairlake.ingest.crawl.reading import CrawlFile

_TEXT_TYPES = [pa.string(), pa.large_string(), pa.string_view()]
_BYTES_TYPES = [pa.binary(), pa.large_binary(), pa.binary_view(), pa.binary(1)]
_TEXT_IDS = {type_.id for type_ in (*_TEXT_TYPES, *_BYTES_TYPES)}


def list_rows(
    numbers: pa.Array,
    columns: Mapping[str, pa.Array],
    scores: Sequence[pa.Array],
    counts: CrawlFile,
) -> pa.RecordBatch:
    """The rows of a list whose URL and caption are text, with their `numbers` in the list.

    `columns` are by role, of text, bytes or numbers, the caption also of lists of text; the
    scores come to be called score_0 and so on. Counts links and what is no text into `counts`.
    """
    plain = {
        role: _digits(column) if role == "source_id" else _plain(column)
        for role, column in columns.items()
        if not is_list(column.type)
    }
    if "caption" not in plain:
        plain["caption"] = _texts(columns["caption"], counts)
    lost = _is_lost("url", columns, plain)
    if not is_list(columns["caption"].type):
        lost = pc.or_(lost, _is_lost("caption", columns, plain))
    filled = pc.and_not(pc.not_equal(plain["url"], ""), lost)
    links = pc.sum(filled).as_py() or 0
    counts.links += links
    counts.images += links
    counts.unreadable_records += pc.sum(lost).as_py() or 0
    plain |= {f"score_{place}": _plain(column) for place, column in enumerate(scores)}
    return pa.record_batch({"row_number": numbers, **plain}).filter(pc.invert(lost))


def rows_writer(target: Path, schema: pa.Schema) -> pq.ParquetWriter:
    """Writes such rows for SQL to read once, without statistics, of which NaN is no part."""
    return pq.ParquetWriter(
        target, schema, compression="lz4", use_dictionary=False, write_statistics=False
    )


def is_text(type_: pa.DataType) -> bool:
    """Whether a column of this type holds text or bytes."""
    return type_.id in _TEXT_IDS


def is_list(type_: pa.DataType) -> bool:
    """Whether a column of this type holds lists, in a form that pyarrow can cast."""
    kinds = pa.types
    return bool(
        kinds.is_list(type_) or kinds.is_large_list(type_) or kinds.is_fixed_size_list(type_)
    )


def _is_lost(role: str, columns: Mapping[str, pa.Array], plain: Mapping[str, pa.Array]) -> pa.Array:
    return pc.and_(pc.is_valid(columns[role]), pc.is_null(plain[role]))


def _plain(column: pa.Array) -> pa.Array:
    """Text, or null for bytes that are none; other numbers than integers as doubles."""
    if pa.types.is_integer(column.type):
        return column
    if not (is_text(column.type) or pa.types.is_null(column.type)):
        return pc.cast(column, pa.float64(), safe=False)
    content = pc.cast(column, pa.large_binary())
    try:
        return pc.cast(content, pa.large_string())
    except pa.ArrowInvalid:
        return pa.array(map(_decoded, content.to_pylist()), pa.large_string())


def _digits(ids: pa.Array) -> pa.Array:
    """Ids as text or integers: those that came as doubles are whole, decimals keep all digits."""
    if pa.types.is_decimal(ids.type):
        return pc.replace_substring_regex(pc.cast(ids, pa.large_string()), r"\.0*$", "")
    if not pa.types.is_floating(ids.type):
        return _plain(ids)
    numbers = pc.cast(ids, pa.float64())
    integers = pc.cast(numbers, pa.int64(), safe=False)
    text = pc.if_else(
        pc.equal(pc.cast(integers, pa.float64(), safe=False), numbers),
        pc.cast(integers, pa.large_string()),
        pc.cast(numbers, pa.large_string()),
    )
    return pc.if_else(pc.is_finite(numbers), text, None)


def _texts(captions: pa.Array, counts: CrawlFile) -> pa.Array:
    """Lists of text, without what is none in them, which is counted."""
    lists = pc.cast(captions, pa.large_list(pa.large_binary()))
    texts = _plain(lists.values)
    counts.unreadable_records += texts.null_count - lists.values.null_count
    return pa.LargeListArray.from_arrays(lists.offsets, texts, mask=lists.is_null())


def _decoded(content: bytes | None) -> str | None:
    try:
        return None if content is None else content.decode()
    except UnicodeDecodeError:
        return None
