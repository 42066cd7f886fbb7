"""CLIP runs through open_clip from a local folder, and its identity follows its weights."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from lake.vectors import from_blobs
from tests.udfs.test_images import _jpeg, _picture
from udfs import caption_embeddings, clip, image_embeddings
from udfs.job import ModelUnavailable

TINY = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "patch_size": 16, "head_width": 16},
    "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
}


@pytest.fixture
def tiny(home: Path) -> Path:
    """A CLIP model of random weights, saved as open_clip saves one."""
    torch, open_clip = clip.import_open_clip()
    from safetensors.torch import save_file

    torch.manual_seed(7)
    folder = home / "models" / "tiny"
    folder.mkdir(parents=True)
    save_file(open_clip.CLIP(**TINY).state_dict(), folder / clip.WEIGHTS)
    described = {"model_cfg": TINY, "preprocess_cfg": {"mean": [0.5] * 3, "std": [0.5] * 3}}
    (folder / clip.CONFIG).write_text(json.dumps(described))
    clip.encoder.cache_clear()
    clip._sha256.cache_clear()
    return folder


def test_both_towers_write_unit_vectors_of_one_width(tiny: Path) -> None:
    model = image_embeddings.identify("tiny")
    ids = pa.array([bytes([number] * 16) for number in range(3)], pa.uuid())
    pixels = [_jpeg(_picture(1)), b"broken", _jpeg(_picture(2))]
    images = image_embeddings.load(model)(
        pa.record_batch({"image_id": ids, "pixels": pa.array(pixels, pa.binary())})
    )
    captions = caption_embeddings.load(caption_embeddings.identify("tiny"))(
        pa.record_batch({"caption_id": ids, "caption": ["a cat", "ein Hund", "猫"]})
    )

    assert images["outcome"].to_pylist() == ["ok", "pixels_unreadable", "ok"]
    assert images["embedding"][1].as_py() is None
    vectors = from_blobs(pa.concat_arrays([*images["embedding"].drop_null().chunks]))
    vectors = np.concatenate([vectors, from_blobs(captions["embedding"])])
    assert vectors.shape == (5, 16)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=2e-3)


def test_embeddings_do_not_depend_on_their_batch(tiny: Path) -> None:
    images = image_embeddings.load(image_embeddings.identify("tiny"))
    captions = caption_embeddings.load(caption_embeddings.identify("tiny"))
    ids = pa.array([bytes([number] * 16) for number in range(11)], pa.uuid())
    pixels = pa.array([_jpeg(_picture(seed)) for seed in range(11)], pa.binary())
    texts = pa.array([f"a picture of number {seed}" for seed in range(11)])
    for load, name, values in ((images, "pixels", pixels), (captions, "caption", texts)):
        inputs = pa.record_batch([ids, values], names=["image_id", name]).append_column(
            "caption_id", ids
        )
        together = load(inputs)["embedding"].to_pylist()
        parts = [inputs.slice(0, 1), inputs.slice(1, 3), inputs.slice(4, 7)]
        assert [v for part in parts for v in load(part)["embedding"].to_pylist()] == together


def test_a_short_batch_is_filled_up_with_its_last_row() -> None:
    assert clip.in_eights(["a", "b"]) == ["a", *["b"] * 7]
    assert [len(clip.in_eights(range(count))) for count in (1, 8, 9)] == [8, 8, 16]


def test_other_weights_are_another_model(tiny: Path) -> None:
    before = clip.identify("tiny", "image_encoder").model_id
    weights = bytearray((tiny / clip.WEIGHTS).read_bytes())
    weights[-1] ^= 1
    (tiny / clip.WEIGHTS).write_bytes(weights)
    clip._sha256.cache_clear()

    assert before.startswith("tiny@")
    assert clip.identify("tiny", "image_encoder").model_id != before


@pytest.mark.parametrize("name", ["ViT-B-32/no-such-tag", "no-such-model", "../models/tiny"])
def test_an_unknown_model_is_named_with_the_next_step(tiny: Path, name: str) -> None:
    with pytest.raises(ModelUnavailable, match="architecture/pretrained"):
        clip.identify(name, "image_encoder")
