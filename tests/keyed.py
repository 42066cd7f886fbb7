"""Gives rows the keys that a crawl gives them, by SQL as anyone may write it."""

from __future__ import annotations

import duckdb
import pyarrow as pa

_KEYED = """
select
    md5(image_url || chr(31) || caption)::uuid as pair_id,
    md5(image_url)::uuid as url_id,
    md5(caption)::uuid as caption_id,
    *
from pairs
"""


def with_pair_keys(pairs: pa.Table) -> pa.Table:
    """`pairs` (image_url, caption, …) with pair_id, url_id and caption_id in front, as UUIDs."""
    with duckdb.connect(":memory:") as con:
        con.execute("set arrow_lossless_conversion = true")
        con.register("pairs", pairs)
        return con.execute(_KEYED).to_arrow_table()
