"""Vectors are laid out as clip-retrieval's `inference` leaves them, and its reader takes them."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import pairlake.serve.export.embeddings
from pairlake.lake.catalog import writing
from pairlake.lake.errors import BadRequest, JobFailed, PairlakeError
from pairlake.serve.export.export import export
from pairlake.serve.export.selection import Selection
from tests.serve.conftest import APPLE, CAT, ENCODERS, POMME, PUBLISHED, SEA, Mart, Pair, vector
from tests.serve.export.exporting import with_verdicts


@pytest.fixture
def mart(mart: Mart, monkeypatch: pytest.MonkeyPatch) -> Mart:
    """A mart whose pairs fill several small parts, from batches that end elsewhere."""
    monkeypatch.setattr(pairlake.serve.export.embeddings, "PART_ROWS", 2)
    monkeypatch.setattr(pairlake.serve.export.embeddings, "_BATCH_ROWS", 3)
    return with_verdicts(mart)


def _read(folder: Path, kind: str) -> tuple[np.ndarray, pd.DataFrame]:
    """All vectors of a kind with their facts, by the reader of autofaiss and clip-retrieval."""
    from embedding_reader import EmbeddingReader

    metadata = str(folder / "metadata")
    names = ["image_path", "caption", "url", "uid", "hash", "LANGUAGE", "similarity"]
    reader = EmbeddingReader(
        embeddings_folder=str(folder / kind),
        file_format="parquet_npy",
        metadata_folder=metadata,
        meta_columns=names,
    )
    for file in (folder / kind).iterdir():
        assert np.load(file, mmap_mode="r").dtype == np.float16
    ((vectors, facts),) = reader(batch_size=1_000, show_progress=False)
    return vectors, facts


def _near(found: np.ndarray, text: str) -> bool:
    return bool(np.abs(found - vector(text)).max() < 1e-3)


def test_clip_retrievals_reader_finds_each_pair_with_both_vectors(
    mart: Mart, tmp_path: Path
) -> None:
    mart.keep(*PUBLISHED)
    exported = export(tmp_path / "it", format="embeddings")
    assert (exported.rows, exported.left_out) == (5, {})

    pictures, facts = _read(tmp_path / "it", "img_emb")
    captions, same = _read(tmp_path / "it", "text_emb")

    assert facts.equals(same)
    pairs = sorted(PUBLISHED, key=lambda pair: pair.pair_id)
    assert facts["caption"].to_list() == [pair.caption for pair in pairs]
    assert facts["url"].to_list() == [pair.image_url for pair in pairs]
    assert facts["uid"].to_list() == facts["image_path"].to_list()
    assert facts["uid"].to_list() == [pair.pair_id.hex for pair in pairs]
    for n, pair in enumerate(pairs):
        assert _near(pictures[n], pair.picture)
        assert _near(captions[n], pair.caption)


def test_files_are_named_as_clip_retrieval_names_them(mart: Mart, tmp_path: Path) -> None:
    """By as many digits as their number has, so that they stand in their order."""
    for count, digits in ((3, 1), (19, 2)):
        pairs = [Pair(caption=f"a cat, {n}", picture="cat") for n in range(count)]
        mart.keep(*pairs)
        folder = tmp_path / str(count)
        export(folder, format="embeddings")
        parts = [f"{n:0{digits}}" for n in range((count + 1) // 2)]
        assert {str(path.relative_to(folder)) for path in folder.rglob("*.*")} == {
            "provenance.json",
            *(f"img_emb/img_emb_{part}.npy" for part in parts),
            *(f"text_emb/text_emb_{part}.npy" for part in parts),
            *(f"metadata/metadata_{part}.parquet" for part in parts),
        }
        # As `clip-retrieval back` reads it: all files in the order of their names.
        told = pd.concat(map(pd.read_parquet, sorted((folder / "metadata").glob("*.parquet"))))
        assert list(told.columns) == [
            *("image_path", "caption", "url", "uid", "LICENSE", "similarity", "LANGUAGE", "hash"),
            *("pwatermark", "punsafe", "original_width", "original_height", "sha256"),
        ]
        assert all(one < other for one, other in pairwise(told["uid"]))
        assert len(_read(folder, "text_emb")[0]) == len(told) == count


def test_what_a_search_finds_stands_in_its_order(mart: Mart, tmp_path: Path) -> None:
    mart.keep(*PUBLISHED)
    asked = Selection(search="a cat", where=("language is not null",), limit=3)
    export(tmp_path / "it", asked, format="embeddings", encoder=ENCODERS.captions)
    vectors, facts = _read(tmp_path / "it", "img_emb")
    assert (facts["caption"][0], len(facts)) == (CAT.caption, 3)
    # Two show the same picture, and a product may end in another digit for each row.
    nearness = np.round(vectors @ vector("a cat"), 6)
    assert list(nearness) == sorted(nearness, reverse=True)


def _delete(mart: Mart, kind: str, pair: Pair) -> None:
    with writing(mart.con):
        mart.con.execute(
            f"delete from lake.enriched.{kind}_embeddings where {kind}_id = "
            f"(select {kind}_id from lake.marts.pairs where pair_id = ?)",
            [pair.pair_id],
        )


def test_pairs_that_lack_a_vector_are_counted(mart: Mart, tmp_path: Path) -> None:
    mart.keep(*PUBLISHED)
    _delete(mart, "caption", CAT)
    _delete(mart, "image", SEA)
    exported = export(tmp_path / "it", format="embeddings")
    assert (exported.rows, exported.left_out) == (3, {"not_embedded": 2})
    assert "2 not_embedded" in str(exported)
    assert len(_read(tmp_path / "it", "img_emb")[0]) == 3


def test_where_no_pair_has_both_the_next_step_is_named(mart: Mart, tmp_path: Path) -> None:
    """Also where the vectors that there are come of another encoder than the recipe's."""
    mart.keep(APPLE, POMME)
    with writing(mart.con):
        mart.con.execute("update lake.enriched.caption_embeddings set model_id = 'other-1'")
    said = "None of the 1 pairs has .* of the recipe demo; run: pairlake enrich, then dbt build"
    with pytest.raises(BadRequest, match=said):
        export(tmp_path / "it", Selection(split="en"), format="embeddings")
    assert list(tmp_path.glob("*it*")) == []


