"""Fonts, words and drawn text, in two halves: what training sees, and what only the test sees."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

_TEST_FONTS = 0.2
_KINDS = (".ttf", ".otf", ".ttc")
# These draw signs where letters should be.
_SYMBOLS = ("d050000l", "standard", "cmsy10", "cmex10")

# What is written over pictures to keep them from being copied.
SEEN_WORDS = (
    "sample", "preview", "proof", "copyright", "stock photo", "do not copy", "demo", "stock",
    "all rights reserved", "image bank", "photography", "studio", "royalty free", "comp image",
)  # fmt: skip
UNSEEN_WORDS = (
    "specimen", "draft only", "not for resale", "evaluation copy", "licensed image", "archive",
    "photo library", "for approval", "low resolution", "unpaid",
)  # fmt: skip

_STARTS = ("pix", "lu", "foto", "can", "sno", "vel", "art", "mo", "ri", "tano", "gra", "sel", "bo")
_ENDS = ("ra", "lio", "men", "shot", "view", "dex", "nova", "lens", "ka", "ton", "well", "mar", "y")
_DOMAINS = (".com", ".net", ".org", ".photo", ".de", ".co.uk", ".io")
# Letters of other scripts, drawn where the font has them.
_SCRIPTS = (
    "абвгдежзиклмнопрстуфхцчшыэюя",
    "αβγδεζηθικλμνξοπρστυφχψω",
    "图片版权所有素材网站摄影样图水印",
    "あいうえおかきくけこさしすせそ写真",
    "사진저작권이미지샘플견본",
)


@dataclass(frozen=True, kw_only=True)
class Letters:
    """Font files by family, and the words that watermarks say."""

    families: Sequence[Sequence[Path]]
    words: Sequence[str]

    def font(self, rng: random.Random, size: float) -> ImageFont.FreeTypeFont:
        """A font of about `size` pixels, each family as likely as another."""
        return load_font(rng.choice(rng.choice(self.families)), max(7, round(size)))

    def credit(self, rng: random.Random) -> str:
        """What a watermark says: a word of the trade, a made-up agency, a site, a name."""
        name = invented(rng)
        text = rng.choice(
            (
                rng.choice(self.words),
                rng.choice(self.words),
                name + rng.choice(_DOMAINS),
                "www." + name + rng.choice(_DOMAINS),
                f"{name} {rng.choice(self.words)}",
                f"© {name}",
                f"© {rng.randint(1998, 2026)} {name} {invented(rng)}",
                f"{name.title()} {invented(rng).title()}",
                f"@{name}{rng.randint(1, 99)}",
                name,
            )
        )
        return _in_case(text, rng)


def invented(rng: random.Random) -> str:
    """A name that nobody has, of two or three syllables."""
    middle = rng.choice(("", "", rng.choice(_STARTS)))
    return rng.choice(_STARTS) + middle + rng.choice(_ENDS)


def sentence(rng: random.Random, words: int) -> str:
    """Ordinary text of so many words, as signs, captions and pages have it."""
    drawn = [rng.choice((invented(rng), rng.choice(_STARTS), rng.choice(_ENDS), "the", "of", "a",
                         str(rng.randint(1, 2030)))) for _ in range(words)]  # fmt: skip
    return _in_case(" ".join(drawn), rng)


def written(text: str, font: ImageFont.FreeTypeFont, rng: random.Random) -> Image.Image:
    """The text as a mask from 0 to 255, cut to its ink; sometimes in another script."""
    if rng.random() < 0.12:
        text = _in_script(text, font, rng)
    box = font.getbbox(text)
    size = (max(2, round(box[2] - box[0]) + 2), max(2, round(box[3] - box[1]) + 2))
    mask = Image.new("L", size)
    ImageDraw.Draw(mask).text((1 - box[0], 1 - box[1]), text, fill=255, font=font)
    return mask


@lru_cache(maxsize=2048)
def load_font(path: Path, size: int) -> ImageFont.FreeTypeFont:
    """One face at one size in pixels."""
    return ImageFont.truetype(path, size, layout_engine=ImageFont.Layout.BASIC)


def find_letters(folders: Sequence[Path]) -> tuple[Letters, Letters]:
    """The letters of training and those of the test, split by a hash of the family's name."""
    families: dict[str, list[Path]] = {}
    for path in sorted(file for folder in folders for file in _font_files(folder)):
        font = load_font(path, 20)
        family = str(font.getname()[0]).split()[0].lower()
        if family not in _SYMBOLS and all(_has(font, letter) for letter in "aMg8"):
            families.setdefault(family, []).append(path)
    parts: tuple[list[list[Path]], list[list[Path]]] = ([], [])
    for name, files in sorted(families.items()):
        parts[held_out(name, _TEST_FONTS)].append(files)
    if not all(parts):
        raise SystemExit(f"{len(families)} font families are too few to train and test with")
    return (
        Letters(families=parts[0], words=SEEN_WORDS),
        Letters(families=parts[1], words=UNSEEN_WORDS),
    )


def held_out(name: str, share: float) -> bool:
    """Whether what has this name is only for the test; the same in every run."""
    digest = hashlib.sha256(name.encode()).digest()
    return int.from_bytes(digest[:4]) / 2**32 < share


def _font_files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.suffix.lower() in _KINDS)


def _has(font: ImageFont.FreeTypeFont, letter: str) -> bool:
    drawn, missing = font.getmask(letter), font.getmask("\uffff")
    return drawn.size != missing.size or bytes(drawn) != bytes(missing)


def _in_case(text: str, rng: random.Random) -> str:
    return rng.choice((text, text.upper(), text.title()))


def _in_script(text: str, font: ImageFont.FreeTypeFont, rng: random.Random) -> str:
    scripts = [script for script in _SCRIPTS if _has(font, script[0]) and _has(font, script[-1])]
    if not scripts:
        return text
    script = rng.choice(scripts)
    return "".join(" " if letter == " " else rng.choice(script) for letter in text)
