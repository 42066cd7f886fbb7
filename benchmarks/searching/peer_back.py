"""Runs `clip-retrieval back` in its own environment, on loopback: `INDEX PORT METADATA [EF]`.

Its embedding queries do not ask the model, which is therefore a tiny one. EF is the beam of the
search in HNSW, which autofaiss tunes otherwise.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import packaging
import pkg_resources  # type: ignore[import-not-found]

TINY = {
    "embed_dim": 512,
    "vision_cfg": {
        "image_size": 224,
        "layers": 1,
        "width": 64,
        "head_width": 64,
        "patch_size": 112,
    },
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 64, "heads": 1, "layers": 1},
}


def main(index: str, port: int, metadata: str, ef: int | None) -> None:
    """Serve until the process is ended."""
    # The `clip` package asks for it here, where newer setuptools have it no more.
    pkg_resources.packaging = packaging
    declare_operators()
    flask: Any = importlib.import_module("flask")
    # The package calls a function by the module's name.
    clip_back: Any = importlib.import_module("clip_retrieval.clip_back")
    run, load = flask.Flask.run, clip_back.load_index

    def on_loopback(app: Any, **options: Any) -> None:
        run(app, **{**options, "host": "127.0.0.1"})

    def with_beam(path: str, mapped: bool) -> Any:
        found = load(path, mapped)
        if ef is not None:
            clip_back.faiss.ParameterSpace().set_index_parameters(found, f"efSearch={ef}")
        return found

    flask.Flask.run, clip_back.load_index = on_loopback, with_beam
    with tempfile.TemporaryDirectory() as folder:
        paths = Path(folder) / "indices.json"
        paths.write_text(json.dumps({"bench": index}))
        clip_back.clip_back(
            indices_paths=str(paths),
            port=port,
            enable_hdf5=metadata == "hdf5",
            use_arrow=metadata == "arrow",
            columns_to_return=[
                "url", "caption", "hash", "width", "height", "language", "license", "punsafe",
                "pwatermark", "aesthetic",
            ],
            enable_mclip_option=False,
            use_jit=False,
            provide_aesthetic_embeddings=False,
            clip_model=f"open_clip:tiny/{_model(Path(folder))}",
        )  # fmt: skip


def declare_operators() -> None:
    """Let torchvision's CUDA build be imported beside a CPU torch; nothing where they match."""
    import torch

    spec = importlib.util.find_spec("torchvision")
    if spec is None or spec.origin is None:
        return
    try:
        torch.ops.load_library(str(Path(spec.origin).with_name("_C.so")))  # type: ignore[no-untyped-call]
    except OSError:
        for operator in ("nms", "qnms"):
            signature = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
            torch.library.define(f"torchvision::{operator}", signature)


def _model(folder: Path) -> Path:
    """Weights drawn by chance of a CLIP that open_clip knows as `tiny` from now on."""
    import open_clip
    import torch

    (folder / "tiny.json").write_text(json.dumps(TINY))
    open_clip.add_model_config(folder / "tiny.json")
    torch.manual_seed(0)
    weights = folder / "tiny.pt"
    torch.save(open_clip.create_model("tiny").state_dict(), weights)
    return weights


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]) if sys.argv[4:] else None)
