"""Text towers of sentence-transformers, such as mCLIP: many languages into the space of a CLIP.

LAION-5B compared captions that are not English with `clip-ViT-B-32-multilingual-v1`
(Reimers and Gurevych 2020, "Making Monolingual Sentence Embeddings Multilingual").
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from pairlake.lake.settings import settings
from pairlake.lake.vectors import Matrix
from pairlake.udfs import registry
from pairlake.udfs.clip import import_open_clip
from pairlake.udfs.device import Device
from pairlake.udfs.job import Model, ModelUnavailable, fingerprint

LAYOUT = "modules.json"


def is_known(name: str) -> bool:
    """Whether `name` is a text tower of sentence-transformers, in the registry or on disk."""
    entry = registry.entries().get(name)
    if entry is not None:
        return LAYOUT in entry.files
    return registry.is_name(name) and (settings().models / name / LAYOUT).is_file()


def identify(name: str, kind: str) -> Model:
    """The text tower of that name; ModelUnavailable if it or its package is not there."""
    if importlib.util.find_spec("sentence_transformers") is None:
        raise ModelUnavailable(
            f"{name} needs another package; run: pip install -e '.[multilingual]'"
        )
    registry.check(name, settings().models / name)
    files = sorted(_files(settings().models / name))
    weights = [registry.sha256(file) for file in files if file.suffix == ".safetensors"]
    if not weights:
        raise ModelUnavailable(f"{settings().models / name} has no weights as safetensors.")
    others = {
        str(file.relative_to(settings().models / name)): registry.sha256(file)
        for file in files
        if file.suffix in (".json", ".txt", ".model")
    }
    return Model(
        name=name,
        kind=kind,
        weights_sha256=weights[0] if len(weights) == 1 else fingerprint(*weights),
        preprocessing=json.dumps(others, sort_keys=True),
    )


class SentenceEncoder:
    """One text tower on its device; rows out are L2-normalised float32."""

    def __init__(self, name: str) -> None:
        torch, _ = import_open_clip()
        from sentence_transformers import SentenceTransformer

        self._torch, self.device = torch, Device(torch)
        self._model = SentenceTransformer(
            str(settings().models / name),
            device=self.device.name,
            local_files_only=True,
            trust_remote_code=False,
            model_kwargs={"use_safetensors": True},
        )

    def tokenize(self, captions: Sequence[str]) -> Sequence[str]:
        """The captions as they are: the package keeps its tokens to itself."""
        return captions

    def encode_tokens(self, captions: Sequence[str]) -> Matrix:
        """B captions as (B, D)."""
        return self.encode_captions(captions)

    def encode_captions(self, captions: Sequence[str]) -> Matrix:
        """B captions as (B, D)."""
        with self._torch.inference_mode(), self.device.autocast():
            embedding_BD = self.device.in_parts(self._forward, list(captions))
        matrix: Matrix = embedding_BD.float().cpu().numpy().astype(np.float32)
        return matrix

    def _forward(self, captions: list[str]) -> Any:
        return self._model.encode(
            captions,
            batch_size=len(captions),
            convert_to_tensor=True,
            normalize_embeddings=True,
            show_progress_bar=False,
        )


def encoder(name: str) -> SentenceEncoder:
    """The text tower of that name, loaded once."""
    return _encoder(name, settings().device)


@lru_cache(maxsize=2)
def _encoder(name: str, device: str) -> SentenceEncoder:
    # As in clip.py: the device is that of the settings.
    return SentenceEncoder(name)


def _files(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file()]
