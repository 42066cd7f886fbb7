"""Pairs that were found as results: one per pair, per picture, or per look-alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

import numpy as np

from serve.facts import SHOWN, Facts
from serve.query import Fold, Vector

# Pictures whose embeddings have this cosine are one to those who ask for it (clip-retrieval,
# clip_back.py, get_non_uniques).
NEAR = 0.94


@dataclass(frozen=True, kw_only=True)
class Hit:
    """One result: a pair, with the facts and scores of `marts.pairs`, None where nothing is known.

    `similarity` is the cosine of the query with the picture (or the caption, when captions are
    searched), `pair_similarity` that of the picture with its own caption. `captions` counts the
    results that this one stands for. `sample_id` is LAION's, as text: it takes 64 bits.
    """

    pair_id: UUID
    image_id: UUID
    sample_id: str
    hash: str
    caption: str
    image_url: str
    domain: str | None
    page_url: str | None
    license_url: str | None
    language: str | None
    split: str
    width: int
    height: int
    similarity: float
    pair_similarity: float | None
    punsafe: float | None
    pwatermark: float | None
    aesthetic_score: float | None
    pinappropriate: float | None
    toxicity: float | None
    captions: int = 1


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
    heads: list[Found] = []
    counts: list[int] = []
    place: dict[bytes, int] = {}
    vectors: list[Vector] = []
    for each in found:
        key = each.facts.pair_id if fold == "none" else each.facts.image_id
        at = place.get(key)
        if at is None and each.vector is not None:
            vector = each.vector / np.linalg.norm(each.vector)
            at = _alike(vector, vectors)
            if at is None:
                vectors.append(vector)
        if at is None:
            at = len(heads)
            heads.append(each)
            counts.append(0)
        place[key] = at
        counts[at] += 1
    return [
        hit_of(each.facts, each.cosine, captions=count)
        for each, count in zip(heads, counts, strict=True)
    ]


def hit_of(facts: Facts, cosine: float, *, captions: int = 1) -> Hit:
    """A pair that was found with that cosine, as a hit."""
    return Hit(
        **{name: getattr(facts, name) for name in _AS_THEY_ARE},
        pair_id=UUID(bytes=facts.pair_id),
        image_id=UUID(bytes=facts.image_id),
        sample_id=str(facts.sample_id),
        hash=str(facts.hash),
        similarity=cosine,
        pair_similarity=facts.similarity,
        captions=captions,
    )


def _alike(vector: Vector, vectors: list[Vector]) -> int | None:
    if not vectors:
        return None
    cosines = np.stack(vectors) @ vector
    first = int(np.argmax(cosines >= NEAR))
    return first if cosines[first] >= NEAR else None


_AS_THEY_ARE = tuple(
    name for name in SHOWN if name not in ("pair_id", "image_id", "sample_id", "hash", "similarity")
)
