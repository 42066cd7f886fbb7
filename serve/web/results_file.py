"""Results of a search as a file that img2dataset reads, in LAION's columns."""

from __future__ import annotations

import io
from collections.abc import Sequence

import msgspec
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from pairlake.serve.search.facts import COLUMNS
from pairlake.serve.search.hits import Hit

MEDIA_TYPES = {
    "parquet": "application/vnd.apache.parquet",
    "csv": "text/csv; charset=utf-8",
    "jsonl": "application/jsonl; charset=utf-8",
}
# By LAION's names, what a hit has.
_COLUMNS = {
    "URL": "image_url",
    "TEXT": "caption",
    "WIDTH": "width",
    "HEIGHT": "height",
    "similarity": "pair_similarity",
    "LANGUAGE": "language",
    "hash": "hash",
    "pwatermark": "pwatermark",
    "punsafe": "punsafe",
}


def results_file(hits: Sequence[Hit], format: str) -> bytes:
    """The hits as `parquet`, `csv` or `jsonl`, one row each, in their order."""
    if format == "jsonl":
        rows = [{name: _value(hit, name) for name in _COLUMNS} for hit in hits]
        return msgspec.json.Encoder().encode_lines(rows)
    columns = {
        name: pa.array([_value(hit, name) for hit in hits], _type(name)) for name in _COLUMNS
    }
    table, file = pa.table(columns), io.BytesIO()
    if format == "parquet":
        pyarrow.parquet.write_table(table, file, compression="zstd")
    else:
        pyarrow.csv.write_csv(table, file)
    return file.getvalue()


def _value(hit: Hit, column: str) -> object:
    value = getattr(hit, _COLUMNS[column])
    return int(value) if column == "hash" else value


def _type(column: str) -> pa.DataType:
    # Similarity has 64 bits in LAION's files.
    return pa.float64() if column == "similarity" else COLUMNS[_COLUMNS[column]].type