def _told(folder: Path) -> Any:
    return json.loads((folder / "provenance.json").read_text())


def test_captions_of_several_encoders_stand_together_and_pictures_do_not(
    mart: Mart, tmp_path: Path
) -> None:
    """Captions of two are compared with the same pictures; pictures of two with nothing."""
    mart.keep(APPLE, POMME)
    _seen_by_another(mart, "caption")
    assert export(tmp_path / "it", format="embeddings").rows == 2
    assert _told(tmp_path / "it")["encoders"] == {
        "image_encoder": "tiny",
        "caption_encoder": "tiny, tiny_fr",
    }

    _seen_by_another(mart, "image")
    with pytest.raises(PairlakeError, match=r"2 image encoders \(tiny, tiny_fr\).*take those of"):
        export(tmp_path / "it", format="embeddings")
    assert export(tmp_path / "it", Selection(split="en"), format="embeddings").rows == 1
    assert _told(tmp_path / "it")["encoders"]["caption_encoder"] == "tiny"


def _seen_by_another(mart: Mart, kind: str) -> None:
    """French captions, or their pictures, have their vectors by another encoder."""
    with writing(mart.con):
        if kind == "caption":
            mart.con.execute(
                "insert into lake.seeds.similarity_models values ('tiny_fr', 'tiny', 'tiny_fr');"
                "insert into lake.intermediate.int_recipe_models "
                "values ('similarity', 'tiny_fr', 'similarity-fr');"
                "update lake.marts.pairs set similarity_model_id = 'similarity-fr' "
                "where split = 'multi'"
            )
        else:
            mart.con.execute(
                "update lake.seeds.similarity_models set image_encoder = caption_encoder"
            )
        mart.con.execute(
            "insert into lake.intermediate.int_recipe_models values (?, 'tiny_fr', ?)",
            [f"{kind}_encoder", f"{kind}-fr"],
        )
        mart.con.execute(
            f"insert into lake.enriched.{kind}_embeddings by name "
            f"select * replace (? as model_id) from lake.enriched.{kind}_embeddings",
            [f"{kind}-fr"],
        )


def test_vectors_of_several_lengths_are_refused(mart: Mart, tmp_path: Path) -> None:
    mart.keep(APPLE, CAT)
    with writing(mart.con):
        mart.con.execute(
            "update lake.enriched.caption_embeddings set embedding = embedding || 'xy'::blob "
            "where caption_id = (select caption_id from lake.marts.pairs where pair_id = ?)",
            [CAT.pair_id],
        )
    with pytest.raises(JobFailed, match="caption_vector should have 8; register the encoder"):
        export(tmp_path / "it", format="embeddings")
    assert not (tmp_path / "it").exists()


def test_nothing_selected_is_an_empty_folder(mart: Mart, tmp_path: Path) -> None:
    mart.keep(APPLE)
    for _ in range(2):  # and is replaced
        exported = export(tmp_path / "it", Selection(split="multi"), format="embeddings")
        assert exported.rows == 0
        assert [path.name for path in (tmp_path / "it").iterdir()] == ["provenance.json"]
