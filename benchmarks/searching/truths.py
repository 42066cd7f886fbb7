"""What an exact search finds among the pairs of a world: what recall is held against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from benchmarks.searching.worlds import Block, World
from pairlake.lake.vectors import Matrix

NEAREST = 40
Ids = NDArray[np.int64]
# As `/api/search` takes them, each with the pairs that it keeps. A number without an index, a
# word with one, and a site, whose pictures are all of one kind, which is seldom the query's.
FILTERS = {
    "aesthetic_score >= 9": ("aesthetic_score", pc.greater_equal, 9.0),
    "aesthetic_score >= 9.9": ("aesthetic_score", pc.greater_equal, 9.9),
    "aesthetic_score >= 9.99": ("aesthetic_score", pc.greater_equal, 9.99),
    "language = ja": ("language", pc.equal, "ja"),
    "language = th": ("language", pc.equal, "th"),
    "language = is": ("language", pc.equal, "is"),
    "domain = topic7.example": ("domain", pc.equal, "topic7.example"),
}


@dataclass(frozen=True, kw_only=True)
class Truth:
    """Queries (Q, D), and the numbers of the NEAREST pairs of each, best first, (Q, NEAREST).

    `image`: pictures among pictures; `text`: captions among pictures, which lie apart; `caption`:
    captions among captions; by a filter: pictures among the pictures that it keeps.
    """

    pictures: Matrix
    captions: Matrix
    nearest: Mapping[str, Ids]


def truth(file: Path, rows: int, queries: int) -> Truth:
    """The truth of the first `rows` pairs; kept in `file`."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        found = _searched(rows, queries)
        arrays: dict[str, Any] = {**found.nearest}
        np.savez(file, pictures=found.pictures, captions=found.captions, **arrays)
    kept = dict(np.load(file))
    return Truth(pictures=kept.pop("pictures"), captions=kept.pop("captions"), nearest=kept)


def recall(found: list[list[int]], true: Ids, of: int) -> float:
    """The mean share of the `of` nearest that are among the first `of` found; fewer may exist."""
    shares = []
    for ids, wanted in zip(found, true[:, :of].tolist(), strict=True):
        there = {number for number in wanted if number >= 0}
        shares.append(len(there.intersection(ids[:of])) / len(there) if there else 1.0)
    return float(np.mean(shares))


def _searched(rows: int, queries: int) -> Truth:
    world = World()
    pictures, captions = world.queries(queries)
    sides = {"image": pictures, "text": pictures, "caption": captions}
    best = {name: _Best(queries) for name in (*sides, *FILTERS)}
    for block in world.blocks(rows):
        images_BD = block.images.astype(np.float32)
        images = pictures @ _unit(images_BD).T
        best["image"].add(images, block.first)
        best["text"].add(captions @ _unit(images_BD).T, block.first)
        best["caption"].add(captions @ _unit(block.captions.astype(np.float32)).T, block.first)
        for name in FILTERS:
            best[name].add(np.where(_kept(block, name), images, -np.inf), block.first)
    nearest = {name: each.ids for name, each in best.items()}
    return Truth(pictures=pictures, captions=captions, nearest=nearest)


class _Best:
    """The nearest so far; -1 where there are fewer than NEAREST."""

    def __init__(self, queries: int) -> None:
        self.ids = np.full((queries, NEAREST), -1, np.int64)
        self._cosines = np.full((queries, NEAREST), -np.inf, np.float32)

    def add(self, cosines_QB: Matrix, first: int) -> None:
        """Take in the cosines with the pairs from `first` on; those at -inf do not count."""
        numbers = np.broadcast_to(np.arange(first, first + cosines_QB.shape[1]), cosines_QB.shape)
        cosines = np.concatenate([self._cosines, cosines_QB], axis=1)
        ids = np.concatenate([self.ids, numbers], axis=1)
        chosen = np.argpartition(-cosines, NEAREST - 1, axis=1)[:, :NEAREST]
        ranks = np.argsort(-np.take_along_axis(cosines, chosen, 1), axis=1, kind="stable")
        chosen = np.take_along_axis(chosen, ranks, 1)
        self._cosines = np.take_along_axis(cosines, chosen, 1)
        self.ids = np.where(np.isinf(self._cosines), -1, np.take_along_axis(ids, chosen, 1))


def _kept(block: Block, name: str) -> NDArray[np.bool_]:
    column, compare, value = FILTERS[name]
    # As the index holds it: a number of float32 against the written one.
    kept: pa.Array = compare(block.facts[column], pa.scalar(value))
    found: NDArray[np.bool_] = kept.to_numpy(zero_copy_only=False)
    return found


def _unit(vectors_BD: Matrix) -> Matrix:
    unit: Matrix = vectors_BD / np.linalg.norm(vectors_BD, axis=1, keepdims=True)
    return unit
