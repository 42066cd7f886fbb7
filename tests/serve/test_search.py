"""Results are the nearest pictures, one row each, within the filters that were asked for."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import numpy as np
import pytest

from lake.errors import PairlakeError
from serve.index import NothingPublished
from serve.publish import publish
from serve.search import Search, UnknownPair
from tests.serve.conftest import (
    APPLE,
    CAT,
    HOSTILE,
    POMME,
    SEA,
    Mart,
    Pair,
    encode_captions,
    vector,
)


def test_the_nearest_picture_comes_first_with_its_cosine(search: Search) -> None:
    hits = search.by_text("a cat, please", limit=10)
    assert hits[0].image_id == CAT.image_id
    assert len(hits) == 4
    expected = float(vector("a cat, please") @ vector("cat"))
    assert hits[0].similarity == pytest.approx(expected, abs=2e-3)  # the index holds fp16
    assert hits[0].page_url is None


def test_a_picture_comes_once_with_its_best_caption(search: Search) -> None:
    apples = [hit for hit in search.by_text("apple", limit=10) if hit.image_id == APPLE.image_id]
    assert [hit.caption for hit in apples] == [POMME.caption]
    assert apples[0].pair_similarity == pytest.approx(0.35)


def test_many_captions_of_one_picture_do_not_crowd_out_the_others(mart: Mart, home: Path) -> None:
    mart.keep(*(Pair(caption=f"apple {i}", picture="apple") for i in range(60)), CAT)
    publish(progress=lambda _: None)
    hits = Search(home / "search", lambda _: encode_captions).by_text("apple", limit=2)
    assert [hit.image_id for hit in hits] == [APPLE.image_id, CAT.image_id]


def test_filters_hold(search: Search) -> None:
    english = search.by_text("apple", limit=9, split="en")
    french = search.by_text("apple", limit=9, language="fr")
    assert english[0].caption == APPLE.caption
    assert {hit.image_id for hit in english} == {p.image_id for p in (APPLE, CAT, HOSTILE)}
    assert [hit.caption for hit in french] == [POMME.caption]
    assert search.by_text("apple", limit=9, language="fr", split="en") == []
    assert search.by_text("apple", limit=9, language="' or true --") == []


def test_captions_are_searched_by_their_own_vectors(search: Search) -> None:
    hit = search.by_text("sea", limit=1, side="caption")[0]
    expected = float(vector("sea") @ vector(SEA.caption))
    assert hit.pair_id == SEA.pair_id
    assert hit.similarity == pytest.approx(expected, abs=2e-3)


def test_similar_pictures_leave_out_the_picture_itself(search: Search) -> None:
    hits = search.by_pair(APPLE.pair_id, limit=9)
    assert {hit.image_id for hit in hits} == {CAT.image_id, SEA.image_id, HOSTILE.image_id}
    with pytest.raises(UnknownPair, match="not published"):
        search.by_pair(UUID(int=1), limit=9)


def test_the_encoder_is_the_published_one_and_made_once(mart: Mart, home: Path) -> None:
    mart.keep(APPLE)
    publish(progress=lambda _: None)
    asked: list[str] = []
    search = Search(home / "search", lambda name: asked.append(name) or encode_captions)
    search.by_text("apple", limit=1)
    search.by_text("cat", limit=1)
    assert asked == ["tiny"]


def test_vectors_that_do_not_fit_are_refused(mart: Mart, home: Path) -> None:
    mart.keep(APPLE)
    publish(progress=lambda _: None)
    search = Search(home / "search", lambda _: lambda texts: np.ones((len(texts), 3), np.float32))
    with pytest.raises(PairlakeError, match="8 numbers, the query's encoder gives 3"):
        search.by_text("apple", limit=1)


def test_before_the_first_publication(home: Path) -> None:
    search = Search(home / "search", lambda _: encode_captions)
    with pytest.raises(NothingPublished):
        search.by_text("apple", limit=1)
    assert not (home / "search").exists()


def test_after_the_last_pair_is_gone(mart: Mart, home: Path) -> None:
    mart.keep(APPLE, CAT)
    publish(progress=lambda _: None)
    search = Search(home / "search", lambda _: encode_captions)
    assert search.by_text("apple", limit=1)
    mart.keep()
    assert publish(progress=lambda _: None).deleted == 2
    assert search.by_text("apple", limit=1) == []
