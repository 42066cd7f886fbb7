"""Writes pairs with their kept pixels as WebDataset shards, named as img2dataset names them.

Of each pair `.jpg`, `.txt` and `.json`, 10,000 pairs a tar; beside it what img2dataset writes.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from pairlake.lake.catalog import LITTLE_AHEAD
from pairlake.lake.pictures import on_white
from pairlake.serve.export.datacomp import UID
from pairlake.serve.export.laion import COLUMNS

SHARD_ROWS = 10_000
# So many pictures are in memory at once: about as many as a row group holds.
_BATCH_ROWS = 2_048
_JPEG_MAGIC = b"\xff\xd8\xff"
# Of what is no JPEG, as `fetch` keeps pictures.
_JPEG_QUALITY = 95

# Pairs go by where their pixels lie, so that the pixels are read once, a few row groups at a time.
# A row's id stays what it is when files are merged. Pixels of an image may have landed twice.
_PLACED = """
create temp table placed as
select selected.pair_id, pixels.place
from selected
inner join shown as pairs on selected.pair_id = pairs.pair_id
left join (
    select image_id, min(rowid) as place
    from lake.raw.image_pixels
    group by image_id
) as pixels on pairs.image_id = pixels.image_id
"""
_SCHEMA = pa.schema(
    {
        "uid": pa.string(),
        "LICENSE": pa.string(),
        "similarity": pa.float64(),
        "LANGUAGE": pa.string(),
        "hash": pa.int64(),
        "pwatermark": pa.float32(),
        "punsafe": pa.float32(),
        "caption": pa.string(),
        "url": pa.string(),
        "key": pa.string(),
        "status": pa.string(),
        "error_message": pa.string(),
        "width": pa.int32(),
        "height": pa.int32(),
        "original_width": pa.int32(),
        "original_height": pa.int32(),
        "sha256": pa.string(),
    }.items()
)
# What is told of a pair, in the names of img2dataset and of LAION.
TOLD = {
    "uid": UID,
    **{name: COLUMNS[name] for name in _SCHEMA.names if name in COLUMNS},
    "caption": COLUMNS["TEXT"],
    "url": COLUMNS["URL"],
    "original_width": COLUMNS["WIDTH"],
    "original_height": COLUMNS["HEIGHT"],
    "sha256": "lower(hex(pairs.sha256))",
}
_PAIRS = f"""
select placed.place, {", ".join(f'{column} as "{name}"' for name, column in TOLD.items())}
from placed
inner join offered as pairs on placed.pair_id = pairs.pair_id
where placed.place is not null
order by placed.place, placed.pair_id
"""
# What is not as it landed is not read.
_PIXELS = """
select rowid, if(sha256(pixels) = lower(hex(pixels_sha256)) is false, null, pixels)
from lake.raw.image_pixels
where rowid between ? and ? and rowid in (select unnest(?))
"""


def write_shards(
    con: duckdb.DuckDBPyConnection,
    folder: Path,
    written_at: datetime,
    progress: Callable[[str], None],
) -> tuple[int, dict[str, int]]:
    """Write the pairs of `selected` to shards in `folder`, and their sizes to sizes.json.

    `written_at` stands in the statistics of each shard, so that they do not differ from one
    export to the next. Returns how many pairs were written, and how many were left out: those
    whose pixels the lake does not keep (`pixels_not_kept`), cannot read (`pixels_unreadable`), or
    has otherwise than they landed (`pixels_damaged`).
    """
    con.execute(_PLACED)
    ((missing,),) = con.execute("select count(*) from placed where place is null").fetchall()
    left_out = {"pixels_not_kept": missing, "pixels_unreadable": 0, "pixels_damaged": 0}
    sizes: dict[str, int] = {}
    pictures = _pictures(con, left_out)
    while first := next(pictures, None):
        with Shard(folder, len(sizes), written_at) as shard:
            for pair, jpeg in chain([first], islice(pictures, SHARD_ROWS - 1)):
                shard.add(pair, jpeg)
        sizes[f"{shard.name}.tar"] = shard.rows
        progress(f"{sum(sizes.values()):,} pictures written")
    # open_clip's loader and DataComp's resharder look here for how much there is.
    (folder / "sizes.json").write_text(json.dumps(sizes, indent=4))
    return sum(sizes.values()), left_out


def _pictures(
    con: duckdb.DuckDBPyConnection, left_out: dict[str, int]
) -> Iterator[tuple[dict[str, Any], Jpeg]]:
    """Each placed pair with its picture, a batch at a time; what cannot be read is counted."""
    with closing(con.cursor()) as beside:
        beside.execute(LITTLE_AHEAD)
        for batch in con.execute(_PAIRS).to_arrow_reader(_BATCH_ROWS):
            places = batch["place"].to_pylist()
            span = [places[0], places[-1], places]
            pixels = dict(beside.execute(_PIXELS, span).fetchall())
            for pair in batch.to_pylist():
                body = pixels[pair.pop("place")]
                jpeg = None if body is None else jpeg_of(body)
                if jpeg is None:
                    left_out["pixels_damaged" if body is None else "pixels_unreadable"] += 1
                else:
                    yield pair, jpeg
            del pixels  # before the next ones come


class Shard:
    """One tar that is being written, with what is told of its pairs."""

    def __init__(self, folder: Path, number: int, written_at: datetime) -> None:
        self.name = f"{number:05d}"
        self._folder, self._written_at = folder, written_at
        self._told: list[dict[str, Any]] = []

    def __enter__(self) -> Shard:
        self._tar = tarfile.open(
            self._folder / f"{self.name}.tar", mode="w", format=tarfile.USTAR_FORMAT
        )
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._tar.close()
        if kind is None:
            told = pa.Table.from_pylist(self._told, schema=_SCHEMA)
            pq.write_table(told, self._folder / f"{self.name}.parquet")
            statistics = json.dumps(self._statistics(), indent=4)
            (self._folder / f"{self.name}_stats.json").write_text(statistics)

    @property
    def rows(self) -> int:
        """How many pairs it has."""
        return len(self._told)

    def add(self, pair: dict[str, Any], jpeg: Jpeg) -> None:
        """Write a pair with its picture under the next key."""
        key = f"{self.name}{self.rows:04d}"
        told = dict.fromkeys(_SCHEMA.names) | pair
        told |= {"key": key, "status": "success", "width": jpeg.width, "height": jpeg.height}
        self._told.append(told)
        self._write(f"{key}.jpg", jpeg.content)
        self._write(f"{key}.json", msgspec.json.format(msgspec.json.encode(told), indent=4))
        self._write(f"{key}.txt", pair["caption"].encode())

    def _statistics(self) -> dict[str, Any]:
        seconds = self._written_at.timestamp()
        return {
            "count": self.rows,
            "successes": self.rows,
            "failed_to_download": 0,
            "failed_to_resize": 0,
            "duration": 0.0,
            "start_time": seconds,
            "end_time": seconds,
            "status_dict": {"success": self.rows},
        }

    def _write(self, name: str, content: bytes) -> None:
        member = tarfile.TarInfo(name)
        member.size, member.mode = len(content), 0o444
        self._tar.addfile(member, io.BytesIO(content))


@dataclass(frozen=True, kw_only=True)
class Jpeg:
    """The bytes of a JPEG, and its size in pixels."""

    content: bytes
    width: int
    height: int


def jpeg_of(pixels: bytes | None) -> Jpeg | None:
    """The picture as JPEG; what is transparent stands on white. None if it cannot be read."""
    if pixels is None:
        return None
    try:
        # This reads the header only.
        with Image.open(io.BytesIO(pixels), formats=("JPEG", "PNG", "WEBP")) as image:
            content = pixels if pixels.startswith(_JPEG_MAGIC) else _converted(image)
            return Jpeg(content=content, width=image.width, height=image.height)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None


def _converted(image: Image.Image) -> bytes:
    file = io.BytesIO()
    on_white(image).save(file, "JPEG", quality=_JPEG_QUALITY, subsampling=0)
    return file.getvalue()
