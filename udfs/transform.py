"""Makes the input of a CLIP model from pictures: open_clip's own transform, several times as fast.

Torch resizes bytes, with antialiasing, to within a rounding of what Pillow does (0.003 of 255 on
average), for a third of the time; the values are normalised on the device.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from pairlake.udfs.pixels import Picture

# Stands in a model's preprocessing: another way to resize is another model.
RESIZE = "torch uint8 antialias"
# A picture that is longer, in short sides, is cut to it before it is resized.
LONGEST = 8


class Transform:
    """The transform that a checkpoint demands, as open_clip's PreprocessCfg describes it."""

    def __init__(self, torch: Any, config: Mapping[str, Any], whole: Callable[[Any], Any]) -> None:
        """`whole` is open_clip's transform of one Pillow picture, for what is not done here."""
        self._torch, self._whole = torch, whole
        size = config["size"]
        sides = [size] if isinstance(size, int) else list(size)
        self._side: int = sides[0]
        self._mode, self._interpolation = config["resize_mode"], config["interpolation"]
        self._is_fast = (
            self._mode in ("shortest", "squash")
            and self._interpolation in ("bilinear", "bicubic")
            and len(set(sides)) == 1
        )
        self._mean, self._std = (
            torch.tensor(config[name]).view(1, -1, 1, 1) for name in ("mean", "std")
        )

    def __call__(self, pictures: Sequence[Picture]) -> Any:
        """B pictures as (B, 3, S, S), uint8; float32 and normalised where that is not possible."""
        if not self._is_fast:
            return self._torch.stack([self._whole(Image.fromarray(p)) for p in pictures])
        return self._torch.stack([self._resized(picture) for picture in pictures])

    def normalised(self, image_BCHW: Any) -> Any:
        """What `__call__` made, on its device, as the model takes it."""
        if image_BCHW.dtype != self._torch.uint8:
            return image_BCHW
        mean, std = self._mean.to(image_BCHW.device), self._std.to(image_BCHW.device)
        return (image_BCHW.float() / 255 - mean) / std

    def _resized(self, picture: Picture) -> Any:
        if self._mode == "shortest":
            picture = _middle(picture)
        own = np.require(picture, requirements=["C", "W"])
        image_CHW = self._torch.from_numpy(own).permute(2, 0, 1)
        high, wide = image_CHW.shape[1:]
        size = self._side
        if self._mode == "squash":
            new = (size, size)
        elif high < wide:
            new = (size, int(size * wide / high))
        else:
            new = (int(size * high / wide), size)
        if new != (high, wide):
            image_CHW = self._torch.nn.functional.interpolate(
                image_CHW[None], new, mode=self._interpolation, antialias=True
            )[0]
        # As torchvision's CenterCrop rounds.
        top, left = round((new[0] - size) / 2), round((new[1] - size) / 2)
        # A view would keep all that was cut off.
        return image_CHW[:, top : top + size, left : left + size].contiguous()


def _middle(picture: Picture) -> Picture:
    """What a centre crop can show of a picture, if it is very long: the rest would be resized too.

    As many pixels go on either side, so that the centre stays where it is.
    """
    high, wide = picture.shape[:2]
    most = LONGEST * min(high, wide)
    top, left = max(0, (high - most) // 2), max(0, (wide - most) // 2)
    return picture[top : high - top, left : wide - left]
