"""What is known of a published pair: columns of `marts.pairs`, and their values as one.

Which scores there are goes by the lake's list of them, which is published with the pairs. A result
is read from one column of the index, not from twenty.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
import pyarrow as pa

Kind = Literal["text", "number", "uuid", "flag"]


class Column(NamedTuple):
    """How filters compare a column, and its type in the index."""

    kind: Kind
    type: pa.DataType


_ID = Column("uuid", pa.binary(16))
_TEXT = Column("text", pa.string())
_LARGE = Column("number", pa.int64())
_SMALL = Column("number", pa.int32())
_SCORE = Column("number", pa.float32())
_FLAG = Column("flag", pa.bool_())


@dataclass(frozen=True, kw_only=True)
class Score:
    """One row of `marts.ratings`: a score, what it is called, and above what it hides a pair."""

    kind: str
    score: str  # its column
    label: str
    lowest: float
    highest: float
    keys: list[str]  # of what it is a score, as image_id
    comparison: Literal["<=", ">="]  # how what is wanted compares with a threshold
    hidden_above: float | None
    pairs: int = 0  # published ones that have it


class Facts(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """The columns that are searched, filtered or shown, ids as their 16 bytes; None: not known.

    What filters, the index, results and stories have of columns follows from these lines, and from
    the scores, of which those of a list are fields of a type of their own: see `Columns`.
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
    similarity: Annotated[float | None, _SCORE]
    width: Annotated[int, _SMALL]
    height: Annotated[int, _SMALL]
    # Not to be used as the recipe means it, which would keep it else.
    is_found_only: Annotated[bool, _FLAG]


_HINTS = {field.name: field.type for field in msgspec.structs.fields(Facts)}
# Those of every lake. A change in any is a new row of the index.
SHARED: dict[str, Column] = {name: hint.__metadata__[0] for name, hint in _HINTS.items()}
# Of each, what it is in Python.
TYPES: dict[str, Any] = {name: hint.__origin__ for name, hint in _HINTS.items()}


class Columns(dict[str, Column]):
    """The columns by their names: those of every lake, then the scores of a list."""

    def __init__(self, scores: Sequence[Score]) -> None:
        super().__init__(SHARED | {each.score: _SCORE for each in scores})
        self.scores = tuple(scores)
        named = [(each.score, float | None) for each in scores]
        facts: Any = msgspec.defstruct("Facts", named, bases=(Facts,), module=__name__)
        self._decoder: msgspec.msgpack.Decoder[Facts] = msgspec.msgpack.Decoder(facts)
        self._encoder = msgspec.msgpack.Encoder()

    def packed(self, columns: dict[str, pa.Array]) -> pa.Array:
        """The facts of N pairs, in MessagePack, from their columns as the index holds them."""
        rows = zip(*(columns[name].to_pylist() for name in self), strict=True)
        return pa.array([self._encoder.encode(row) for row in rows], pa.binary())

    def unpacked(self, value: bytes) -> Facts:
        """The facts of one pair, with each score as a field."""
        return self._decoder.decode(value)
