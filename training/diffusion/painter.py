"""A tiny text-to-image model of diffusers' parts, and its training on WebDataset shards.

The UNet, its noise schedule and the loss are those of diffusers' own text-to-image example. Where
Stable Diffusion has an autoencoder, here 2 x 2 pixels become 12 channels of one; where it has
OpenAI's text tower, here is mini CLIP's.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

import pairlake.udfs.torchvision_shim  # noqa: F401  # must come before open_clip and diffusers
from training.mini_clip.evaluate import MiniClip

import diffusers  # isort: skip

SIDE = 32
_FOLD = 2
_STEPS = 1_000
# So often a caption is left out in training, and so strongly it is followed when drawing: Ho and
# Salimans, 2022, with the numbers that are usual.
_CAPTIONS_LEFT_OUT = 0.1
_GUIDANCE = 3.0
_DRAWING_STEPS = 25
_RATE = 1e-3
_WARMUP = 100


class Painter:
    """A UNet that removes noise from pictures (3, SIDE, SIDE) from -1 to 1, told by captions."""

    def __init__(self, clip: Path, seed: int) -> None:
        torch.manual_seed(seed)
        self._clip = MiniClip(clip)
        self._clip.model.text.output_tokens = True
        self.unet = diffusers.UNet2DConditionModel(
            sample_size=SIDE // _FOLD,
            in_channels=3 * _FOLD**2,
            out_channels=3 * _FOLD**2,
            block_out_channels=(64, 96),
            layers_per_block=1,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            cross_attention_dim=self._clip.model.text.ln_final.normalized_shape[0],
            # What diffusers calls so is the number of heads.
            attention_head_dim=2,
            norm_num_groups=16,
        )
        self._noising = diffusers.DDPMScheduler(
            num_train_timesteps=_STEPS, beta_schedule="squaredcos_cap_v2"
        )

    @torch.no_grad()
    def read(self, captions: Sequence[str]) -> Tensor:
        """What the text tower makes of each token of the captions, (N, C, D)."""
        tokens_NC = self._clip.tokenizer(list(captions))
        parts = [self._clip.model.text(part)[1] for part in tokens_NC.split(256)]
        return torch.cat(parts)

    def learn(
        self, picture_NCHW: Tensor, captions: Sequence[str], steps: int, batch: int, seed: int
    ) -> list[float]:
        """Train on pairs; the loss of each step."""
        random = torch.Generator().manual_seed(seed)
        text_NCD, nothing_1CD = self.read(captions), self.read([""])
        optimizer = torch.optim.AdamW(self.unet.parameters(), lr=_RATE, weight_decay=0.01)
        schedule = diffusers.optimization.get_cosine_schedule_with_warmup(optimizer, _WARMUP, steps)
        losses = []
        self.unet.train()
        for _ in range(steps):
            pair_B = torch.randint(len(picture_NCHW), (batch,), generator=random)
            left_out_B = torch.rand(batch, generator=random) < _CAPTIONS_LEFT_OUT
            text_BCD = torch.where(left_out_B[:, None, None], nothing_1CD, text_NCD[pair_B])
            clean_BCHW = F.pixel_unshuffle(picture_NCHW[pair_B], _FOLD)
            noise_BCHW = torch.randn(clean_BCHW.shape, generator=random)
            time_B = torch.randint(_STEPS, (batch,), generator=random)
            noisy_BCHW = self._noising.add_noise(clean_BCHW, noise_BCHW, time_B)
            loss = F.mse_loss(self.unet(noisy_BCHW, time_B, text_BCD).sample, noise_BCHW)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(self.unet.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            losses.append(float(loss.detach()))
        return losses

    @torch.no_grad()
    def draw(self, captions: Sequence[str], seed: int) -> Tensor:
        """A picture for each caption, (N, 3, SIDE, SIDE) from -1 to 1."""
        self.unet.eval()
        random = torch.Generator().manual_seed(seed)
        text_NCD = torch.cat([self.read(captions), self.read([""] * len(captions))])
        schedule = diffusers.DDIMScheduler.from_config(self._noising.config)
        schedule.set_timesteps(_DRAWING_STEPS)
        shape = (len(captions), self.unet.config.in_channels, SIDE // _FOLD, SIDE // _FOLD)
        image_NCHW = torch.randn(shape, generator=random)
        for time in schedule.timesteps:
            both = self.unet(torch.cat([image_NCHW, image_NCHW]), time, text_NCD).sample
            told, untold = both.chunk(2)
            noise_NCHW = untold + _GUIDANCE * (told - untold)
            image_NCHW = schedule.step(noise_NCHW, time, image_NCHW).prev_sample
        return F.pixel_shuffle(image_NCHW, _FOLD).clamp(-1, 1)

    def save(self, folder: Path) -> None:
        """Write the UNet and the schedule as diffusers reads them."""
        self.unet.save_pretrained(folder / "unet")
        self._noising.save_pretrained(folder / "scheduler")
