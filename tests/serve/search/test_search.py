"""Results are the nearest pictures, folded as asked, within the filters, and as many."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest

from pairlake.lake.catalog import writing
from pairlake.lake.errors import BadRequest, PairlakeError
from pairlake.serve.publish.publish import publish
from pairlake.serve.search import index, nearest, scan
from pairlake.serve.search.hits import Hit
from pairlake.serve.search.index import NothingPublished
from pairlake.serve.search.query import Part, Query
from pairlake.serve.search.search import Encoders, Search, UnknownPair
from tests.serve.conftest import (
    APPLE,
    CAT,
    ENCODERS,
    HOSTILE,
    POMME,
    PUBLISHED,
    SEA,
    Blurred,
    Mart,
    Pair,
    encode_captions,
    picture,
    vector,
)


def _find(search: Search, *parts: Part, limit: int = 9, **query: object) -> list[Hit]:
    where = tuple(query.pop("where", ()))  # type: ignore[arg-type]
    return search.find(Query(parts=parts, where=where, limit=limit, **query)).results  # type: ignore[arg-type]


def _text(text: str, weight: float = 1.0) -> Part:
    return Part(text=text, weight=weight)


def test_the_nearest_picture_comes_first_with_its_cosine(search: Search) -> None:
    hits = search.by_text("a cat, please", limit=10)
    assert hits[0].image_id == CAT.image_id
    assert len(hits) == 4
    expected = float(vector("a cat, please") @ vector("cat"))
    assert hits[0].similarity == pytest.approx(expected, abs=2e-3)  # the index holds fp16
    assert hits[0].page_url is None


def test_a_result_says_its_columns_in_this_order(search: Search) -> None:
    (hit,) = search.by_text("a cat", limit=1)
    assert list(hit.__struct_fields__) == [
        *("pair_id", "image_id", "sample_id", "hash", "caption", "image_url", "domain", "page_url"),
        *("license_url", "language", "split", "width", "height", "is_found_only"),
        *("similarity", "pair_similarity"),
        *("punsafe", "pwatermark", "aesthetic_score", "pinappropriate", "toxicity", "captions"),
    ]


def test_a_picture_comes_once_with_its_best_caption(search: Search) -> None:
    apples = [hit for hit in search.by_text("apple", limit=10) if hit.image_id == APPLE.image_id]
    assert [hit.caption for hit in apples] == [POMME.caption]
    assert (apples[0].pair_similarity, apples[0].captions) == (pytest.approx(0.35), 2)


def test_unfolded_every_pair_is_a_result(search: Search) -> None:
    hits = _find(search, _text("apple"), fold="none")
    assert {hit.pair_id for hit in hits} == {pair.pair_id for pair in PUBLISHED}
    assert [hit.captions for hit in hits] == [1] * 5


def test_look_alikes_fold_where_that_is_asked(mart: Mart, home: Path) -> None:
    crowd = [Pair(caption=f"apple {i}", picture=f"apple no. {i}") for i in range(12)]
    mart.keep(*crowd, CAT, SEA)
    publish(progress=lambda _: None)
    search = Search(home / "search", ENCODERS)
    assert len(_find(search, _text("apple"), limit=3)) == 3
    near = _find(search, _text("apple"), limit=3, fold="near")
    assert near[0].captions == 12
    assert {hit.image_id for hit in near[1:]} == {CAT.image_id, SEA.image_id}


def test_many_captions_of_one_picture_do_not_crowd_out_the_others(mart: Mart, home: Path) -> None:
    mart.keep(*(Pair(caption=f"apple {i}", picture="apple") for i in range(60)), CAT)
    publish(progress=lambda _: None)
    hits = Search(home / "search", ENCODERS).by_text("apple", limit=2)
    assert [hit.image_id for hit in hits] == [APPLE.image_id, CAT.image_id]


def test_results_go_on_where_the_last_ended(search: Search) -> None:
    whole = search.find(Query(parts=(_text("apple"),), limit=4))
    first = search.find(Query(parts=(_text("apple"),), limit=3))
    rest = search.find(Query(parts=(_text("apple"),), limit=3, offset=3))
    assert (whole.more, first.more, rest.more) == (False, True, False)
    assert first.results + rest.results == whole.results


def test_filters_hold_before_the_search(search: Search) -> None:
    french = _find(search, _text("apple"), where=["language = fr"])
    english = _find(search, _text("apple"), where=["split = en", "similarity > 0"])
    assert [hit.caption for hit in french] == [POMME.caption]
    assert {hit.image_id for hit in english} == {p.image_id for p in (APPLE, CAT, HOSTILE)}
    assert _find(search, _text("apple"), where=["language = fr", "split = en"]) == []
    assert _find(search, _text("apple"), where=["language = ' or true --"]) == []
    assert [h.caption for h in _find(search, _text("sea"), where=["page_url is null"])] == [
        CAT.caption
    ]


def test_a_narrow_filter_still_fills_the_limit(
    mart: Mart, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The few rows that match lie in partitions of the index that the query is far from."""
    monkeypatch.setattr(index, "INDEX_FROM_ROWS", 300)
    crowd = [Pair(caption=f"apple {i}", picture=f"apple no. {i}") for i in range(600)]
    rare = [Pair(caption=f"star {i}", picture=f"star no. {i}", language="fr") for i in range(7)]
    mart.keep(*crowd, *rare)
    publish(progress=lambda _: None)
    hits = _find(Search(home / "search", ENCODERS), _text("apple"), where=["language = fr"])
    assert {hit.pair_id for hit in hits} == {pair.pair_id for pair in rare}


