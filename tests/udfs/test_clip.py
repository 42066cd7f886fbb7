"""CLIP runs through open_clip from a local folder, and its identity follows its weights."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from pairlake.lake.vectors import from_blobs
from pairlake.udfs import caption_embeddings, clip, image_embeddings
from pairlake.udfs.device import BLOCK_ROWS, Device, in_blocks
from pairlake.udfs.job import ModelUnavailable
from pairlake.udfs.transform import Transform
from tests.udfs.test_images import _jpeg, _picture

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
    clip._encoder.cache_clear()
    return folder


def test_both_towers_write_unit_vectors_of_one_width(tiny: Path) -> None:
    model = image_embeddings.identify("tiny")
    ids = pa.array([bytes([number] * 16) for number in range(3)], pa.uuid())
    contents = [_jpeg(_picture(1)), b"broken", _jpeg(_picture(2))]
    images = image_embeddings.load(model)(
        pa.record_batch({"image_id": ids, "pixels": pa.array(contents, pa.binary())})
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


def test_the_picture_of_a_query_is_encoded_like_those_of_the_lake(tiny: Path) -> None:
    ids = pa.array([bytes(16)], pa.uuid())
    batch = pa.record_batch({"image_id": ids, "pixels": pa.array([_jpeg(_picture(1))])})
    images = image_embeddings.load(image_embeddings.identify("tiny"))(batch)
    (kept,) = from_blobs(pa.concat_arrays(images["embedding"].chunks))
    encode = image_embeddings.picture_encoder("tiny")
    assert float(encode(_jpeg(_picture(1))) @ kept) == pytest.approx(1, abs=2e-3)


def test_embeddings_do_not_depend_on_their_batch(tiny: Path) -> None:
    images = image_embeddings.load(image_embeddings.identify("tiny"))
    captions = caption_embeddings.load(caption_embeddings.identify("tiny"))
    ids = pa.array([bytes([number] * 16) for number in range(40)], pa.uuid())
    pixels = pa.array([_jpeg(_picture(seed)) for seed in range(40)], pa.binary())
    texts = pa.array([f"a picture of number {seed}" for seed in range(40)])
    for load, name, values in ((images, "pixels", pixels), (captions, "caption", texts)):
        inputs = pa.record_batch([ids, values], names=["image_id", name]).append_column(
            "caption_id", ids
        )
        together = load(inputs)["embedding"].to_pylist()
        parts = [inputs.slice(0, 1), inputs.slice(1, 36), inputs.slice(37, 3)]
        assert [v for part in parts for v in load(part)["embedding"].to_pylist()] == together


def test_fast_preprocessing_agrees_with_open_clips_own(tiny: Path) -> None:
    """By cosine at least 0.999, as a random model of 224 pixels sees pictures of many shapes."""
    torch, open_clip = clip.import_open_clip()
    encoder = clip.Encoder("tiny")
    shapes = [(200, 160), (384, 384), (384, 700), (901, 384), (32, 32), (33, 90), (20, 25)]
    pictures = [_picture(seed).resize(shape) for seed, shape in enumerate(shapes)]
    for size, mode in (((32, 32), "shortest"), ((32, 32), "squash"), ((224, 224), "shortest")):
        config = {"size": size, "mean": [0.5] * 3, "std": [0.5] * 3, "resize_mode": mode}
        config = {"mode": "RGB", "interpolation": "bicubic", "fill_color": 0, **config}
        whole = open_clip.transform.image_transform_v2(
            open_clip.transform.PreprocessCfg(**config), is_train=False
        )
        fast = Transform(torch, config, whole)
        image_BCHW = fast([np.asarray(picture) for picture in pictures])
        assert image_BCHW.dtype == torch.uint8
        theirs = torch.stack([whole(picture) for picture in pictures])
        difference = (fast.normalised(image_BCHW) - theirs).abs()
        # One step of 255 is 0.0078 here.
        assert float(difference.max()) <= 0.016
        assert float(difference.mean()) < 0.001
    # Longer than `LONGEST`: a little another scale.
    pictures += [_picture(9).resize((900, 40)), _picture(10).resize((31, 600))]
    theirs = torch.stack([encoder._transform._whole(picture) for picture in pictures])
    embedding_BD = encoder._model.encode_image(theirs, normalize=True).detach().numpy()
    ours_BD = encoder.encode_images(encoder.prepare([np.asarray(p) for p in pictures]))
    assert (ours_BD * embedding_BD).sum(axis=1).min() >= 0.999


def test_a_very_long_picture_takes_no_more_memory_than_another(tiny: Path) -> None:
    encoder = clip.Encoder("tiny")
    for shape in ((4096, 1), (1, 4095)):
        picture = np.asarray(_picture(3).resize(shape))
        seen = encoder._transform._resized(picture)
        assert seen.untyped_storage().nbytes() == 3 * 32 * 32
        theirs = encoder._transform._whole(Image.fromarray(picture))
        ours = encoder._transform.normalised(seen[None])[0]
        # A pixel is as wide as the picture: one step of 255 is 0.0078 here.
        assert float((ours - theirs).abs().max()) <= 0.05


def test_a_batch_too_large_for_the_device_is_halved_and_nothing_is_lost(tiny: Path) -> None:
    torch, _ = clip.import_open_clip()
    device, tried = Device(torch), []
    device._most_rows = None  # as on a GPU

    def forward(part: Any) -> Any:
        tried.append(len(part))
        if len(part) > 3:
            raise torch.OutOfMemoryError
        return part * 2

    batch = torch.arange(10)
    assert device.in_parts(forward, batch).tolist() == (batch * 2).tolist()
    assert tried == [10, 5, 2, 2, 2, 2, 2]
    tried.clear()
    device.in_parts(forward, batch)
    assert tried == [2] * 5
    with pytest.raises(torch.OutOfMemoryError):
        device.in_parts(lambda part: forward(torch.zeros(4)), batch)


def test_a_text_tower_of_sentence_transformers_encodes_captions(home: Path) -> None:
    """mCLIP's make: a small DistilBERT of random weights, means, and a projection."""
    folder = home / "models" / "towers" / "tiny"
    _save_text_tower(folder)
    model = caption_embeddings.identify("towers/tiny")
    ids = pa.array([bytes([number] * 16) for number in range(3)], pa.uuid())
    batch = pa.record_batch({"caption_id": ids, "caption": ["a cat", "ein hund", "猫"]})
    rows = caption_embeddings.load(model)(batch)
    vectors = from_blobs(rows["embedding"])
    assert vectors.shape == (3, 16)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=2e-3)
    (folder / "2_Dense" / "model.safetensors").write_bytes(b"")
    assert caption_embeddings.identify("towers/tiny").model_id != model.model_id


