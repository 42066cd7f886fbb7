"""Releases pixels that are not kept, once nothing waits for them. Part of `pairlake maintain`."""

from __future__ import annotations

from pairlake.lake.catalog import writing
from pairlake.lake.settings import settings

_RELEASE = """
delete from lake.raw.image_pixels
where image_id in (
    select image_id from lake.intermediate.int_images_settled where ? or not is_kept
)
"""


def release_pixels() -> int:
    """Delete what the setting `keep_pixels` does not keep; returns of how many images.

    Goes by the last `dbt build`, but for what has landed since. The bytes are gone from disk when
    the snapshots that hold them have expired.
    """
    keep = settings().keep_pixels
    if keep == "all":
        return 0
    with writing() as con:
        row = con.execute(_RELEASE, [keep == "none"]).fetchone()
    return row[0] if row else 0
