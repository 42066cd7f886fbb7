"""Where a model runs, in which precision, and how many rows at once its memory takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pairlake.lake.settings import settings

Row = TypeVar("Row")


def device_names() -> list[str]:
    """The devices that PAIRLAKE_DEVICE names: all GPUs where it is `auto` and there are several."""
    names = [name.strip() for name in settings().device.split(",")]
    # Torch takes seconds to say the same, and most jobs do without.
    if names != ["auto"] or len(list(Path("/dev").glob("nvidia[0-9]*"))) < 2:
        return names
    import torch

    return [f"cuda:{number}" for number in range(torch.cuda.device_count())] or names


# A CPU's kernels round as the shape of a batch has them. So that an embedding does not depend on
# its batch, and a run that was interrupted ends as one that was not, all have the same.
BLOCK_ROWS = 32


def in_blocks(rows: Sequence[Row]) -> list[Row]:
    """`rows`, the last of them repeated until they fill whole blocks."""
    return [*rows, *[rows[-1]] * (-len(rows) % BLOCK_ROWS)]


class Device:
    """The first device that PAIRLAKE_DEVICE names, or the best there is."""

    def __init__(self, torch: Any) -> None:
        self._torch = torch
        wanted = settings().device.split(",")[0].strip()
        if wanted == "auto":
            wanted = "cuda" if torch.cuda.is_available() else "cpu"
        self.name = wanted
        self.is_gpu = wanted.startswith("cuda")
        self._most_rows = None if self.is_gpu else BLOCK_ROWS

    def autocast(self) -> Any:
        """On a GPU the forward pass in bfloat16, or float16 where it has none; fp32 on a CPU."""
        torch = self._torch
        fast = torch.bfloat16 if self.is_gpu and torch.cuda.is_bf16_supported() else torch.float16
        return torch.autocast("cuda" if self.is_gpu else "cpu", fast, enabled=self.is_gpu)

    def staged(self, tensor: Any) -> Any:
        """A tensor of the CPU where `to` can take it from without waiting."""
        return tensor.pin_memory() if self.is_gpu else tensor

    def to(self, tensor: Any) -> Any:
        """The tensor on the device; the copy goes on while the CPU does."""
        return tensor.to(self.name, non_blocking=True)

    def in_parts(self, forward: Callable[[Any], Any], batch: Any) -> Any:
        """`forward` of a tensor (B, …): by blocks on a CPU, on a GPU as many rows as it takes.

        Where its memory does not take a part, the part is halved and tried again, and later batches
        start with that size. torch.OutOfMemoryError if it does not even take one row.
        """
        torch, done, parts = self._torch, 0, []
        while done < len(batch):
            size = min(self._most_rows or len(batch), len(batch) - done)
            try:
                parts.append(forward(batch[done : done + size]))
                done += size
                continue
            except torch.OutOfMemoryError:
                if size == 1:
                    raise
                self._most_rows = size // 2
            # After the handler, which holds on to what the failed pass had allocated.
            if self.is_gpu:
                torch.cuda.empty_cache()
        return torch.cat(parts)
