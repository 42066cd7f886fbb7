"""Writes checkpoints of random weights: they cost what published ones do, and need no network."""

from __future__ import annotations

import json
from pathlib import Path

from pairlake.udfs.clip import CONFIG, WEIGHTS, import_open_clip


def random_clip(folder: Path, architecture: str) -> None:
    """One of open_clip's architectures, in a folder of PAIRLAKE_MODELS; the same ones each time."""
    from safetensors.torch import save_file

    torch, open_clip = import_open_clip()
    torch.manual_seed(0)
    folder.mkdir(parents=True, exist_ok=True)
    described = {"model_cfg": open_clip.get_model_config(architecture), "preprocess_cfg": {}}
    (folder / CONFIG).write_text(json.dumps(described))
    save_file(open_clip.create_model(architecture).state_dict(), folder / WEIGHTS)
