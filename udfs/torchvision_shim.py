"""Lets open_clip be imported where torch is built for the CPU and torchvision for CUDA."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import torch


def allow_mismatched_torchvision() -> None:
    """Declare the operators that torchvision would describe, if its own library cannot load.

    The registry's torchvision is a CUDA build. Beside a CPU torch its library fails to load, and
    its import then fails at operators nobody declared. On a matched pair this does nothing.
    """
    spec = importlib.util.find_spec("torchvision")
    if spec is None or spec.origin is None or hasattr(torch.ops.torchvision, "nms"):
        return
    try:
        torch.ops.load_library(str(Path(spec.origin).with_name("_C.so")))  # type: ignore[no-untyped-call]
    except OSError:
        if torch.version.cuda is not None:
            raise
        for operator in ("nms", "qnms"):
            torch.library.define(
                f"torchvision::{operator}",
                "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
            )


allow_mismatched_torchvision()
