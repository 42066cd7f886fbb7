"""Neighbours are those of a plain comparison of all, each lands as a row, and none is lost."""

from __future__ import annotations

import importlib.util
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from pairlake.lake.append import append
from pairlake.lake.catalog import rows, writing
from pairlake.lake.vectors import Matrix, to_blobs
from pairlake.udfs import image_neighbours, nearest
from pairlake.udfs.job import Model, ModelUnavailable
from pairlake.udfs.jobs import find
from pairlake.udfs.running import run_job

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("faiss") is None, reason="pip install -e '.[neighbours]'"
)

JOB = replace(find("image_neighbours"), rows_at_once=7)
WIDTH, MOST = 16, 3
ENCODER = Model(name="clip", kind="image_encoder", weights_sha256="1", preprocessing="none")
# The tables and views that dbt builds.
WORLD = f"""
create schema lake.staging;
create schema lake.intermediate;
create view lake.staging.stg_enriched__models as from lake.enriched.models;
create view lake.staging.stg_enriched__image_embeddings as from lake.enriched.image_embeddings;
create view lake.intermediate.int_recipe_models as
select 'image_neighbours' as kind, 'clip' as name;
create view lake.intermediate.int_images_awaiting_neighbours as
select image_id, model_id, 0.9::float as min_cosine, {MOST} as max_neighbours
from lake.enriched.image_embeddings
anti join lake.enriched.image_neighbours using (image_id, model_id)
where outcome = 'ok';
"""


@pytest.fixture(autouse=True)
def world() -> None:
    """A lake as dbt leaves it, with an encoder and none of its embeddings yet."""
    with writing() as con:
        con.execute(WORLD)
    row = {
        "model_id": ENCODER.model_id,
        "name": ENCODER.name,
        "kind": ENCODER.kind,
        "weights_sha256": ENCODER.weights_sha256,
        "preprocessing": ENCODER.preprocessing,
    }
    append({"enriched.models": pa.Table.from_pylist([row])})


