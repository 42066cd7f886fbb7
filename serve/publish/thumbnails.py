"""Thumbnails of the published pictures, one row per image in the index's second table.

Written by `pairlake publish`. A picture that cannot be decoded is a row without a thumbnail, so
that it is not tried at every publication.
"""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor

import duckdb
import lancedb
import pyarrow as pa
from lancedb.table import Table
from PIL import Image, UnidentifiedImageError

from pairlake.lake.pictures import on_white
from pairlake.serve.search.index import (
    THUMBNAILS,
    newest,
    remove,
    settle,
    tagged,
    thumbnails_indexes,
)

SIDE = 256  # longest side, in pixels
BATCH_ROWS = 512
SCHEMA = pa.schema({"image_id": pa.binary(16), "jpeg": pa.binary()})

_GONE = "select image_id from thumbnails anti join searchable using (image_id)"

# Pixels of an image may have landed twice; any attempt's will do.
_MISSING = """
create temp table missing_thumbnails as
select
    pixels.image_id,
    min(pixels.attempt_id) as attempt_id,
from lake.raw.image_pixels as pixels
semi join searchable on pixels.image_id = searchable.image_id
anti join thumbnails on pixels.image_id = thumbnails.image_id
group by pixels.image_id
"""

_PIXELS = """
select
    pixels.image_id,
    pixels.pixels,
from missing_thumbnails
inner join lake.raw.image_pixels as pixels using (image_id, attempt_id)
"""


def sync_thumbnails(con: duckdb.DuckDBPyConnection, db: lancedb.DBConnection) -> tuple[Table, int]:
    """Make the newest version's thumbnails those of the images in the temporary `searchable`.

    Returns their table, for the caller to show, and how many thumbnails could not be made. An
    image whose pixels the lake does not keep has none.
    """
    table = newest(db, THUMBNAILS)
    if table is None:
        table = db.create_table(THUMBNAILS, schema=SCHEMA)
    con.register("thumbnail_rows", table.to_lance().scanner(columns=["image_id"]).to_reader())
    con.execute(
        "create temp table thumbnails as select hex(image_id)::uuid as image_id from thumbnail_rows"
    )
    con.unregister("thumbnail_rows")
    remove(table, con.execute(_GONE), key="image_id")
    con.execute(_MISSING)
    broken = 0
    with ThreadPoolExecutor() as pool:
        for batch in con.execute(_PIXELS).to_arrow_reader(BATCH_ROWS):
            jpegs = list(pool.map(thumbnail, batch["pixels"].to_pylist()))
            broken += jpegs.count(None)
            table.add(pa.table([batch["image_id"].storage, jpegs], schema=SCHEMA))
    if table.version != tagged(table):
        settle(table, thumbnails_indexes())
    return table, broken


def thumbnail(pixels: bytes) -> bytes | None:
    """A picture as JPEG within SIDE x SIDE pixels on white; None if it cannot be decoded."""
    try:
        with Image.open(io.BytesIO(pixels), formats=("JPEG", "PNG", "WEBP")) as image:
            image.thumbnail((SIDE, SIDE))
            opaque = on_white(image)
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError):
        return None
    result = io.BytesIO()
    opaque.save(result, "JPEG", quality=85)
    return result.getvalue()
