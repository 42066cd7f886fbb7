"""CLIP through open_clip: find a checkpoint by name, fingerprint it, encode pictures and captions.

A name is a folder under PAIRLAKE_MODELS in open_clip's own layout (open_clip_config.json beside the
weights): one of your own, or `architecture/pretrained` as open_clip lists them
(`ViT-B-32/openai`), which `pairlake models --fetch` brings there.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from lake.errors import BadRequest
from lake.settings import settings
from lake.vectors import Matrix
from udfs import registry
from udfs.device import Device
from udfs.job import Model, ModelUnavailable
from udfs.pixels import Picture
from udfs.transform import RESIZE, Transform

CONFIG = "open_clip_config.json"
WEIGHTS = "open_clip_model.safetensors"
# What open_clip writes for those who have no safetensors; it is read with weights_only.
OTHER_WEIGHTS = "open_clip_pytorch_model.bin"
BPE = "bpe.txt.gz"


def identify(name: str, kind: str) -> Model:
    """The CLIP model of that name as an `image_encoder` or a `caption_encoder`.

    Raises ModelUnavailable if it is not on disk, or is not what the registry says it is.
    """
    folder = folder_of(name)
    if name in registry.entries():
        for file in registry.entries()[name].files:
            registry.path(name, file)
    described = json.loads((folder / CONFIG).read_text())
    bpe = registry.sha256(folder / BPE) if (folder / BPE).exists() else "open_clip"
    preprocessing = {
        "preprocess": described.get("preprocess_cfg"),
        "tokenizer": bpe,
        "resize": RESIZE,
        "quick_gelu": _needs_quick_gelu(name) or described["model_cfg"].get("quick_gelu", False),
    }
    return Model(
        name=name,
        kind=kind,
        weights_sha256=registry.sha256(_weights(folder)),
        preprocessing=json.dumps(preprocessing, sort_keys=True),
    )


class Encoder:
    """One CLIP model on its device; rows out are L2-normalised float32."""

    def __init__(self, name: str) -> None:
        self._torch, open_clip = import_open_clip()
        self.device = Device(self._torch)
        folder = folder_of(name)
        place = f"local-dir:{folder}"
        model, whole = open_clip.create_model_from_pretrained(
            place,
            device=self.device.name,
            # OpenAI's weights need quick-GELU; with GELU every score is a little wrong.
            force_quick_gelu=_needs_quick_gelu(name),
            weights_only=True,
        )
        # Without its own vocabulary named, open_clip takes the 49,408-token one in silence.
        own = {"bpe_path": str(folder / BPE)} if (folder / BPE).exists() else {}
        self._tokenize = open_clip.get_tokenizer(place, **own)
        self._transform = Transform(self._torch, model.visual.preprocess_cfg, whole)
        self._model = model.eval()

    def prepare(self, pictures: Sequence[Picture]) -> Any:
        """B pictures as the tensor that `encode_images` takes; for a thread of its own."""
        return self.device.staged(self._transform(pictures))

    def encode_images(self, image_BCHW: Any) -> Matrix:
        """What `prepare` made of B pictures as (B, D)."""
        return self._encode(
            lambda part: self._model.encode_image(self._transform.normalised(part), normalize=True),
            image_BCHW,
        )

    def tokenize(self, captions: Sequence[str]) -> Any:
        """B captions as the tensor that `encode_tokens` takes; for a thread of its own."""
        return self.device.staged(self._tokenize(list(captions)))

    def encode_tokens(self, token_BL: Any) -> Matrix:
        """What `tokenize` made of B captions as (B, D)."""
        return self._encode(lambda part: self._model.encode_text(part, normalize=True), token_BL)

    def encode_captions(self, captions: Sequence[str]) -> Matrix:
        """B captions as (B, D)."""
        return self.encode_tokens(self.tokenize(captions))

    def _encode(self, forward: Any, rows: Any) -> Matrix:
        with self._torch.inference_mode(), self.device.autocast():
            embedding_BD = self.device.in_parts(lambda part: forward(self.device.to(part)), rows)
        matrix: Matrix = embedding_BD.float().cpu().numpy().astype(np.float32)
        return matrix


@lru_cache(maxsize=2)
def encoder(name: str) -> Encoder:
    """The encoder of that name, loaded once however many jobs use its towers."""
    return Encoder(name)


def folder_of(name: str) -> Path:
    """The folder of that checkpoint; ModelUnavailable, with the next step, if there is none."""
    folder = settings().models / name
    if registry.is_name(name) and (folder / CONFIG).is_file():
        _weights(folder)
        return folder
    if name in registry.entries() or pretrained_of(name):
        raise ModelUnavailable(
            f"The model {name} is not on disk; run: pairlake models --fetch {name}"
        )
    raise ModelUnavailable(
        f"No CLIP model is called {name!r}; name one as architecture/pretrained as open_clip lists "
        f"them, or put a folder of that name under {settings().models}."
    )


def _weights(folder: Path) -> Path:
    for file in (WEIGHTS, OTHER_WEIGHTS):
        if (folder / file).is_file():
            return folder / file
    raise ModelUnavailable(f"There are no weights beside {folder / CONFIG}; {WEIGHTS} is missing.")


def pretrained_of(name: str) -> dict[str, Any]:
    """What open_clip knows of `architecture/pretrained`; empty if it does not know it."""
    _, open_clip = import_open_clip()
    architecture, _, tag = name.rpartition("/")
    known: dict[str, Any] = open_clip.get_pretrained_cfg(architecture, tag) if architecture else {}
    return known


def published(name: str) -> registry.Entry:
    """The model of that name, of the registry or of those that open_clip knows, to be fetched.

    BadRequest if neither has it.
    """
    if name in registry.entries():
        return registry.entries()[name]
    hub = pretrained_of(name).get("hf_hub", "").strip("/")
    if not hub:
        raise BadRequest(
            f"No model is called {name!r}; pairlake models lists them, and open_clip's own go by "
            "architecture/pretrained."
        )
    return registry.Entry(
        name=name,
        kinds=("image_encoder", "caption_encoder"),
        licence="see its page",
        source=f"https://huggingface.co/{hub}/resolve/main/",
        files={CONFIG: "", WEIGHTS: ""},
    )


def _needs_quick_gelu(name: str) -> bool:
    return bool(pretrained_of(name).get("quick_gelu"))


def import_open_clip() -> tuple[Any, Any]:
    """torch and open_clip. Imported when a model is needed: they take seconds."""
    # What a checkpoint needs is on disk, or was fetched by `pairlake models`.
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    import torch

    import udfs.torchvision_shim  # noqa: F401  # must come before open_clip
    import open_clip  # isort: skip

    return torch, open_clip
