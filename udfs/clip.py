"""CLIP through open_clip: find a checkpoint by name, fingerprint it, encode pictures and captions.

A name is `architecture/pretrained` as open_clip lists them (`ViT-B-32/openai`), or a folder under
PAIRLAKE_MODELS in open_clip's own layout (open_clip_config.json, open_clip_model.safetensors).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from PIL import Image

from lake.settings import settings
from lake.vectors import Matrix
from udfs.job import Model, ModelUnavailable

CONFIG = "open_clip_config.json"
WEIGHTS = "open_clip_model.safetensors"
BPE = "bpe.txt.gz"

Row = TypeVar("Row")


def identify(name: str, kind: str) -> Model:
    """The CLIP model of that name as an `image_encoder` or a `caption_encoder`.

    Raises ModelUnavailable if it is neither a local folder nor one that open_clip can load.
    """
    folder = _folder(name)
    if folder is not None:
        described = json.loads((folder / CONFIG).read_text())
        bpe = _sha256(folder / BPE) if (folder / BPE).exists() else "open_clip"
        preprocessing = json.dumps(
            {"preprocess": described.get("preprocess_cfg"), "tokenizer": bpe}, sort_keys=True
        )
        weights = _sha256(folder / WEIGHTS)
    else:
        pretrained = _pretrained(name)
        preprocessing = json.dumps(pretrained.config, sort_keys=True, default=str)
        weights = _sha256(pretrained.file)
    return Model(name=name, kind=kind, weights_sha256=weights, preprocessing=preprocessing)


class Encoder:
    """One CLIP model on its device; rows out are L2-normalised float32."""

    def __init__(self, name: str) -> None:
        self._torch, open_clip = import_open_clip()
        device = settings().device
        if device == "auto":
            device = "cuda" if self._torch.cuda.is_available() else "cpu"
        self._device = device
        folder = _folder(name)
        if folder is not None:
            place = f"local-dir:{folder}"
            model, self._preprocess = open_clip.create_model_from_pretrained(place, device=device)
            # Without its own vocabulary named, open_clip takes the 49,408-token one in silence.
            own = {"bpe_path": str(folder / BPE)} if (folder / BPE).exists() else {}
            self._tokenize = open_clip.get_tokenizer(place, **own)
        else:
            pretrained = _pretrained(name)
            model, self._preprocess = open_clip.create_model_from_pretrained(
                pretrained.architecture,
                pretrained.tag,
                device=device,
                # OpenAI's weights need quick-GELU; with GELU every score is a little wrong.
                force_quick_gelu=bool(pretrained.config.get("quick_gelu")),
            )
            self._tokenize = open_clip.get_tokenizer(pretrained.architecture)
        self._model = model.eval()

    def encode_images(self, pictures: list[Image.Image]) -> Matrix:
        """B RGB pictures as (B, D)."""
        with self._torch.inference_mode():
            image_BCHW = self._torch.stack([self._preprocess(p) for p in pictures])
            return self._rows(self._model.encode_image(image_BCHW.to(self._device), normalize=True))

    def encode_captions(self, captions: list[str]) -> Matrix:
        """B captions as (B, D)."""
        with self._torch.inference_mode():
            token_BL = self._tokenize(captions).to(self._device)
            return self._rows(self._model.encode_text(token_BL, normalize=True))

    def _rows(self, embedding_BD: Any) -> Matrix:
        rows: Matrix = embedding_BD.float().cpu().numpy().astype(np.float32)
        return rows


def in_eights(rows: Sequence[Row]) -> list[Row]:
    """`rows`, the last of them repeated until their number is a multiple of 8.

    The kernels of other batch sizes round differently, so that the last bit of an embedding would
    depend on its batch, and a run that was interrupted would not end as one that was not.
    """
    return [*rows, *[rows[-1]] * (-len(rows) % 8)]


@lru_cache(maxsize=2)
def encoder(name: str) -> Encoder:
    """The encoder of that name, loaded once however many jobs use its towers."""
    return Encoder(name)


@dataclass(frozen=True, kw_only=True)
class _Pretrained:
    architecture: str
    tag: str
    config: dict[str, Any]
    file: Path


def _pretrained(name: str) -> _Pretrained:
    _, open_clip = import_open_clip()
    architecture, _, tag = name.partition("/")
    if (architecture, tag) not in set(open_clip.list_pretrained()):
        raise ModelUnavailable(
            f"No CLIP model is called {name!r}; name one as architecture/pretrained as open_clip "
            f"lists them, or put a folder of that name under {settings().models}."
        )
    config = open_clip.get_pretrained_cfg(architecture, tag)
    try:
        file = Path(open_clip.download_pretrained(config))
    except OSError as error:
        raise ModelUnavailable(
            f"The weights of {name} are not on disk and cannot be downloaded ({error}); "
            "run again with a network."
        ) from error
    return _Pretrained(architecture=architecture, tag=tag, config=config, file=file)


def _folder(name: str) -> Path | None:
    if not name or name.startswith((".", "/")) or ".." in name:
        return None
    folder = settings().models / name
    return folder if (folder / CONFIG).is_file() else None


@lru_cache
def _sha256(file: Path) -> str:
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def import_open_clip() -> tuple[Any, Any]:
    # Imported when a model is needed: torch takes seconds, and most commands need none.
    import torch

    import udfs.torchvision_shim  # noqa: F401  # must come before open_clip
    import open_clip  # isort: skip

    return torch, open_clip
