"""From lake to training in two commands: export, and open_clip's own program on the shards."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

import pairlake.serve.export.webdataset
from pairlake.serve.export.export import export
from tests.open_clip_training import train
from tests.serve.conftest import APPLE, CAT, HOSTILE, SEA, Mart
from tests.serve.export.exporting import with_verdicts


def test_open_clips_own_program_learns_from_the_shards(
    mart: Mart, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pairlake.serve.export.webdataset, "SHARD_ROWS", 2)
    with_verdicts(mart).keep(APPLE, CAT, SEA, HOSTILE)
    export(tmp_path / "it", format="webdataset")

    losses = train(
        str(tmp_path / "it" / "{00000..00001}.tar"), tmp_path / "logs", batch=4, epochs=20
    )

    # A step an epoch, from not knowing which of four captions it is to knowing it.
    assert len(losses) == 20
    assert losses[0] == pytest.approx(math.log(4), abs=0.5)
    assert losses[-1] < losses[0] / 2
    saved = tmp_path / "logs" / "it" / "checkpoints" / "epoch_20.pt"
    checkpoint = torch.load(saved, weights_only=True)
    assert checkpoint["epoch"] == 20
    assert all(weight.isfinite().all() for weight in checkpoint["state_dict"].values())
