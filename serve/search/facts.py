"""What a result shows of a pair, as one value of the index: one column is read, not nineteen."""

from __future__ import annotations

import msgspec
import pyarrow as pa


class Facts(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Columns of `marts.pairs` by their names, with ids as their 16 bytes; None: not known."""

    pair_id: bytes
    image_id: bytes
    sample_id: int
    hash: int
    caption: str
    image_url: str
    domain: str | None
    page_url: str | None
    license_url: str | None
    language: str | None
    split: str
    similarity: float | None
    width: int
    height: int
    punsafe: float | None
    pwatermark: float | None
    aesthetic_score: float | None
    pinappropriate: float | None
    toxicity: float | None


# Columns of the mart that are searched, filtered or shown; a change in any is a new row.
SHOWN = Facts.__struct_fields__
_DECODER = msgspec.msgpack.Decoder(Facts)


def packed(columns: dict[str, pa.Array]) -> pa.Array:
    """The facts of N pairs, in MessagePack, from their columns as the index holds them."""
    encoder = msgspec.msgpack.Encoder()
    lists = [columns[name].to_pylist() for name in SHOWN]
    return pa.array([encoder.encode(row) for row in zip(*lists, strict=True)], pa.binary())


def unpacked(value: bytes) -> Facts:
    """The facts of one pair."""
    return _DECODER.decode(value)