def _drawn(count: int, seed: int) -> Matrix:
    """Unit vectors around a few centres, so that many are near each other."""
    rng = np.random.default_rng(seed)
    centre_KD = rng.normal(size=(max(count // 6, 1), WIDTH))
    vector_BD = centre_KD[rng.integers(0, len(centre_KD), count)]
    vector_BD = vector_BD + rng.normal(size=(count, WIDTH)) * 0.3
    unit_BD = vector_BD / np.linalg.norm(vector_BD, axis=1, keepdims=True)
    return unit_BD.astype(np.float16).astype(np.float32)


def _land(blobs: pa.Array, first: int = 0) -> None:
    count = len(blobs)
    ids = [(first + number).to_bytes(16, "big") for number in range(count)]
    rows_ = {"image_id": pa.array(ids, pa.uuid()), "model_id": [ENCODER.model_id] * count}
    append(
        {
            "enriched.image_embeddings": pa.table(
                {**rows_, "outcome": ["ok"] * count, "embedding": blobs}
            )
        }
    )


def _found() -> dict[int, dict[int, float]]:
    """The neighbours of each picture that has some, with their cosines."""
    found: dict[int, dict[int, float]] = {}
    query = (
        "select image_id, neighbour_id, cosine from lake.enriched.image_neighbours "
        "where neighbour_id is not null"
    )
    for image_id, neighbour_id, cosine in rows(query):
        found.setdefault(image_id.int, {})[neighbour_id.int] = cosine
    return found


def _plain(vector_BD: Matrix) -> dict[int, dict[int, float]]:
    """The same by comparing all with all."""
    unit_BD = vector_BD / np.linalg.norm(vector_BD, axis=1, keepdims=True)
    cosine_BB = unit_BD @ unit_BD.T
    np.fill_diagonal(cosine_BB, -1)
    nearest_BK = np.argsort(-cosine_BB, axis=1)[:, :MOST]
    near = {
        place: {int(n): float(cosine_BB[place, n]) for n in others if cosine_BB[place, n] >= 0.9}
        for place, others in enumerate(nearest_BK)
    }
    return {place: others for place, others in near.items() if others}


def _assert_equal(found: dict[int, dict[int, float]], plain: dict[int, dict[int, float]]) -> None:
    """Alike, where a neighbour that is missing has the least cosine that counts, or nearly."""
    for place in found.keys() | plain.keys():
        here, there = found.get(place, {}), plain.get(place, {})
        for neighbour in here.keys() | there.keys():
            cosines = [others.get(neighbour, 0.9) for others in (here, there)]
            assert cosines[0] == pytest.approx(cosines[1], abs=1e-3)


@pytest.mark.parametrize("exact_below", [1_000, 0])
def test_neighbours_are_those_of_a_plain_comparison(
    exact_below: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exactly, and through cells, all of which are searched here."""
    monkeypatch.setattr(nearest, "EXACT_BELOW", exact_below)
    monkeypatch.setattr(nearest, "CELLS_SEARCHED", 1_000)
    vector_BD = _drawn(300, seed=3)
    _land(to_blobs(vector_BD))

    summary = run_job(JOB)

    assert summary.outcomes == {"ok": 300}
    plain = _plain(vector_BD)
    assert 50 < len(plain) < 300
    assert any(len(others) == MOST for others in plain.values())
    _assert_equal(_found(), plain)
    assert {model for (model,) in rows("select model_id from lake.enriched.image_neighbours")} == {
        ENCODER.model_id
    }


def test_a_picture_without_neighbours_lands_once_and_nothing_is_done_twice() -> None:
    _land(to_blobs(np.eye(4, WIDTH, dtype=np.float32)))
    assert run_job(JOB).outcomes == {"ok": 4}
    query = "select outcome, neighbour_id, cosine, count(*) from lake.enriched.image_neighbours"
    assert rows(f"{query} group by all") == [("ok", None, None, 4)]
    assert str(run_job(JOB)) == "nothing to do"


def test_new_pictures_find_old_ones_and_old_ones_are_not_asked_again() -> None:
    vector_BD = _drawn(40, seed=5)
    _land(to_blobs(vector_BD[:30]))
    run_job(JOB)
    before = _found()
    _land(to_blobs(vector_BD[30:]), first=30)

    assert run_job(JOB).outcomes == {"ok": 10}
    plain, found = _plain(vector_BD), _found()
    assert {place: others for place, others in found.items() if place < 30} == before
    late = {place: others for place, others in found.items() if place >= 30}
    _assert_equal(late, {place: others for place, others in plain.items() if place >= 30})
    assert any(other < 30 for others in late.values() for other in others)


def test_equal_pictures_crowd_out_themselves_and_not_their_neighbours() -> None:
    """Of more equal ones than are asked for, the picture itself need not be among the first."""
    _land(to_blobs(np.tile(np.eye(1, WIDTH, dtype=np.float32), (9, 1))))
    run_job(JOB)
    found = _found()
    assert [len(others) for others in found.values()] == [MOST] * 9
    assert all(place not in others for place, others in found.items())


def test_a_broken_embedding_is_an_outcome_and_nobodys_neighbour() -> None:
    good = to_blobs(np.eye(1, WIDTH, dtype=np.float32))[0].as_py()
    broken = [
        good,
        good,
        np.full(WIDTH, np.nan, "<f2").tobytes(),
        np.zeros(WIDTH, "<f2").tobytes(),
        good[:-2],
        good + b"x",
        b"",
        None,
    ]
    _land(pa.array(broken, pa.binary()))
    summary = run_job(JOB)
    assert summary.outcomes == {"ok": 2, "not_finite": 2, "embedding_unreadable": 4}
    assert _found() == {0: {1: 1.0}, 1: {0: 1.0}}
    assert run_job(JOB).outcomes == {}


def test_an_interruption_loses_nothing_and_the_rest_is_done_later() -> None:
    vector_BD = _drawn(40, seed=7)
    _land(to_blobs(vector_BD))

    def interrupt(message: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_job(JOB, progress=interrupt)
    assert run_job(JOB).outcomes.total() == 33
    _assert_equal(_found(), _plain(vector_BD))


def test_without_embeddings_or_faiss_the_work_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    _land(to_blobs(np.eye(2, WIDTH, dtype=np.float32)))
    monkeypatch.setattr(nearest.importlib.util, "find_spec", lambda name: None)  # type: ignore[attr-defined]
    unavailable = run_job(JOB).unavailable
    assert "pip install -e '.[neighbours]'" in unavailable["clip"]
    with pytest.raises(ModelUnavailable, match="wait for embeddings of other"):
        image_neighbours.identify("other")
