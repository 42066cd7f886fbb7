"""Mini CLIP: the committed model loads through open_clip and finds pictures it never saw so."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path

import numpy as np
import pytest
import torch

from pairlake.demo.captions import caption
from pairlake.demo.pictures import LANGUAGES, pictures, pixel_groups
from pairlake.lake.project import ROOT
from training.mini_clip import bpe
from training.mini_clip.augment import Augmenter, rendered
from training.mini_clip.evaluate import HELD_OUT_CAPTIONS, MiniClip, held_out_captions, rank
from training.mini_clip.train import PictureBatches, Training

from open_clip import SimpleTokenizer  # isort: skip

DIRECTORY = ROOT / "demo" / "mini_clip"


@pytest.fixture(scope="module")
def clip() -> MiniClip:
    return MiniClip(DIRECTORY)


def test_the_weights_take_8_megabytes_at_most() -> None:
    assert 1_000_000 < (DIRECTORY / "open_clip_model.safetensors").stat().st_size <= 8_000_000


def test_the_tokenizer_is_the_models_own(clip: MiniClip) -> None:
    config = json.loads((DIRECTORY / "open_clip_config.json").read_text())["model_cfg"]
    assert clip.tokenizer.vocab_size == config["text_cfg"]["vocab_size"] == 8192
    assert clip.model.text.token_embedding.weight.shape[0] == 8192
    (tokens,) = clip.tokenizer("Красное яблоко")
    assert tokens.shape == (config["text_cfg"]["context_length"],)
    assert clip.tokenizer.decode(tokens[1:4].tolist()).startswith("красное")


def test_no_caption_is_longer_than_the_context(clip: MiniClip) -> None:
    rng = random.Random(3)
    texts = [caption(one, p.names[one], rng) for one in LANGUAGES for p in pictures()[::40]]
    last = clip.tokenizer(texts)[:, -1]
    assert not last.any(), "a caption fills the context and may be cut"


@pytest.mark.slow
def test_captions_find_their_pictures_in_unseen_renders(clip: MiniClip) -> None:
    # A model that knows nothing finds 1 of 210 and separates with an AUC of 0.5.
    rng = random.Random(20_26)
    gallery = sorted(rng.sample(range(len(pictures())), 210))
    image_ND = clip.images([pictures()[number] for number in gallery], rng)
    spoken = [LANGUAGES[place % len(LANGUAGES)] for place in range(len(gallery))]
    texts = [
        caption(language, pictures()[number].names[language], rng)
        for number, language in zip(gallery, spoken, strict=True)
    ]
    found = rank(clip.captions(texts), gallery, image_ND, gallery)
    assert found.recall(1) >= 0.7
    assert found.recall(10) >= 0.95
    assert found.auc() >= 0.99


def test_a_tie_is_a_miss_and_a_double_is_a_hit() -> None:
    doubles: dict[int, list[int]] = {}
    for number, picture in enumerate(pictures()):
        doubles.setdefault(pixel_groups()[picture.hexcode], []).append(number)
    one, other = next(members for members in doubles.values() if len(members) == 2)
    stranger = next(n for n in range(len(pictures())) if n not in (one, other))
    everything = range(len(pictures()))
    caption_QD = np.array([[1.0, 0.0]], dtype=np.float32)
    image_ND = np.zeros((len(pictures()), 2), dtype=np.float32)
    image_ND[other] = (1.0, 0.0)
    assert rank(caption_QD, [one], image_ND, everything).recall(1) == 1.0
    image_ND[stranger] = (1.0, 0.0)
    assert rank(caption_QD, [one], image_ND, everything).recall(1) == 0.0
    assert rank(caption_QD, [one], image_ND, everything).recall(2) == 1.0


def test_captions_are_withheld_evenly() -> None:
    withheld = held_out_captions()
    assert len(withheld) == HELD_OUT_CAPTIONS
    counts = [list(withheld.values()).count(language) for language in LANGUAGES]
    assert max(counts) - min(counts) <= 1


def test_no_batch_holds_a_picture_and_its_double() -> None:
    batches = PictureBatches(1, pictures())
    for _ in range(20):
        drawn = batches.draw(512)
        assert 490 <= len(drawn) <= 512
        assert len(set(batches.group_N[drawn])) == len(drawn)


def test_augmented_pictures_differ_and_the_seed_decides() -> None:
    some = rendered(pictures()[:6])
    place_B = torch.arange(6).repeat(4)
    first, again = (Augmenter(some, 64, seed, "cpu")(place_B) for seed in (1, 1))
    assert first.shape == (24, 3, 64, 64)
    assert first.min() >= 0
    assert first.max() <= 1
    assert torch.equal(first, again)
    assert (first[:6] - first[6:12]).abs().mean(dim=(1, 2, 3)).min() > 0.01


def test_the_vocabulary_is_learnt_by_frequency_and_read_by_open_clip(tmp_path: Path) -> None:
    captions = ["red apple"] * 3 + ["réd ápple", "りんご"]
    merges = bpe.learn(captions, 2 * 256 + 2 + 9)
    assert len(merges) == 9
    bpe.save(merges, tmp_path / "bpe.txt.gz")
    tokenizer = SimpleTokenizer(bpe_path=str(tmp_path / "bpe.txt.gz"))
    assert tokenizer.vocab_size == 2 * 256 + 2 + 9
    assert len(tokenizer.encode("apple")) == 1
    assert tokenizer.decode(tokenizer.encode("りんご")).strip() == "りんご"
    assert not gzip.decompress((tmp_path / "bpe.txt.gz").read_bytes()).endswith(b"\n")


def test_a_run_without_steps_is_refused() -> None:
    with pytest.raises(ValueError, match="steps and minutes must be positive, got 0"):
        Training(out=Path("x"), steps=0)
