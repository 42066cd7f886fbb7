"""The identities of pairs, URLs, captions and images: 16-byte UUIDs, the same in Python and SQL."""

from __future__ import annotations

import hashlib
import uuid

import duckdb
import pyarrow as pa

# A pair's key separates URL and caption: LAION's md5(url + text) is the same for "a" + "bc" and
# "ab" + "c".
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


def text_id(text: str) -> uuid.UUID:
    """url_id of an URL, caption_id of a caption: md5 of its UTF-8 bytes."""
    return uuid.UUID(bytes=hashlib.md5(text.encode(), usedforsecurity=False).digest())


def pair_id(image_url: str, caption: str) -> uuid.UUID:
    """pair_id of one pair: md5 of URL, unit separator (0x1f) and caption."""
    return text_id(f"{image_url}\x1f{caption}")


def image_id(sha256: bytes) -> uuid.UUID:
    """image_id of a picture: the first 16 bytes of the sha256 of its bytes as downloaded."""
    return uuid.UUID(bytes=sha256[:16])
