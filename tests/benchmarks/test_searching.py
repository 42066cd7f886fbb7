"""The worlds that searches are measured on: drawn alike each time, and their exact answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.searching.truths import FILTERS, NEAREST, recall, truth
from benchmarks.searching.worlds import BLOCK, DIMENSIONS, World
from pairlake.serve.search.query import Part, Query
from pairlake.serve.search.search import Encoders, Search

ROWS, QUERIES = 1_000, 8


def _unasked(_: str) -> object:
    raise AssertionError


@pytest.mark.slow
def test_any_part_of_a_world_can_be_drawn_again() -> None:
    long, short = (list(World().blocks(rows)) for rows in (BLOCK + 5, 7))
    assert [(block.first, len(block.images)) for block in long] == [(0, BLOCK), (BLOCK, 5)]
    assert np.array_equal(long[0].images[:7], short[0].images)
    assert long[0].facts["caption"][:7].equals(short[0].facts["caption"])
    assert np.allclose(np.linalg.norm(short[0].images.astype(np.float32), axis=1), 1, atol=1e-3)


def test_recall_counts_what_there_is() -> None:
    true = np.array([[1, 2, 3], [7, -1, -1]])
    assert recall([[3, 2, 9], [7]], true, 3) == pytest.approx((2 / 3 + 1) / 2)
    assert recall([[9, 2], [8]], true, 1) == 0


@pytest.mark.slow
def test_the_truth_is_what_an_exact_search_finds(tmp_path: Path) -> None:
    """Below the size that gets an index, `pairlake serve` compares every vector."""
    command = [sys.executable, "-m", "benchmarks.searching.published"]
    home = tmp_path / "home"
    subprocess.run(
        [*command, str(home), str(ROWS), str(DIMENSIONS), "none"],
        check=True,
        env={**os.environ, "PAIRLAKE_HOME": str(home)},
        capture_output=True,
    )
    known = truth(tmp_path / "truth.npz", ROWS, QUERIES)
    encoders = Encoders(captions=_unasked, pictures=_unasked, aesthetic=_unasked)  # type: ignore[arg-type]
    search = Search(home / "search", encoders)
    for name in ("image", "text", *FILTERS):
        queries = known.captions if name == "text" else known.pictures
        where = (name,) if name in FILTERS else ()
        found = [
            [
                int(hit.sample_id)
                for hit in search.find(
                    Query(parts=(Part(vector=vector),), fold="none", where=where, limit=NEAREST)
                ).results
            ]
            for vector in queries
        ]
        assert recall(found, known.nearest[name], NEAREST) > 0.99
        kept = [sum(number >= 0 for number in row) for row in known.nearest[name].tolist()]
        assert list(map(len, found)) == kept


@pytest.mark.slow
def test_what_building_took_is_told(tmp_path: Path) -> None:
    home = tmp_path / "home"
    command = [sys.executable, "-m", "benchmarks.searching.published", str(home), "50", "16", "x"]
    told = subprocess.run(command, check=True, capture_output=True, text=True)
    assert set(json.loads(told.stdout)) == {"rows_s", "rows_cpu_s", "indexes_s", "indexes_cpu_s"}
