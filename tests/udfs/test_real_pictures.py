"""The jobs see real pictures as open_clip itself does, on the processor and on a GPU."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pairlake.demo import scenes
from pairlake.demo.pictures import pictures
from pairlake.lake.project import ROOT
from pairlake.udfs import clip
from training.mini_clip.evaluate import MiniClip

COUNT = 40


def _scenes() -> list[Image.Image]:
    """Drawings on grounds, in many shapes, recompressed."""
    rng = random.Random(11)
    return [scenes.scene(picture, rng) for picture in rng.sample(pictures(), COUNT)]


def _theirs(shown: list[Image.Image]) -> Any:
    """Embeddings (B, D) by open_clip's own transform and model."""
    torch, _ = clip.import_open_clip()
    model = MiniClip(ROOT / "demo" / "mini_clip")
    with torch.inference_mode():
        batch = torch.stack([model.preprocess(picture) for picture in shown])
        return model.model.encode_image(batch, normalize=True).numpy()


def _ours(shown: list[Image.Image]) -> Any:
    encoder = clip.Encoder("mini_clip")
    return encoder.encode_images(encoder.prepare([np.asarray(picture) for picture in shown]))


def test_embeddings_agree_with_open_clips_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAIRLAKE_MODELS", str(ROOT / "demo"))
    monkeypatch.setenv("PAIRLAKE_DEVICE", "cpu")
    shown = _scenes()
    cosine = (_ours(shown) * _theirs(shown)).sum(axis=1)
    assert cosine.min() >= 0.999


@pytest.mark.gpu
def test_a_gpu_agrees_with_open_clip_on_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    torch, _ = clip.import_open_clip()
    if not torch.cuda.is_available():
        pytest.skip("no GPU is at hand")
    monkeypatch.setenv("PAIRLAKE_MODELS", str(ROOT / "demo"))
    monkeypatch.setenv("PAIRLAKE_DEVICE", "cuda")
    shown = _scenes()
    cosine = (_ours(shown) * _theirs(shown)).sum(axis=1)
    # In bfloat16, which has eight bits of a number.
    assert cosine.min() >= 0.999