@pytest.mark.parametrize("few", [0, 1_000])
def test_results_are_the_same_by_the_index_and_without(
    few: int, mart: Mart, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "INDEX_FROM_ROWS", 300)
    monkeypatch.setattr(nearest, "EXACT_ROWS", few)
    pairs = [
        Pair(caption=f"no. {i}", picture=f"apple no. {i}", language="fr" if i < 50 else "en")
        for i in range(400)
    ]
    mart.keep(*pairs)
    publish(progress=lambda _: None)
    hits = _find(Search(home / "search", ENCODERS), _text("apple"), where=["language = fr"])
    cosines = [float(vector("apple") @ vector(f"apple no. {i}")) for i in range(50)]
    assert [hit.similarity for hit in hits] == pytest.approx(
        sorted(cosines, reverse=True)[:9], abs=2e-3
    )


def test_captions_are_searched_by_their_own_vectors(search: Search) -> None:
    hit = search.by_text("sea", limit=1, side="caption")[0]
    expected = float(vector("sea") @ vector(SEA.caption))
    assert hit.pair_id == SEA.pair_id
    assert hit.similarity == pytest.approx(expected, abs=2e-3)


def test_words_count_where_that_is_asked(search: Search) -> None:
    # No axis has this name, but the caption has the word.
    hits = _find(search, _text("42"), hybrid=True, limit=1)
    assert [hit.pair_id for hit in hits] == [SEA.pair_id]
    expected = float(vector("42") @ vector("sea"))
    assert hits[0].similarity == pytest.approx(expected, abs=2e-3)
    assert _find(search, _text("42"), hybrid=True, where=["language = fr"])[0].language == "fr"
    with pytest.raises(BadRequest, match="takes words"):
        _find(search, Part(pair_id=SEA.pair_id), hybrid=True)


def test_words_of_languages_without_spaces_are_found(mart: Mart, home: Path) -> None:
    bicycle = Pair(caption="赤い自転車の写真", picture="x", language="ja", split="multi")
    mart.keep(*PUBLISHED, bicycle)
    publish(progress=lambda _: None)
    hits = _find(Search(home / "search", ENCODERS), _text("自転車"), hybrid=True, limit=1)
    assert [hit.language for hit in hits] == ["ja"]


