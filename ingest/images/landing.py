"""Lands downloads: their outcomes, the new images, their pixels and rights, in one transaction."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Collection, Mapping, Sequence
from itertools import islice
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from pairlake.ingest.images.attempt import Download
from pairlake.ingest.images.optout import Wish
from pairlake.ingest.images.picture import Picture, Right
from pairlake.lake.append import append

DOWNLOADS, IMAGES, PIXELS = "raw.downloads", "raw.images", "raw.image_pixels"
RIGHTS, WISHES = "raw.image_rights", "raw.wishes"
_Pictures = dict[uuid.UUID, tuple[Download, Picture]]
# All that land together.
LANDED = (DOWNLOADS, IMAGES, PIXELS, RIGHTS, WISHES)
# A part is read into memory to be landed, and pixels take theirs several times over.
PART_DOWNLOADS, PART_BYTES = 2_000, 12_000_000
# Of one download; whoever says more says it to fill the lake.
_MOST_WISHES = 256

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
        "pixels_sha256": pa.binary(),
    }
)
_RIGHTS = pa.schema(
    {
        "image_id": pa.uuid(),
        "carrier": pa.string(),
        "property": pa.string(),
        "value": pa.string(),
        "is_cut": pa.bool_(),
        "heard_at": pa.timestamp("us"),
    }
)

_WISHES = pa.schema(
    {
        "url_id": pa.uuid(),
        "property": pa.string(),
        "value": pa.string(),
        "evidence": pa.string(),
        "heard_at": pa.timestamp("us"),
    }
)


def land(downloads: Sequence[Download], con: duckdb.DuckDBPyConnection) -> int:
    """Append one batch to raw.downloads and to the tables of images; returns the new images.

    An image lands once, however many URLs of the batch or earlier ones lead to it; its pixels once
    more where they have been released, and its rights where an older version did not read them.
    """
    pictures = _pictures(downloads)
    known = _landed(IMAGES, pictures, con)
    # New images have no pixels yet; only the few that are known can have.
    seen = _landed(PIXELS, known, con)
    heard = _landed(RIGHTS, [key for key in known if pictures[key][1].rights], con)
    append(
        {
            DOWNLOADS: _downloads(downloads),
            IMAGES: _images({key: pictures[key] for key in pictures if key not in known}),
            PIXELS: _pixels({key: pictures[key] for key in pictures if key not in seen}),
            RIGHTS: _rights({key: pictures[key] for key in pictures if key not in heard}),
            WISHES: _wishes(downloads),
        },
        con,
    )
    return len(pictures) - len(known)


class Parts:
    """Downloads on their way to whoever lands them, in files of `folder` of a bounded size each."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pending: list[Download] = []
        self._bytes = self.downloads = 0
        self._seen: set[uuid.UUID] = set()
        self._files: dict[str, list[Path]] = {name: [] for name in LANDED}

    def add(self, download: Download) -> None:
        """Take one more."""
        self._pending.append(download)
        self.downloads += 1
        self._bytes += download.picture.held_bytes if download.picture else 0
        if self._bytes >= PART_BYTES or len(self._pending) >= PART_DOWNLOADS:
            self._write()

    def written(self) -> Mapping[str, Sequence[Path]]:
        """The files by table, none without a row; each image is in one of them."""
        self._write()
        return {name: files for name, files in self._files.items() if files}

    def _write(self) -> None:
        pictures = _pictures(self._pending)
        new = {key: found for key, found in pictures.items() if key not in self._seen}
        tables = {
            DOWNLOADS: _downloads(self._pending),
            IMAGES: _images(new),
            PIXELS: _pixels(new),
            RIGHTS: _rights(new),
            WISHES: _wishes(self._pending),
        }
        for name, rows in tables.items():
            if rows.num_rows:
                self._files[name].append(self._folder / f"{name}-{len(self._files[name])}.parquet")
                pq.write_table(rows, self._files[name][-1])
        self._seen |= pictures.keys()
        self._pending, self._bytes = [], 0


def unlanded(
    tables: Mapping[str, Sequence[Path]], con: duckdb.DuckDBPyConnection
) -> Mapping[str, Sequence[Path]]:
    """The files of Parts without the images, pixels and rights that the lake has."""
    kept = dict(tables)
    for name in (IMAGES, PIXELS, RIGHTS):
        kept[name] = [file for file in tables.get(name, ()) if _drop_landed(name, file, con)]
    return kept


def _drop_landed(table: str, file: Path, con: duckdb.DuckDBPyConnection) -> int:
    """Leave in a file the rows that its table lacks; returns how many."""
    ids = pq.read_table(file, columns=["image_id"])["image_id"].to_pylist()
    known = _landed(table, ids, con)
    if known:
        is_new = pa.array([image not in known for image in ids])
        pq.write_table(pq.read_table(file).filter(is_new), file)
    return len(ids) - len(known)


def _pictures(downloads: Sequence[Download]) -> _Pictures:
    """The images that have arrived, each with the first download that brought it."""
    pictures: _Pictures = {}
    for download in downloads:
        if download.picture and (key := download.image_id):
            pictures.setdefault(key, (download, download.picture))
    return pictures


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


def _downloads(downloads: Sequence[Download]) -> pa.Table:
    return _table(
        _DOWNLOADS,
        {name: [getattr(each, name) for each in downloads] for name in _DOWNLOADS.names},
    )


def _images(pictures: _Pictures) -> pa.Table:
    downloads = [download for download, _ in pictures.values()]
    found = [picture for _, picture in pictures.values()]
    of_download = ("bytes", "md5", "sha256")
    of_picture = ("width", "height", "format", "frames")
    return _table(
        _IMAGES,
        {
            "image_id": list(pictures),
            "first_seen_at": [download.attempted_at for download in downloads],
            **{name: [getattr(each, name) for each in downloads] for name in of_download},
            **{name: [getattr(each, name) for each in found] for name in of_picture},
        },
    )


def _pixels(pictures: _Pictures) -> pa.Table:
    found = [picture for _, picture in pictures.values()]
    return _table(
        _PIXELS,
        {
            "image_id": list(pictures),
            "pixels": [picture.pixels for picture in found],
            "encoding": ["jpeg"] * len(found),
            "width": [picture.kept_width for picture in found],
            "height": [picture.kept_height for picture in found],
            "pixels_sha256": [hashlib.sha256(picture.pixels).digest() for picture in found],
        },
    )


def _rights(pictures: _Pictures) -> pa.Table:
    said = [
        (key, download, right)
        for key, (download, picture) in pictures.items()
        for right in picture.rights
    ]
    rights = [right for _, _, right in said]
    return _table(
        _RIGHTS,
        {
            "image_id": [key for key, _, _ in said],
            "heard_at": [download.attempted_at for _, download, _ in said],
            **{name: [getattr(each, name) for each in rights] for name in Right._fields},
        },
    )


def _wishes(downloads: Sequence[Download]) -> pa.Table:
    said = [
        (each, wish)
        for each in downloads
        for wish in islice(dict.fromkeys(each.wishes), _MOST_WISHES)
    ]
    return _table(
        _WISHES,
        {
            "url_id": [download.url_id for download, _ in said],
            "heard_at": [download.attempted_at for download, _ in said],
            **{name: [getattr(wish, name) for _, wish in said] for name in Wish._fields},
        },
    )


def _table(schema: pa.Schema, columns: Mapping[str, Sequence[object]]) -> pa.Table:
    return pa.Table.from_arrays(
        [pa.array(columns[field.name], field.type) for field in schema], schema=schema
    )
