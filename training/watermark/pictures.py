"""Real pictures from folders, cut and composed into scenes to plant watermarks on."""

from __future__ import annotations

import hashlib
import io
import math
import random
import re
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageEnhance, ImageFilter

from training.watermark.lettering import held_out

TEST_SHARE = 0.2
# Kept in memory with this short side at most, in pixels.
_KEPT_SIDE = 800
_SVG_SIDE = 480
_KINDS = (".jpg", ".jpeg", ".png", ".webp", ".svg")
_SMALLEST_BYTES = 2_000
# Of a folder with more files, every second, third, … is taken: few for the test, which must stay
# as it was, and more to train on.
_MOST_FILES, _MOST_TRAINED = 1_600, 5_000

Size = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Source:
    """The pictures of one folder, RGB and RGBA."""

    name: str
    pictures: Sequence[Image.Image]


class Scenes:
    """Draws scenes of any size from the pictures of several folders."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self.sources = [source for source in sources if source.pictures]
        # Large folders come more often, but not so much that they drown the small ones.
        self._weights = [math.sqrt(len(source.pictures)) for source in self.sources]

    def draw(self, size: Size, rng: random.Random) -> Image.Image:
        """A scene (RGB) of this width and height, varied in colour, grain and sharpness."""
        picture = self._picture(rng)
        small = min(picture.size) * 1.6 < min(size)
        if picture.mode == "RGBA" or small or rng.random() < 0.1:
            scene = self._ground(size, rng)
            for _ in range(rng.choice((1, 1, 2, 4))):
                _place(scene, picture, rng)
                picture = self._picture(rng)
        else:
            scene = cropped(picture, size, rng)
        return _varied(scene, rng)

    def _picture(self, rng: random.Random) -> Image.Image:
        source = rng.choices(self.sources, self._weights)[0]
        return rng.choice(source.pictures)

    def _ground(self, size: Size, rng: random.Random) -> Image.Image:
        if rng.random() < 0.5:
            for _ in range(8):
                picture = self._picture(rng)
                if picture.mode == "RGB" and min(picture.size) * 2 > min(size):
                    return cropped(picture, size, rng)
        return _drawn_ground(size, rng)


def load_trained(folders: Sequence[Path], tested: Sequence[Path]) -> Scenes:
    """The scenes of training: what a picture's name does not keep for the test.

    A file that the test has under another name is left out too.
    """
    known = {_digest(path) for folder in tested for path in _files_of_side(folder, test=True)}
    return _load_all(folders, test=False, but=known)


def load_tested(folders: Sequence[Path]) -> Scenes:
    """The scenes of the test: the pictures that their names keep from training."""
    return _load_all(folders, test=True, but=set())


def _files_of_side(folder: Path, *, test: bool) -> list[Path]:
    files = files_of(folder, _MOST_FILES if test else _MOST_TRAINED)
    return [path for path in files if held_out(_group(path), TEST_SHARE) == test]


def _load_all(folders: Sequence[Path], *, test: bool, but: Set[bytes]) -> Scenes:
    sources = []
    for folder in folders:
        files = [path for path in _files_of_side(folder, test=test) if _digest(path) not in but]
        pictures = [picture for picture in map(_load, files) if picture is not None]
        print(f"{folder.name}: {len(pictures)} pictures to {'test' if test else 'train'}",
              flush=True)  # fmt: skip
        sources.append(Source(name=folder.name, pictures=pictures))
    return Scenes(sources)


def _digest(path: Path) -> bytes:
    return hashlib.sha256(path.read_bytes()).digest()


def cropped(picture: Image.Image, size: Size, rng: random.Random) -> Image.Image:
    """A random cut of the picture in the shape of `size`, brought to that size."""
    most = min(picture.width / size[0], picture.height / size[1])
    scale = most * rng.uniform(min(1.0, max(0.4, 0.7 / most)), 1.0)
    width, height = size[0] * scale, size[1] * scale
    left = rng.uniform(0, max(0.0, picture.width - width))
    top = rng.uniform(0, max(0.0, picture.height - height))
    box = (left, top, min(picture.width, left + width), min(picture.height, top + height))
    cut = picture.resize(size, Image.Resampling.BILINEAR, box, reducing_gap=2.0)
    return cut.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if rng.random() < 0.3 else cut


def recompressed(picture: Image.Image, quality: int) -> bytes:
    """The picture as JPEG."""
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return file.getvalue()


def _group(path: Path) -> str:
    # The pictures of a numbered series are alike: all of them go to the same side.
    return f"{path.parent.name}/{re.sub('[^a-z]', '', path.stem.lower())}"


def _load(path: Path) -> Image.Image | None:
    try:
        if path.stat().st_size < _SMALLEST_BYTES:
            return None
        picture = _render(path) if path.suffix == ".svg" else Image.open(path)
        picture.draft("RGB", (2 * _KEPT_SIDE, 2 * _KEPT_SIDE))
        transparent = picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info
        picture = picture.convert("RGBA" if transparent else "RGB")
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        print(f"{path.name} is left out: {error}")
        return None
    if min(picture.size) < 24 or max(picture.size) > 8 * min(picture.size):
        return None
    scale = min(1.0, _KEPT_SIDE / min(picture.size))
    size = (round(picture.width * scale), round(picture.height * scale))
    kept = picture.resize(size, Image.Resampling.LANCZOS) if scale < 1 else picture
    return kept if _is_cutout(kept) else kept.convert("RGB")


def _is_cutout(picture: Image.Image) -> bool:
    return picture.mode == "RGBA" and picture.getchannel("A").getextrema()[0] != 255


def _render(path: Path) -> Image.Image:
    import resvg_py  # only in the demo's and the developers' environment

    png = resvg_py.svg_to_bytes(
        svg_string=path.read_text(), width=_SVG_SIDE, skip_system_fonts=True
    )
    return Image.open(io.BytesIO(bytes(png)))


def _place(scene: Image.Image, picture: Image.Image, rng: random.Random) -> None:
    """Set a picture somewhere into the scene, enlarged twice at most."""
    room = min(scene.width / picture.width, scene.height / picture.height)
    scale = min(2.0, room * rng.uniform(0.3, 1.0))
    size = (max(4, round(picture.width * scale)), max(4, round(picture.height * scale)))
    piece = picture.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
    x = rng.randint(0, max(0, scene.width - size[0]))
    y = rng.randint(0, max(0, scene.height - size[1]))
    scene.paste(piece, (x, y), piece if piece.mode == "RGBA" else None)


def _drawn_ground(size: Size, rng: random.Random) -> Image.Image:
    """Plain, a slope of two colours, or clouds of several scales."""
    low = rng.choice((0, 150, 200))
    kind = rng.choice(("plain", "white", "slope", "clouds", "clouds"))
    if kind == "white":
        return Image.new("RGB", size, "white")
    cells = {"plain": 1, "slope": 2, "clouds": rng.choice((3, 6, 12, 40))}[kind]
    numbers = bytes(rng.randint(low, 255) for _ in range(cells * cells * 3))
    coarse = Image.frombytes("RGB", (cells, cells), numbers)
    return coarse.resize(size, Image.Resampling.BICUBIC)


def _varied(scene: Image.Image, rng: random.Random) -> Image.Image:
    if rng.random() < 0.4:
        scene = ImageEnhance.Brightness(scene).enhance(rng.uniform(0.6, 1.3))
        scene = ImageEnhance.Contrast(scene).enhance(rng.uniform(0.7, 1.3))
    if rng.random() < 0.15:
        scene = ImageEnhance.Color(scene).enhance(rng.choice((0, 0, 0.5, 1.6)))
    if rng.random() < 0.12:
        scene = scene.filter(ImageFilter.GaussianBlur(rng.uniform(0.5, 3)))
    if rng.random() < 0.25:
        noise = np.random.default_rng(rng.getrandbits(32)).standard_normal(
            (scene.height, scene.width, rng.choice((1, 3))), np.float32
        )
        scene = _grainy(scene, noise * rng.uniform(2, 11))
    return scene


def _grainy(scene: Image.Image, noise_HWC: npt.NDArray[np.float32]) -> Image.Image:
    pixels = np.asarray(scene, dtype=np.float32) + noise_HWC
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def files_of(folder: Path, most: int = _MOST_FILES) -> Iterator[Path]:
    """Picture files of a folder and the folders in it, ordered by name; evenly `most` at most."""
    files = [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in _KINDS]
    yield from files[:: -(-len(files) // most) or 1]