def test_similar_pictures_leave_out_the_picture_itself(search: Search) -> None:
    hits = _find(search, Part(pair_id=APPLE.pair_id))
    assert {hit.image_id for hit in hits} == {CAT.image_id, SEA.image_id, HOSTILE.image_id}
    with pytest.raises(UnknownPair, match="not published"):
        _find(search, Part(pair_id=UUID(int=1)))


def test_parts_are_weighed(search: Search) -> None:
    both = _find(search, _text("apple", 0.4), _text("cat", 1.0))
    assert [hit.image_id for hit in both[:2]] == [CAT.image_id, APPLE.image_id]
    unlike = _find(search, _text("apple", 0.4), _text("cat", 1.0), _text("cat", -1.5))
    assert [unlike[0].image_id, unlike[-1].image_id] == [APPLE.image_id, CAT.image_id]
    with pytest.raises(BadRequest, match="cancel one another out"):
        _find(search, _text("cat"), _text("cat", -1.0))


@pytest.mark.parametrize(
    "part",
    [Part(picture=picture("sea")), Part(vector=vector("sea").astype(np.float32))],
    ids=["picture", "vector"],
)
def test_a_picture_and_a_vector_find_what_is_like_them(search: Search, part: Part) -> None:
    assert _find(search, part, limit=1)[0].image_id == SEA.image_id


def test_steering_goes_along_the_aesthetic_head(search: Search) -> None:
    plain = _find(search, _text("apple"))
    steered = _find(search, _text("apple"), aesthetic=0.9)
    assert [hit.image_id for hit in steered[:2]] == [APPLE.image_id, HOSTILE.image_id]
    assert (
        steered[1].similarity
        > {hit.image_id: hit for hit in plain}[HOSTILE.image_id].similarity + 0.3
    )


def test_without_an_aesthetic_head_there_is_no_steering(mart: Mart, home: Path) -> None:
    mart.keep(APPLE)
    with writing() as con:
        con.execute("delete from lake.seeds.image_heads")
    publish(progress=lambda _: None)
    with pytest.raises(BadRequest, match="aesthetic head"):
        _find(Search(home / "search", ENCODERS), _text("apple"), aesthetic=0.5)


def test_unsafe_pictures_are_hidden_where_that_is_asked(mart: Mart, home: Path) -> None:
    unsafe, fine = Pair(caption="cat a", picture="cat", punsafe=0.9), replace(SEA, punsafe=0.1)
    harsh = Pair(caption="a star", picture="star", pinappropriate=0.8)
    mart.keep(unsafe, fine, harsh, APPLE)
    publish(progress=lambda _: None)
    search = Search(home / "search", ENCODERS)
    assert len(_find(search, _text("cat"))) == 4
    hidden = _find(search, _text("cat"), hide_unsafe=True, hide_inappropriate=True)
    # What no model has judged is shown.
    assert {hit.image_id for hit in hidden} == {SEA.image_id, APPLE.image_id}


def test_a_score_more_is_shown_and_filtered(mart: Mart, home: Path) -> None:
    mart.rate("blurriness")
    sharp, blurred = (
        Blurred(caption=f"cat {n}", picture=f"cat {n}", blurriness=n) for n in (0.25, 0.75)
    )
    mart.keep(sharp, blurred, APPLE)
    publish(progress=lambda _: None)
    search = Search(home / "search", ENCODERS)
    found = {hit.pair_id: hit.blurriness for hit in _find(search, _text("cat"))}
    assert found == {sharp.pair_id: 0.25, blurred.pair_id: 0.75, APPLE.pair_id: None}
    hits = _find(search, _text("cat"), where=["blurriness <= 0.5"])
    assert [hit.pair_id for hit in hits] == [sharp.pair_id]
    with pytest.raises(BadRequest, match="toxicity, blurriness"):
        _find(search, _text("cat"), where=["sharpness > 1"])


