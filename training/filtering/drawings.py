"""Other designers' drawings of what the demo's catalogue shows, as npm publishes them.

Twemoji (CC BY 4.0), Noto of today and of 2016 (Apache 2.0) and EmojiOne (CC BY 4.0; its first
version CC BY-SA 4.0) teach the similarity model; Fluent (MIT) is for the evaluation alone.
OpenMoji's, the demo's own, make the noisy web.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from pairlake.demo.pictures import Picture, pictures

PACKAGES = {
    "twemoji": "@iconify-json/twemoji@1.2.5",
    "noto": "@iconify-json/noto@1.2.9",
    "noto_v1": "@iconify-json/noto-v1@1.2.5",
    "emojione": "@iconify-json/emojione@1.2.3",
    "emojione_v1": "@iconify-json/emojione-v1@1.2.3",
    "fluent": "@iconify-json/fluent-emoji-flat@1.2.6",
}
TEACHERS = ("twemoji", "noto", "noto_v1", "emojione", "emojione_v1")
STRANGER = "fluent"
# Whose names of the drawings all others share, and who says which character each is.
_NAMES = "twemoji"


def chosen(drawings: int) -> list[Picture]:
    """The drawings that take part in a web of so many, as the demo chooses them."""
    catalogue = pictures()
    return [catalogue[index * len(catalogue) // drawings] for index in range(drawings)]


@cache
def drawn_by(designer: str, folder: Path) -> tuple[Picture, ...]:
    """What that designer has drawn of the catalogue, in its order; SVGs come to `folder` once."""
    place = folder / designer
    if not (place / "whole").exists():
        for hexcode, svg in _svgs(designer, folder).items():
            (place / f"{hexcode}.svg").write_text(svg)
        (place / "whole").touch()
    return tuple(
        replace(picture, file=file)
        for picture in pictures()
        if (file := place / f"{picture.hexcode}.svg").is_file()
    )


def _svgs(designer: str, folder: Path) -> dict[str, str]:
    """SVGs by the hexcode of the catalogue."""
    icons = _read(_packed(designer, folder), "icons.json")
    bodies, width, height = icons["icons"], icons["width"], icons["height"]
    found = {}
    names = _names(_packed(designer, folder)) or _names(_packed(_NAMES, folder))
    for picture in pictures():
        icon = bodies.get(names.get(_plain(picture.hexcode)))
        if icon is not None:
            size = (icon.get("width", width), icon.get("height", height))
            found[picture.hexcode] = _square(icon["body"], *size)
    return found


def _packed(designer: str, folder: Path) -> Path:
    """The package as npm packs it."""
    place = folder / designer
    if found := list(place.glob("*.tgz")):
        return found[0]
    npm = shutil.which("npm")
    if npm is None:
        raise FileNotFoundError("The drawings come with npm, which is not here; install Node.js.")
    place.mkdir(parents=True, exist_ok=True)
    command = [npm, "pack", "--silent", "--pack-destination", str(place), PACKAGES[designer]]
    subprocess.run(command, check=True, capture_output=True)
    return next(place.glob("*.tgz"))


def _names(packed: Path) -> dict[str, str]:
    return {_plain(char): name for char, name in _read(packed, "chars.json").items()}


def _read(packed: Path, name: str) -> dict[str, Any]:
    with tarfile.open(packed) as archive:
        file = archive.extractfile(f"package/{name}")
        if file is None:
            raise FileNotFoundError(f"{packed} holds no {name}.")
        found: dict[str, Any] = json.load(file)
        return found


def _square(body: str, width: int, height: int) -> str:
    side = max(width, height)
    box = f"{(width - side) / 2} {(height - side) / 2} {side} {side}"
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}">{body}</svg>'


def _plain(hexcode: str) -> str:
    # Icon sets name some drawings with the variation selector, and some without it.
    return hexcode.lower().replace("-fe0f", "")
