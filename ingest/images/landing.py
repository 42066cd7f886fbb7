"""Lands downloads: their outcomes, the new images and their pixels, in one transaction."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence

import duckdb
import pyarrow as pa

from ingest.images.download import Download
from ingest.images.picture import Picture
from lake.append import append

_DOWNLOADS = pa.schema(
    {
        "url_id": pa.uuid(),
        "attempted_at": pa.timestamp("us"),
        "outcome": pa.string(),
        "error": pa.string(),
        "http_status": pa.int32(),
        "final_url": pa.string(),
        "content_type": pa.string(),
        "bytes": pa.int64(),
        "elapsed_ms": pa.int32(),
        "image_id": pa.uuid(),
        "md5": pa.uuid(),
        "sha256": pa.binary(),
        "opt_out_evidence": pa.string(),
    }
)
_IMAGES = pa.schema(
    {
        "image_id": pa.uuid(),
        "width": pa.int32(),
        "height": pa.int32(),
        "format": pa.string(),
        "bytes": pa.int64(),
        "md5": pa.uuid(),
        "sha256": pa.binary(),
        "first_seen_at": pa.timestamp("us"),
        "frames": pa.int32(),
    }
)
_PIXELS = pa.schema(
    {
        "image_id": pa.uuid(),
        "pixels": pa.binary(),
        "encoding": pa.string(),
        "width": pa.int32(),
        "height": pa.int32(),
    }
)


def land(downloads: Sequence[Download], con: duckdb.DuckDBPyConnection) -> int:
    """Append one batch to raw.downloads, raw.images and raw.image_pixels; returns the new images.

    An image lands once, however many URLs of the batch or earlier ones lead to it, and its pixels
    once more where they have been released.
    """
    pictures: dict[uuid.UUID, tuple[Download, Picture]] = {}
    for download in downloads:
        if download.image_id and download.picture:
            pictures.setdefault(download.image_id, (download, download.picture))
    known = _landed("raw.images", pictures, con)
    # New images have no pixels yet; only the few that are known can have.
    seen = _landed("raw.image_pixels", known, con)
    append(
        {
            "raw.downloads": _table(_DOWNLOADS, [_fields(download) for download in downloads]),
            "raw.images": _table(
                _IMAGES, [_image(*found) for key, found in pictures.items() if key not in known]
            ),
            "raw.image_pixels": _table(
                _PIXELS, [_pixels(*found) for key, found in pictures.items() if key not in seen]
            ),
        },
        con,
    )
    return len(pictures) - len(known)


def _landed(
    table: str, ids: Collection[uuid.UUID], con: duckdb.DuckDBPyConnection
) -> set[uuid.UUID]:
    """Those of `ids` that have a row in `table`."""
    if not ids:
        return set()
    # As one text, since DuckDB cannot push a join's UUIDs down into an Arrow table, and takes a
    # tenth of a millisecond to look at each value of a list.
    rows = con.execute(
        f"select image_id from lake.{table} "
        "where image_id in (select unnest(string_split(?, ' '))::uuid)",
        [" ".join(map(str, ids))],
    ).fetchall()
    return {value for (value,) in rows}


def _table(schema: pa.Schema, rows: Sequence[Mapping[str, object]]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema)


def _fields(download: Download) -> Mapping[str, object]:
    return {name: getattr(download, name) for name in _DOWNLOADS.names}


def _image(download: Download, picture: Picture) -> Mapping[str, object]:
    return {
        "image_id": download.image_id,
        "width": picture.width,
        "height": picture.height,
        "format": picture.format,
        "bytes": download.bytes,
        "md5": download.md5,
        "sha256": download.sha256,
        "first_seen_at": download.attempted_at,
        "frames": picture.frames,
    }


def _pixels(download: Download, picture: Picture) -> Mapping[str, object]:
    return {
        "image_id": download.image_id,
        "pixels": picture.pixels,
        "encoding": "jpeg",
        "width": picture.kept_width,
        "height": picture.kept_height,
    }
