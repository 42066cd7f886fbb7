"""Releases pixels that are not to be kept once they are judged. Part of `pairlake maintain`."""

from __future__ import annotations

from lake.catalog import writing
from lake.settings import settings

# An image goes when nothing of it waits for a score any more: scores are made from pixels.
_RELEASE = """
delete from lake.raw.image_pixels
where image_id in (
    select image_id
    from lake.intermediate.int_pairs_judged
    where image_id is not null
    group by image_id
    having not bool_or(coalesce(drop_reason in ('language_missing', 'similarity_missing'), false))
        and (? or not bool_or(drop_reason is null))
)
"""


def release_pixels() -> int:
    """Delete what the setting `keep_pixels` does not keep; returns of how many images.

    Goes by the last `dbt build`. The bytes are gone from disk when the snapshots that hold them
    have expired.
    """
    keep = settings().keep_pixels
    if keep == "all":
        return 0
    with writing() as con:
        row = con.execute(_RELEASE, [keep == "none"]).fetchone()
    return row[0] if row else 0
