"""What is known of a published pair: the columns of `marts.pairs`, and their values as one.

A result is read from one column of the index, not from nineteen.
"""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple

import msgspec
import pyarrow as pa

Kind = Literal["text", "number", "uuid"]


class Column(NamedTuple):
    """How filters compare a column, its type in the index, and what names the model of a score."""

    kind: Kind
    type: pa.DataType
    model: str | None = None  # another column of the mart


_ID = Column("uuid", pa.binary(16))
_TEXT = Column("text", pa.string())
_LARGE = Column("number", pa.int64())
_SMALL = Column("number", pa.int32())


def _score(model: str) -> Column:
    return Column("number", pa.float32(), model)


class Facts(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """The columns that are searched, filtered or shown, ids as their 16 bytes; None: not known.

    What filters, the index, results and stories have of columns follows from these lines.
    """

    pair_id: Annotated[bytes, _ID]
    image_id: Annotated[bytes, _ID]
    sample_id: Annotated[int, _LARGE]
    hash: Annotated[int, _LARGE]
    caption: Annotated[str, _TEXT]
    image_url: Annotated[str, _TEXT]
    domain: Annotated[str | None, _TEXT]
    page_url: Annotated[str | None, _TEXT]
    license_url: Annotated[str | None, _TEXT]
    language: Annotated[str | None, _TEXT]
    split: Annotated[str, _TEXT]
    similarity: Annotated[float | None, _score("similarity_model_id")]
    width: Annotated[int, _SMALL]
    height: Annotated[int, _SMALL]
    punsafe: Annotated[float | None, _score("nsfw_model_id")]
    pwatermark: Annotated[float | None, _score("watermark_model_id")]
    aesthetic_score: Annotated[float | None, _score("aesthetic_model_id")]
    pinappropriate: Annotated[float | None, _score("inappropriate_model_id")]
    toxicity: Annotated[float | None, _score("toxicity_model_id")]


_HINTS = {field.name: field.type for field in msgspec.structs.fields(Facts)}
# A change in any is a new row of the index.
COLUMNS: dict[str, Column] = {name: hint.__metadata__[0] for name, hint in _HINTS.items()}
# Of each, what it is in Python.
TYPES = {name: hint.__origin__ for name, hint in _HINTS.items()}
_DECODER = msgspec.msgpack.Decoder(Facts)


def packed(columns: dict[str, pa.Array]) -> pa.Array:
    """The facts of N pairs, in MessagePack, from their columns as the index holds them."""
    encoder = msgspec.msgpack.Encoder()
    lists = [columns[name].to_pylist() for name in COLUMNS]
    return pa.array([encoder.encode(row) for row in zip(*lists, strict=True)], pa.binary())


def unpacked(value: bytes) -> Facts:
    """The facts of one pair."""
    return _DECODER.decode(value)
