"""Pairs that were found as results: one per pair, per picture, or per look-alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, cast
from uuid import UUID

import msgspec
import numpy as np
import pyarrow as pa

from pairlake.lake.vectors import Matrix
from pairlake.serve.search.facts import SHARED, TYPES, Facts
from pairlake.serve.search.in_time import check_wanted
from pairlake.serve.search.query import Fold, Vector

# Pictures whose embeddings have this cosine are one to those who ask for it (clip-retrieval,
# clip_back.py, get_non_uniques).
NEAR = 0.94
# Results that a picture is held against, the last of those that stand for others.
MOST_HEADS = 1_024
_BLOCK = 256


# JSON has no type for an id, and many of its readers none for 64 bits.
_IN_JSON = {pa.binary(16): UUID, pa.int64(): str}
_AS_THEY_ARE = tuple(
    name for name, column in SHARED.items() if column.type not in _IN_JSON and name != "similarity"
)


def _fields() -> Iterator[tuple[str, Any]]:
    """What each hit shows of its pair, with types: the columns, but the scores after the cosine."""
    types = {name: _IN_JSON.get(each.type, TYPES[name]) for name, each in SHARED.items()}
    of_the_pair = types.pop("similarity")
    yield from types.items()
    yield "similarity", float
    yield "pair_similarity", of_the_pair


_Columns: Any = msgspec.defstruct("_Columns", _fields(), frozen=True, kw_only=True, gc=False)


class Hit(_Columns):  # type: ignore[misc]  # its columns stand in Facts
    """One result: a pair, with the facts and scores of `marts.pairs`, None where nothing is known.

    `similarity` is the cosine of the query with the picture (or the caption, when captions are
    searched), `pair_similarity` that of the picture with its own caption. Then come the scores of
    the publication's list, and `captions`, which counts the results that this one stands for.
    `sample_id` is LAION's, as text: it takes 64 bits.
    """


@lru_cache(maxsize=8)
def hit_type(scores: tuple[str, ...]) -> type[Hit]:
    """The hits of a list of scores."""
    more: list[Any] = [*((name, float | None) for name in scores), ("captions", int, 1)]
    made = msgspec.defstruct("Hit", more, bases=(Hit,), module=__name__, kw_only=True)
    return cast(type[Hit], made)


class Found(NamedTuple):
    """A pair that was found: its facts, its cosine with the query, and its picture's vector (D,).

    The vector is read for those only who fold look-alikes.
    """

    facts: Facts
    cosine: float
    vector: Vector | None = None


def folded(found: Sequence[Found], fold: Fold) -> list[Hit]:
    """Pairs as hits, in their order; a hit stands for the pairs that fold into it.

    Those are the pairs of its picture, and for `near` those of pictures that look like it.
    """
    firsts: list[Found] = []
    counts: list[int] = []
    place: dict[bytes, int] = {}
    for each in found:
        key = each.facts.pair_id if fold == "none" else each.facts.image_id
        at = place.setdefault(key, len(firsts))
        if at == len(firsts):
            firsts.append(each)
            counts.append(0)
        counts[at] += 1
    if fold == "near" and firsts:
        vectors = np.stack([each.vector for each in firsts if each.vector is not None])
        for at, head in enumerate(_looked_like(vectors)):
            if head != at:
                counts[head] += counts[at]
                counts[at] = 0
    return [
        hit_of(each.facts, each.cosine, captions=count)
        for each, count in zip(firsts, counts, strict=True)
        if count
    ]


def hit_of(facts: Facts, cosine: float, *, captions: int = 1) -> Hit:
    """A pair that was found with that cosine, as a hit."""
    scores = facts.__struct_fields__[len(SHARED) :]
    return hit_type(scores)(
        **{name: getattr(facts, name) for name in _AS_THEY_ARE + scores},
        pair_id=UUID(bytes=facts.pair_id),
        image_id=UUID(bytes=facts.image_id),
        sample_id=str(facts.sample_id),
        hash=str(facts.hash),
        similarity=cosine,
        pair_similarity=facts.similarity,
        captions=captions,
    )


def _looked_like(vectors: Matrix) -> list[int]:
    """For each of (N, D), best first, the place of the first that it looks like; else its own.

    Held against the last MOST_HEADS that look like none before them: the work grows with N, not
    with its square.
    """
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    places, heads = list(range(len(unit))), list[int]()
    for start in range(0, len(unit), _BLOCK):
        check_wanted()
        block, known, fresh = unit[start : start + _BLOCK], heads[-MOST_HEADS:], list[int]()
        like_known, like_each = block @ unit[known].T >= NEAR, block @ block.T >= NEAR
        for row in range(len(block)):
            if like_known[row].any():
                places[start + row] = known[int(like_known[row].argmax())]
            elif like_each[row, fresh].any():
                places[start + row] = start + fresh[int(like_each[row, fresh].argmax())]
            else:
                fresh.append(row)
        heads += [start + row for row in fresh]
    return places
