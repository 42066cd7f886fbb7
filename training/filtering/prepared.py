"""What the trainings need, as one file of arrays: it can be carried to a machine with a GPU."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

# The world's pictures keep a margin for the shifts of training; those to measure with do not.
SIDE = 80
_QUALITY = 95

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Level:
    """The pairs of one noisy web that were downloaded, in the order of their ids.

    `image` and `caption` are places among all pictures and captions. `form` is what breaks no rule
    before similarity, `kept` what the similarity filter keeps of it, `deduplicated` one pair an
    image of those; `right` is where the caption is of the picture, which no filter knows.
    """

    image: Ints
    caption: Ints
    english: Mask
    form: Mask
    kept: Mask
    deduplicated: Mask
    right: Mask


@dataclass(frozen=True, kw_only=True)
class Gallery:
    """Pictures that nobody trained on, one a concept: (N, H, W, 3), and which concept (N)."""

    pictures: Bytes
    concepts: Ints


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """Pictures and captions of the noisy webs, and what to measure with.

    `pictures` are (N, H, W, 3), `tokens` those of captions (M, C), `queries` unseen sentences as
    tokens (L, K, T, C): T of each of K concepts in L languages. Concepts of one number in `names`
    (L, K) cannot be told apart in that language.
    """

    pictures: Bytes
    tokens: npt.NDArray[np.int16]
    levels: Mapping[str, Level]
    galleries: Mapping[str, Gallery]
    languages: Sequence[str]
    queries: npt.NDArray[np.int16]
    names: Ints

    def save(self, path: Path) -> None:
        """Write it as one file, the pictures as JPEGs."""
        arrays: dict[str, npt.NDArray[np.generic]] = {
            "tokens": self.tokens,
            "queries": self.queries,
            "names": self.names,
            "languages": np.array(self.languages),
            **_packed("picture", self.pictures),
        }
        for name, level in self.levels.items():
            for one in fields(Level):
                arrays[f"level {name} {one.name}"] = getattr(level, one.name)
        for name, gallery in self.galleries.items():
            arrays[f"gallery {name} concept"] = gallery.concepts
            arrays |= _packed(f"gallery {name} picture", gallery.pictures)
        np.savez_compressed(path, **arrays)  # type: ignore[arg-type]

    @staticmethod
    def load(path: Path) -> Prepared:
        """Read what `save` wrote."""
        with np.load(path) as file:
            arrays = dict(file)
        named = [name.split(" ")[:2] for name in arrays]
        levels = dict.fromkeys(name[1] for name in named if name[0] == "level")
        galleries = dict.fromkeys(name[1] for name in named if name[0] == "gallery")
        return Prepared(
            pictures=_unpacked("picture", arrays),
            tokens=arrays["tokens"],
            levels={
                name: Level(**{f.name: arrays[f"level {name} {f.name}"] for f in fields(Level)})
                for name in levels
            },
            galleries={
                name: Gallery(
                    pictures=_unpacked(f"gallery {name} picture", arrays),
                    concepts=arrays[f"gallery {name} concept"],
                )
                for name in galleries
            },
            languages=[str(name) for name in arrays["languages"]],
            queries=arrays["queries"],
            names=arrays["names"],
        )


def squared(image: Image.Image, side: int) -> Bytes:
    """The middle of a picture at that size, as open_clip's own preprocessing takes it."""
    scale = side / min(image.size)
    width, height = (max(side, round(length * scale)) for length in image.size)
    image = image.convert("RGB").resize((width, height), Image.Resampling.BICUBIC)
    left, top = (width - side) // 2, (height - side) // 2
    return np.asarray(image.crop((left, top, left + side, top + side)))


def _packed(name: str, picture_NHWC: Bytes) -> dict[str, npt.NDArray[np.generic]]:
    files = []
    for picture_HWC in picture_NHWC:
        file = io.BytesIO()
        Image.fromarray(picture_HWC).save(file, "JPEG", quality=_QUALITY, subsampling=0)
        files.append(file.getvalue())
    ends = np.cumsum([len(content) for content in files])
    return {f"{name} bytes": np.frombuffer(b"".join(files), np.uint8), f"{name} ends": ends}


def _unpacked(name: str, arrays: Mapping[str, npt.NDArray[np.generic]]) -> Bytes:
    content, ends = arrays[f"{name} bytes"].tobytes(), arrays[f"{name} ends"].tolist()
    starts = [0, *ends[:-1]]
    return np.stack(
        [
            np.asarray(Image.open(io.BytesIO(content[start:end])))
            for start, end in zip(starts, ends, strict=True)
        ]
    )
