"""The licences that pyproject.toml names lie where it says, and mini CLIP has its own beside it."""

from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
FILES = {file.resolve() for pattern in PROJECT["license-files"] for file in ROOT.glob(pattern)}


def test_each_licence_of_the_package_has_its_text() -> None:
    assert PROJECT["license"].split(" AND ") == ["Apache-2.0", "CC-BY-SA-4.0"]
    assert all(any(ROOT.glob(pattern)) for pattern in PROJECT["license-files"])
    assert "Version 2.0, January 2004" in (ROOT / "LICENSE").read_text()
    assert "Attribution-ShareAlike 4.0" in (ROOT / "LICENSES" / "CC-BY-SA-4.0.txt").read_text()


def test_mini_clip_has_its_licence_beside_it() -> None:
    licence = ROOT / "demo" / "mini_clip" / "LICENSE"
    assert licence in FILES
    assert (licence.parent / "open_clip_model.safetensors").is_file()
    assert "open_clip_model.safetensors" in licence.read_text().splitlines()[0]
    assert "SPDX-License-Identifier: CC-BY-SA-4.0" in licence.read_text()
    assert "OpenMoji" in licence.read_text()
    assert "(LICENSE)" in licence.with_name("MODEL_CARD.md").read_text()
