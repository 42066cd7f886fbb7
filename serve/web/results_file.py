"""Results of a search as a file that img2dataset reads, in LAION's columns."""

from __future__ import annotations

import io
from collections.abc import Sequence

import msgspec
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from pairlake.serve.search.hits import Hit

MEDIA_TYPES = {
    "parquet": "application/vnd.apache.parquet",
    "csv": "text/csv; charset=utf-8",
    "jsonl": "application/jsonl; charset=utf-8",
}
_COLUMNS = {
    "URL": ("image_url", pa.string()),
    "TEXT": ("caption", pa.string()),
    "WIDTH": ("width", pa.int32()),
    "HEIGHT": ("height", pa.int32()),
    "similarity": ("pair_similarity", pa.float64()),
    "LANGUAGE": ("language", pa.string()),
    "hash": ("hash", pa.int64()),
    "pwatermark": ("pwatermark", pa.float32()),
    "punsafe": ("punsafe", pa.float32()),
}


def results_file(hits: Sequence[Hit], format: str) -> bytes:
    """The hits as `parquet`, `csv` or `jsonl`, one row each, in their order."""
    if format == "jsonl":
        rows = [{name: _value(hit, name) for name in _COLUMNS} for hit in hits]
        return msgspec.json.Encoder().encode_lines(rows)
    columns = {
        name: pa.array([_value(hit, name) for hit in hits], type_)
        for name, (_, type_) in _COLUMNS.items()
    }
    table, file = pa.table(columns), io.BytesIO()
    if format == "parquet":
        pyarrow.parquet.write_table(table, file, compression="zstd")
    else:
        pyarrow.csv.write_csv(table, file)
    return file.getvalue()


def _value(hit: Hit, column: str) -> object:
    value = getattr(hit, _COLUMNS[column][0])
    return int(value) if column == "hash" else value
