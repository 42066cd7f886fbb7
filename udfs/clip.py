"""CLIP through open_clip: find a checkpoint by name, fingerprint it, encode pictures and captions.

A name is a folder under PAIRLAKE_MODELS in open_clip's own layout (open_clip_config.json beside the
weights): one of your own, or `architecture/pretrained` as open_clip lists them
(`ViT-B-32/openai`), which `pairlake models --fetch` brings there.
"""

from __future__ import annotations

import importlib.util
import json
import os
import threading
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from pairlake.lake.errors import BadRequest
from pairlake.lake.settings import settings
from pairlake.lake.vectors import Matrix
from pairlake.udfs import registry
from pairlake.udfs.device import Device
from pairlake.udfs.job import Model, ModelUnavailable
from pairlake.udfs.pixels import Picture
from pairlake.udfs.transform import RESIZE, Transform

CONFIG = "open_clip_config.json"
WEIGHTS = "open_clip_model.safetensors"
# What open_clip writes for those who have no safetensors; it is read with weights_only.
OTHER_WEIGHTS = "open_clip_pytorch_model.bin"
BPE = "bpe.txt.gz"
# What a text tower by transformers needs beside its weights, in transformers' own names.
TOKENIZER = ("tokenizer.json", "tokenizer_config.json")
TOWER = "text/config.json"


def identify(name: str, kind: str) -> Model:
    """The CLIP model of that name as an `image_encoder` or a `caption_encoder`.

    Raises ModelUnavailable if it or what its text tower needs is not on disk, or is not what it
    was when it came.
    """
    folder = folder_of(name)
    registry.check(name, folder)
    described = _described(folder)
    preprocessing = {
        "model": described["model_cfg"],
        "preprocess": described.get("preprocess_cfg"),
        "tokenizer": _tokenizer(name, folder, described),
        "resize": RESIZE,
        "quick_gelu": _needs_quick_gelu(name),
    }
    return Model(
        name=name,
        kind=kind,
        weights_sha256=registry.sha256(_weights(folder)),
        preprocessing=json.dumps(preprocessing, sort_keys=True),
    )


def _described(folder: Path) -> dict[str, Any]:
    try:
        described: dict[str, Any] = json.loads((folder / CONFIG).read_text())
        described["model_cfg"]["text_cfg"].get("hf_tokenizer_name")
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ModelUnavailable(
            f"{folder / CONFIG} does not describe a model as open_clip does ({error!r})."
        ) from error
    return described


def _tokenizer(name: str, folder: Path, described: dict[str, Any]) -> str:
    """The sha256 of what makes tokens; ModelUnavailable if it is not there."""
    needed = _text_files(described)
    for file in needed:
        if not (folder / file).is_file():
            raise ModelUnavailable(
                f"{folder / file} is missing; run: pairlake models --fetch {name}"
            )
    if needed and importlib.util.find_spec("transformers") is None:
        raise ModelUnavailable(
            f"{name} needs another package; run: pip install -e '.[multilingual]'"
        )
    if (folder / BPE).exists():
        return registry.sha256(folder / BPE)
    return " ".join(registry.sha256(folder / file) for file in needed) or "open_clip"


def _text_files(described: dict[str, Any]) -> dict[str, str]:
    """The files of a text tower by transformers, such as XLM-R, and the repository of each.

    Empty for the others; no repository where it is the model's own.
    """
    text = described["model_cfg"]["text_cfg"]
    own = dict.fromkeys(TOKENIZER, "") if text.get("hf_tokenizer_name") else {}
    return {**own, TOWER: text["hf_model_name"]} if text.get("hf_model_name") else own


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
            **_own_tower(folder),
        )
        # Without its own vocabulary named, open_clip takes the 49,408-token one in silence.
        own = {"bpe_path": str(folder / BPE)} if (folder / BPE).exists() else {}
        self._tokenize = open_clip.get_tokenizer(place, **own)
        # Tokenizers of Hugging Face refuse to work for two threads at once.
        self._tokenizing = threading.Lock()
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
        with self._tokenizing:
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


def _own_tower(folder: Path) -> dict[str, Any]:
    """Where open_clip finds the make of a text tower by transformers: on disk, not on the hub."""
    text = _described(folder)["model_cfg"]["text_cfg"]
    if not text.get("hf_model_name"):
        return {}
    tower = str((folder / TOWER).parent)
    return {"text_cfg": {**text, "hf_model_name": tower, "hf_model_pretrained": False}}


def encoder(name: str) -> Encoder:
    """The encoder of that name, loaded once however many jobs use its towers."""
    return _encoder(name, settings().device)


@lru_cache(maxsize=2)
def _encoder(name: str, device: str) -> Encoder:
    # The device is that of the settings, which may change from call to call on a cluster.
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
    architecture, _, tag = name.rpartition("/")
    if not architecture:
        return {}
    _, open_clip = import_open_clip()
    known: dict[str, Any] = open_clip.get_pretrained_cfg(architecture, tag)
    return known


def published(name: str) -> registry.Entry:
    """The model of that name, of the registry or of those that open_clip knows, to be fetched.

    What its text tower needs is known once its configuration is on disk. BadRequest if neither
    has it.
    """
    if name in registry.entries():
        return registry.entries()[name]
    hub = pretrained_of(name).get("hf_hub", "").strip("/")
    folder = settings().models / name
    if not hub:
        raise BadRequest(
            f"No model is called {name!r}; pairlake models lists them, and open_clip's own go by "
            "architecture/pretrained."
        )
    text = _text_files(_described(folder)) if (folder / CONFIG).is_file() else {}
    return registry.Entry(
        name=name,
        kinds=("image_encoder", "caption_encoder"),
        licence="see its page",
        source=f"https://huggingface.co/{hub}/resolve/main/",
        files=dict.fromkeys([CONFIG, WEIGHTS, *text], ""),
        elsewhere={
            file: f"https://huggingface.co/{repository}/resolve/main/{Path(file).name}"
            for file, repository in text.items()
            if repository
        },
    )


def _needs_quick_gelu(name: str) -> bool:
    return bool(pretrained_of(name).get("quick_gelu"))


def import_open_clip() -> tuple[Any, Any]:
    """torch and open_clip. Imported when a model is needed: they take seconds."""
    # What a checkpoint needs is on disk, or was fetched by `pairlake models`.
    os.environ["HF_HUB_OFFLINE"] = "1"
    import torch

    import pairlake.udfs.torchvision_shim  # noqa: F401  # must come before open_clip
    import open_clip  # isort: skip

    return torch, open_clip