def test_what_is_hidden_goes_by_the_published_list(mart: Mart, home: Path) -> None:
    mart.rate("blurriness", kind="inappropriate", hidden_above=0.5)
    bare = Pair(caption="cat a", picture="cat", punsafe=0.7)
    blurred = Blurred(caption="a sea", picture="sea", blurriness=0.75)
    mart.keep(bare, blurred, APPLE)

    def shown(above: str) -> set[UUID]:
        with writing(mart.con) as con:
            con.execute(f"update lake.marts.ratings set hidden_above = {above} where kind = 'nsfw'")
        publish(progress=lambda _: None)
        search = Search(home / "search", ENCODERS)
        hits = _find(search, _text("cat"), hide_unsafe=True, hide_inappropriate=True)
        return {hit.image_id for hit in hits}

    assert shown("0.5") == {APPLE.image_id}
    assert shown("0.7") == {APPLE.image_id, bare.image_id}
    # It is not silently shown.
    with pytest.raises(BadRequest, match="cannot be hidden by punsafe"):
        shown("null")
    # Of what no score tells, nothing is hidden.
    with writing(mart.con) as con:
        con.execute("delete from lake.marts.ratings where kind = 'nsfw'")
    assert shown("0.5") == {APPLE.image_id, bare.image_id}


def test_the_encoder_is_the_published_one_and_made_once(mart: Mart, home: Path) -> None:
    mart.keep(APPLE)
    publish(progress=lambda _: None)
    asked: list[str] = []
    encoders = Encoders(
        captions=lambda name: asked.append(name) or encode_captions,
        pictures=ENCODERS.pictures,
        aesthetic=ENCODERS.aesthetic,
    )
    search = Search(home / "search", encoders)
    search.by_text("apple", limit=1)
    search.by_text("cat", limit=1)
    assert asked == ["tiny"]


def test_vectors_that_do_not_fit_are_refused(published: Path, search: Search) -> None:
    with pytest.raises(BadRequest, match="has 3 numbers; those of the index, by tiny, have 8"):
        _find(search, Part(vector=np.ones(3, np.float32)))
    other = replace(ENCODERS, captions=lambda _: lambda texts: np.ones((len(texts), 3), np.float32))
    with pytest.raises(PairlakeError, match="8 numbers, the query's encoder gives 3"):
        Search(published, other).by_text("apple", limit=1)


@pytest.mark.parametrize("where", [[], ["width >= 1"]])
@pytest.mark.parametrize("few", [0, 1_000])
def test_a_search_takes_so_much_memory_and_no_more(
    search: Search, monkeypatch: pytest.MonkeyPatch, where: list[str], few: int
) -> None:
    monkeypatch.setattr(nearest, "EXACT_ROWS", few)
    monkeypatch.setattr(scan, "MOST_BYTES", 400)
    with pytest.raises(BadRequest, match="take more than 400 bytes; ask for fewer"):
        _find(search, _text("apple"), where=where)


def test_pairs_are_found_by_laions_ids(search: Search) -> None:
    ids = [int.from_bytes(pair.pair_id.bytes[:8], signed=True) for pair in (CAT, APPLE)]
    found = search.samples([*ids, 5])
    assert {id_: hit.pair_id for id_, hit in found.items()} == dict(
        zip(ids, (CAT.pair_id, APPLE.pair_id), strict=True)
    )


def test_before_the_first_publication(home: Path) -> None:
    search = Search(home / "search", ENCODERS)
    with pytest.raises(NothingPublished):
        search.by_text("apple", limit=1)
    assert not (home / "search").exists()


def test_after_the_last_pair_is_gone(mart: Mart, home: Path) -> None:
    mart.keep(APPLE, CAT)
    publish(progress=lambda _: None)
    search = Search(home / "search", ENCODERS)
    assert search.by_text("apple", limit=1)
    mart.keep()
    assert publish(progress=lambda _: None).deleted == 2
    assert search.by_text("apple", limit=1) == []
