"""What is asked of the search index: parts that make one vector, filters, and how results fold."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from pairlake.lake.errors import BadRequest

Vector = NDArray[np.float32]
Side = Literal["image", "caption"]
Fold = Literal["image", "near", "none"]
MOST_PARTS = 16


@dataclass(frozen=True, kw_only=True)
class Part:
    """One thing that results are to be like, or, with a negative weight, unlike.

    Exactly one of: a text, a published pair whose picture is meant, the bytes of a picture, or an
    embedding (D,) of the index's image encoder, of any length: its direction counts.
    """

    text: str | None = None
    pair_id: UUID | None = None
    picture: bytes | None = field(default=None, repr=False)
    vector: NDArray[np.floating[Any]] | None = field(default=None, repr=False)
    weight: float = 1.0

    def __post_init__(self) -> None:
        given = [self.text, self.pair_id, self.picture, self.vector]
        if sum(value is not None for value in given) != 1:
            raise BadRequest("A part of a query is one of: a text, a pair, a picture, a vector.")
        if self.text is not None and not self.text.strip():
            raise BadRequest("A text to search for is empty; give some words.")
        if self.vector is not None and not (np.isfinite(self.vector).all() and self.vector.any()):
            raise BadRequest(
                "The vector has no direction: its numbers are all 0, or one is not finite."
            )
        if not np.isfinite(self.weight) or abs(self.weight) > 100:
            raise BadRequest(f"The weight {self.weight} is not between -100 and 100.")


@dataclass(frozen=True, kw_only=True)
class Query:
    """A search: `limit` results after the first `offset`, nearest first.

    `side` says whose vectors are searched. `where` has filters as they are typed, which are read
    when it is known what is published. With `hybrid` the captions' words count too. `fold`
    makes one result of a picture's pairs (image), of look-alikes as well (near), or none.
    `aesthetic` is the weight of the aesthetic head's direction, beside the parts' unit length.
    With `kept_only` no pair is among the results that is not to be used as the recipe means it: for
    those who take them home.
    """

    parts: tuple[Part, ...]
    side: Side = "image"
    hybrid: bool = False
    where: tuple[str, ...] = ()
    fold: Fold = "image"
    aesthetic: float = 0.0
    hide_unsafe: bool = False
    hide_inappropriate: bool = False
    kept_only: bool = False
    limit: int = 48
    offset: int = 0

    def __post_init__(self) -> None:
        if not any(part.weight > 0 for part in self.parts):
            raise BadRequest(
                "Say what to search for: a text, a pair, a picture or a vector, with a weight "
                "above 0."
            )
        if len(self.parts) > MOST_PARTS:
            raise BadRequest(f"A query has {MOST_PARTS} parts at most; {len(self.parts)} came.")
        if self.hybrid and not self.words:
            raise BadRequest("A hybrid search takes words; give a text with a weight above 0.")

    @property
    def words(self) -> str:
        """The texts that are wanted, for the full-text index."""
        wanted = [part.text for part in self.parts if part.text and part.weight > 0]
        return " ".join(wanted)
