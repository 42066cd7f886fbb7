"""Measures a CLIP model on pictures and sentences that nobody saw, and as a filter of pairs."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from training.filtering.learner import MEAN, STD
from training.filtering.prepared import Gallery, Ints, Level, Mask, Prepared

import open_clip  # isort: skip

# Of pictures with captions drawn by chance so many may pass: nobody needs the truth to say so.
PASSING_STRANGERS = 0.05
_STRANGERS = 20_000
_AT_ONCE = 2_048

Floats = npt.NDArray[np.float32]


class Encoder:
    """The two towers of a model; rows out are (N, D) of length 1, on the device."""

    def __init__(self, model: open_clip.CustomTextCLIP, device: str) -> None:
        self.model, self.device = model, device

    def pictures(self, picture_NHWC: npt.NDArray[np.uint8]) -> Tensor:
        """Of each picture as a whole, as large as the model's input."""
        side = self.model.visual.image_size

        def embed(part_NHWC: Tensor) -> Tensor:
            image_NCHW = part_NHWC.permute(0, 3, 1, 2).float() / 255
            if image_NCHW.shape[-1] != side:
                image_NCHW = torch.nn.functional.interpolate(
                    image_NCHW, (side, side), mode="bicubic", antialias=True
                ).clamp(0, 1)
            embedding: Tensor = self.model.encode_image((image_NCHW - MEAN) / STD, normalize=True)
            return embedding

        return self._in_parts(embed, torch.from_numpy(picture_NHWC))

    def captions(self, token_NC: npt.NDArray[np.int16]) -> Tensor:
        """Of each row of tokens."""
        return self._in_parts(
            lambda part: self.model.encode_text(part.long(), normalize=True),
            torch.from_numpy(token_NC),
        )

    def _in_parts(self, embed: Callable[[Tensor], Tensor], rows: Tensor) -> Tensor:
        self.model.eval()
        with torch.no_grad():
            parts = [embed(part.to(self.device)) for part in torch.split(rows, _AT_ONCE)]
        return torch.cat(parts)


def measure(encoder: Encoder, prepared: Prepared) -> dict[str, dict[str, dict[str, float]]]:
    """Of each gallery, in each language: zero-shot top1 and top5, retrieval recall1 and recall10.

    Zero-shot, the mean of a concept's sentences stands for it, and each picture finds it among all
    concepts of the gallery. Retrieval goes the other way: the first sentence finds its picture.
    """
    image = {name: encoder.pictures(one.pictures) for name, one in prepared.galleries.items()}
    found: dict[str, dict[str, dict[str, float]]] = {name: {} for name in image}
    for place, language in enumerate(prepared.languages):
        query_KTC = prepared.queries[place]
        query_QD = encoder.captions(query_KTC.reshape(-1, query_KTC.shape[-1]))
        query_KTD = query_QD.reshape(*query_KTC.shape[:2], -1)
        for name, gallery in prepared.galleries.items():
            found[name][language] = _ranks(
                image[name], query_KTD[gallery.concepts], prepared.names[place], gallery
            )
    return found


def _ranks(image_ND: Tensor, query_NTD: Tensor, name_K: Ints, gallery: Gallery) -> dict[str, float]:
    name_N = torch.from_numpy(name_K[gallery.concepts]).to(image_ND.device)
    right_NN = name_N[:, None] == name_N[None, :]
    concept_ND = torch.nn.functional.normalize(query_NTD.mean(1), dim=1)
    found = _above(image_ND @ concept_ND.T, right_NN)
    asked = _above(query_NTD[:, 0] @ image_ND.T, right_NN)
    shares = {"top1": found < 1, "top5": found < 5, "recall1": asked < 1, "recall10": asked < 10}
    return {name: float(share.float().mean()) for name, share in shares.items()}


def _above(score_QN: Tensor, right_QN: Tensor) -> Tensor:
    """For each query how many wrong ones score as high as the best right one, or higher."""
    best_Q1 = score_QN.masked_fill(~right_QN, -torch.inf).amax(1, keepdim=True)
    return ((score_QN >= best_Q1) & ~right_QN).sum(1)


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What a model as a filter says of the pairs of a level, and the thresholds that it does so by.

    `similarity` and `kept` have a value for each pair; nothing that breaks a rule of form is kept.
    """

    similarity: Floats
    thresholds: tuple[float, float]
    kept: Mask

    def facts(self, level: Level, among: Mask | None = None) -> dict[str, float]:
        """Beside the truth, over the pairs of good form, or of those `among` them."""
        asked = level.form if among is None else level.form & among
        right, kept = level.right[asked], self.kept[asked]
        return {
            "pairs": int(asked.sum()),
            "kept": int(kept.sum()),
            "precision": _share(right[kept]),
            "recall": _share(kept[right]),
            "auc": _auc(self.similarity[asked], right),
        }


def judge(encoder: Encoder, prepared: Prepared, level: Level) -> Judgement:
    """Keep the pairs above the thresholds that few pictures with chance captions would pass."""
    image_ND = encoder.pictures(prepared.pictures)
    caption_MD = encoder.captions(prepared.tokens)
    image_P, caption_P = torch.from_numpy(level.image), torch.from_numpy(level.caption)
    similarity = _cosines(image_ND, caption_MD, image_P, caption_P)
    random = np.random.default_rng(0)
    thresholds = []
    for spoken in (level.english, ~level.english):
        place = np.flatnonzero(spoken & level.form)
        one, other = random.choice(place, (2, _STRANGERS))
        strangers = _cosines(image_ND, caption_MD, image_P[one], caption_P[other])
        thresholds.append(float(np.quantile(strangers, 1 - PASSING_STRANGERS)))
    least = np.where(level.english, *thresholds)
    return Judgement(
        similarity=similarity,
        thresholds=(thresholds[0], thresholds[1]),
        kept=level.form & (similarity >= least),
    )


def _cosines(image_ND: Tensor, caption_MD: Tensor, image_P: Tensor, caption_P: Tensor) -> Floats:
    image_PD = image_ND[image_P.to(image_ND.device)]
    cosine_P = (image_PD * caption_MD[caption_P.to(caption_MD.device)]).sum(1)
    cosines: Floats = cosine_P.cpu().numpy()
    return cosines


def _share(mask: Mask) -> float:
    return float(mask.mean()) if mask.size else math.nan


def _auc(similarity: Floats, right: Mask) -> float:
    """How often a right pair scores above a wrong one; ties are misses."""
    if right.all() or not right.any():
        return math.nan
    wrong = np.sort(similarity[~right])
    return float(np.searchsorted(wrong, similarity[right]).mean() / len(wrong))