def _save_text_tower(folder: Path) -> None:
    torch, _ = clip.import_open_clip()
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Dense, Pooling, Transformer
    from transformers import BertTokenizerFast, DistilBertConfig, DistilBertModel

    torch.manual_seed(7)
    base = folder.with_name("base")
    base.mkdir(parents=True)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "cat", "ein", "hund", "猫"]
    (base / "vocab.txt").write_text("\n".join(words))
    BertTokenizerFast(str(base / "vocab.txt")).save_pretrained(base)
    shape = DistilBertConfig(vocab_size=len(words), dim=24, hidden_dim=32, n_layers=1, n_heads=2)
    DistilBertModel(shape).save_pretrained(base)
    transformer = Transformer(str(base))
    dense = Dense(24, 16, bias=False, activation_function=torch.nn.Identity())
    SentenceTransformer(modules=[transformer, Pooling(24), dense], device="cpu").save(str(folder))


def test_a_text_tower_by_transformers_loads_from_its_folder(tiny: Path) -> None:
    """XLM-R's make: a small RoBERTa of random weights, without the hub."""
    torch, open_clip = clip.import_open_clip()
    from safetensors.torch import save_file
    from transformers import BertTokenizerFast, RobertaConfig

    (tiny / "text").mkdir()
    shape = RobertaConfig(
        vocab_size=8, hidden_size=24, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=24, max_position_embeddings=40, pad_token_id=0,
    )  # fmt: skip
    shape.save_pretrained(tiny / "text")
    text = {
        "hf_model_name": "nobody/roberta", "hf_tokenizer_name": "nobody/roberta",
        "hf_pooler_type": "mean_pooler", "hf_proj_type": "mlp", "context_length": 16,
    }  # fmt: skip
    described = {"model_cfg": {**TINY, "text_cfg": text}, "preprocess_cfg": {}}
    (tiny / clip.CONFIG).write_text(json.dumps(described))
    local = {**text, "hf_model_name": str(tiny / "text"), "hf_model_pretrained": False}
    torch.manual_seed(7)
    whole = open_clip.model.CustomTextCLIP(**{**TINY, "text_cfg": local})
    save_file(whole.state_dict(), tiny / clip.WEIGHTS)

    with pytest.raises(ModelUnavailable, match=r"tokenizer\.json is missing; run: pairlake models"):
        clip.identify("tiny", "caption_encoder")
    words = tiny / "vocab.txt"
    words.write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "cat", "hund"]))
    BertTokenizerFast(str(words)).save_pretrained(tiny)
    before = clip.identify("tiny", "caption_encoder").model_id

    encoder = clip.Encoder("tiny")
    captions = ["a cat", "hund"]
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: encoder.encode_captions(captions), range(32)))
    token_BL = open_clip.get_tokenizer(f"local-dir:{tiny}")(captions)
    with torch.inference_mode():
        theirs = whole.eval().encode_text(token_BL, normalize=True).numpy()
    for ours in found:
        assert ours == pytest.approx(theirs, abs=1e-5)
    (tiny / "tokenizer.json").write_text((tiny / "tokenizer.json").read_text() + " ")
    assert clip.identify("tiny", "caption_encoder").model_id != before


def test_a_configuration_that_is_none_is_named(tiny: Path) -> None:
    for text in ("{", "[]", "{}", '{"model_cfg": {"text_cfg": 1}}'):
        (tiny / clip.CONFIG).write_text(text)
        with pytest.raises(ModelUnavailable, match="does not describe a model"):
            clip.identify("tiny", "image_encoder")


def test_a_short_batch_is_filled_up_with_its_last_row() -> None:
    assert in_blocks(["a", "b"]) == ["a", *["b"] * (BLOCK_ROWS - 1)]
    assert [len(in_blocks(range(count))) for count in (1, 32, 33)] == [32, 32, 64]


def test_other_weights_are_another_model(tiny: Path) -> None:
    before = clip.identify("tiny", "image_encoder").model_id
    weights = bytearray((tiny / clip.WEIGHTS).read_bytes())
    weights[-1] ^= 1
    (tiny / clip.WEIGHTS).write_bytes(weights)

    assert before.startswith("tiny@")
    assert clip.identify("tiny", "image_encoder").model_id != before


@pytest.mark.parametrize("name", ["ViT-B-32/no-such-tag", "no-such-model", "../models/tiny"])
def test_an_unknown_model_is_named_with_the_next_step(tiny: Path, name: str) -> None:
    with pytest.raises(ModelUnavailable, match="architecture/pretrained"):
        clip.identify(name, "image_encoder")
