"""An export has the pairs that were asked for; what cannot be asked is said in words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pairlake.lake.errors import BadRequest
from pairlake.serve.export.export import export
from pairlake.serve.export.selection import Selection
from pairlake.serve.search.filters import BadFilter
from tests.serve.conftest import APPLE, CAT, ENCODERS, HOSTILE, POMME, PUBLISHED, SEA, Mart
from tests.serve.export.exporting import captions_of, exported_captions, with_verdicts


@pytest.fixture
def mart(mart: Mart) -> Mart:
    return with_verdicts(mart)


def test_conditions_of_all_kinds_hold_together(mart: Mart, tmp_path: Path) -> None:
    mart.keep(*PUBLISHED)
    two_apples = "select pair_id from pairs where caption like '%apple%' -- and no other"
    cases = {
        Selection(): captions_of(*PUBLISHED),
        Selection(split="multi"): captions_of(POMME),
        Selection(where=("language in en,fr", "similarity > 0.305")): captions_of(APPLE, POMME),
        Selection(where=("language is null",)): captions_of(SEA),
        Selection(sql=two_apples): captions_of(APPLE, POMME),
        Selection(sql=two_apples, split="en"): captions_of(APPLE),
        Selection(sql=two_apples, where=("language = fr",)): captions_of(POMME),
        Selection(limit=2): captions_of(*PUBLISHED)[:2],
        Selection(sql=two_apples, limit=1): captions_of(APPLE, POMME)[:1],
        Selection(where=("language = xx",)): [],
    }
    for selection, captions in cases.items():
        assert exported_captions(tmp_path, selection) == captions, selection


def test_the_nearest_to_a_text_come_first_and_fill_the_limit(mart: Mart, tmp_path: Path) -> None:
    mart.keep(*PUBLISHED)
    cases = {
        Selection(search="a cat", limit=1): [CAT.caption],
        Selection(search="a star", limit=1): [HOSTILE.caption],
        Selection(search="an apple", limit=2): captions_of(APPLE, POMME),
        # Of those that are left, not of the nearest.
        Selection(search="an apple", split="nolang", limit=2): [SEA.caption],
    }
    for selection, captions in cases.items():
        assert exported_captions(tmp_path, selection, encoder=ENCODERS.captions) == captions, (
            selection
        )
    (told,) = (json.loads(path.read_text()) for path in tmp_path.glob("*.provenance"))
    assert told["encoders"] == {"image_encoder": "tiny", "caption_encoder": "tiny"}


def test_what_cannot_be_asked_is_said_in_words(mart: Mart, tmp_path: Path) -> None:
    mart.keep(APPLE)
    with pytest.raises(BadFilter, match="colour"):
        exported_captions(tmp_path, Selection(where=("colour = red",)))
    with pytest.raises(BadRequest, match="--limit"):
        Selection(search="a cat")
    with pytest.raises(BadRequest, match="some words"):
        Selection(search=" ", limit=1)
    for query in ("select 1", "nonsense", "select 'x' as pair_id", "select pair_id from nowhere"):
        with pytest.raises(BadRequest, match="a column pair_id"):
            exported_captions(tmp_path, Selection(sql=query))
    with pytest.raises(BadRequest, match="give --format, one of parquet, csv"):
        export(tmp_path / "pairs")
    assert list(tmp_path.glob("pairs*")) == []


def test_pairs_that_a_query_names_and_the_recipe_dropped_are_counted(
    mart: Mart, tmp_path: Path
) -> None:
    mart.keep(APPLE)
    query = f"values ('{APPLE.pair_id}'), ('{CAT.pair_id}'), (null)"
    exported = export(tmp_path / "pairs.csv", Selection(sql=f"select * from ({query}) t (pair_id)"))
    assert (exported.rows, exported.left_out) == (1, {"not_kept": 1})
    assert "1 not_kept" in str(exported)
