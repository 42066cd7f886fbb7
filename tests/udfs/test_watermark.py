"""The watermark detector tells planted marks from ordinary pictures, whatever their size."""

from __future__ import annotations

import io
import random
import re
import tomllib
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image, ImageChops, ImageFont

from pairlake.demo import scenes
from pairlake.demo.pictures import pictures
from pairlake.lake.project import ROOT
from pairlake.udfs import image_watermarks, registry
from pairlake.udfs.job import ModelUnavailable
from pairlake.udfs.watermark.network import Detector, prepare
from pairlake.udfs.watermark.weights import MOST_PIXELS, WEIGHTS, sha256
from training.watermark.lettering import UNSEEN_WORDS, Letters
from training.watermark.ordinary import SEEN_KINDS, draw_ordinary
from training.watermark.planting import SEEN_LAYOUTS, UNSEEN_LAYOUTS, plant

CARD = WEIGHTS.with_name("MODEL_CARD.md")
# Licences of pictures from which weights may be made that are licensed CC BY-SA 4.0.
FREE = re.compile(r"CC0|public domain|CC BY(-SA)? \d\.\d|Apache-2\.0|BSD-3-Clause|MIT")
COUNT = 48


class BundledLetters(Letters):
    """Letters of the one font that Pillow brings; training used fonts of its own."""

    def font(self, rng: random.Random, size: float) -> ImageFont.FreeTypeFont:
        font = ImageFont.load_default(max(8, round(size)))
        assert isinstance(font, ImageFont.FreeTypeFont)
        return font


LETTERS = BundledLetters(families=[[Path("bundled")]], words=UNSEEN_WORDS)


@cache
def _detector() -> Detector:
    return Detector()


@cache
def _scenes() -> list[Image.Image]:
    rng = random.Random(90_210)
    return [scenes.scene(picture, rng) for picture in rng.sample(pictures(), COUNT)]


def _jpeg(picture: Image.Image) -> bytes:
    return scenes.encoded(picture, "JPEG", 85)


def _stored(picture: Image.Image) -> Image.Image:
    return Image.open(io.BytesIO(_jpeg(picture)))


def test_the_weights_are_those_of_the_card_and_small_enough_to_ship() -> None:
    assert f"sha256 of `{WEIGHTS.name}`: `{sha256()}`" in CARD.read_text()
    assert WEIGHTS.stat().st_size < 1_500_000


def test_all_weights_have_the_licence_of_their_card_beside_them() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["license"] == "Apache-2.0 AND CC-BY-SA-4.0"
    assert "Apache License" in (ROOT / "LICENSE").read_text()
    assert "Attribution-ShareAlike 4.0" in (ROOT / "LICENSES" / "CC-BY-SA-4.0.txt").read_text()
    package = ROOT / "pairlake"
    shipped = [*package.glob("demo/*/*.safetensors"), *package.glob("udfs/*/*.safetensors")]
    assert WEIGHTS in shipped
    assert len(shipped) == 2
    for weights in shipped:
        licence = weights.with_name("LICENSE")
        assert str(licence.relative_to(ROOT)) in project["license-files"]
        assert weights.name in licence.read_text().splitlines()[0]
        assert "SPDX-License-Identifier: CC-BY-SA-4.0" in licence.read_text()
        assert "(LICENSE)" in weights.with_name("MODEL_CARD.md").read_text()
    assert registry.entries()["watermark_cnn"].licence == "CC-BY-SA-4.0"


def test_all_pictures_that_were_trained_on_are_free_and_credited() -> None:
    rows = [line.strip("| ").split(" | ") for line in CARD.read_text().splitlines()]
    counted = {row[0]: row[1:] for row in rows if len(row) == 3 and row[1].isdigit()}
    del counted["font families"]
    trained = {name for name, (learnt, _) in counted.items() if int(learnt)}
    # A folder of which only a part is free stands first with that part, then with what is not.
    licences = {row[0]: row[2] for row in reversed(rows) if len(row) == 3 and row[0] in counted}
    for name in trained:
        assert all(map(FREE.fullmatch, re.split(", | and ", licences[name]))), name
    assert not FREE.fullmatch(licences["tuxpaint"])
    credited = WEIGHTS.with_name("LICENSE").read_text().splitlines()
    assert {line[2:].partition(":")[0] for line in credited if line.startswith("- ")} == trained


@pytest.mark.parametrize(
    ("layouts", "least_recall"), [(list(SEEN_LAYOUTS), 0.7), (list(UNSEEN_LAYOUTS), 0.65)]
)
def test_planted_marks_stand_out_from_clean_scenes(layouts: list[str], least_recall: float) -> None:
    rng = random.Random(31)
    marked = [
        plant(scene, layouts[number % len(layouts)], LETTERS, rng, unseen=True)[0]
        for number, scene in enumerate(_scenes())
    ]
    right = _detector().score([_stored(one) for one in marked]) >= 0.5
    wrong = _detector().score([_stored(one) for one in _scenes()]) >= 0.5
    assert right.mean() >= least_recall
    assert right.sum() / (right.sum() + wrong.sum()) >= 0.9


def test_the_demos_own_watermark_is_found() -> None:
    rng = random.Random(7)
    marked = [_stored(scenes.watermarked(scene, rng)) for scene in _scenes()]
    assert (_detector().score(marked) >= 0.5).mean() >= 0.9


def test_ordinary_text_is_mostly_left_alone() -> None:
    rng, kinds = random.Random(5), list(SEEN_KINDS)
    drawn = [
        _stored(draw_ordinary(scene, kinds[number % len(kinds)], LETTERS, rng))
        for number, scene in enumerate(_scenes())
    ]
    # The card's advice where few pictures are marked: 0.8.
    assert (_detector().score(drawn) >= 0.8).mean() <= 0.1


def test_pictures_of_any_size_have_a_score() -> None:
    sizes = [(1, 1), (1, 4000), (9000, 3), (31, 33), (1500, 1200), (640, 384)]
    scores = _detector().score([Image.new("RGB", size, "grey") for size in sizes])
    assert scores.dtype == np.float32
    assert scores.shape == (len(sizes),)
    assert ((scores >= 0) & (scores <= 1)).all()
    assert _detector().score([]).shape == (0,)


def test_only_large_and_tiny_pictures_are_resized() -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (300, 400, 3), np.uint8)
    assert (prepare(pixels) == pixels).all()
    height, width, _ = prepare(np.zeros((768, 1152, 3), np.uint8)).shape
    assert width / height == pytest.approx(1.5, abs=0.01)
    assert height * width == pytest.approx(MOST_PIXELS, rel=0.01)
    assert prepare(np.zeros((1, 9000, 3), np.uint8)).shape == (32, 2048, 3)


def test_a_score_does_not_depend_on_its_batch() -> None:
    pictures = [_stored(scene) for scene in _scenes()[:6]]
    together = _detector().score(pictures)
    alone = np.concatenate([_detector().score([picture]) for picture in reversed(pictures)])
    assert np.abs(together - alone[::-1]).max() < 1e-4


def test_planting_is_repeatable_and_always_leaves_a_mark() -> None:
    scene = _scenes()[0]
    for layout in (*SEEN_LAYOUTS, *UNSEEN_LAYOUTS):
        one, mask = plant(scene, layout, LETTERS, random.Random(2), unseen=False)
        again, _ = plant(scene, layout, LETTERS, random.Random(2), unseen=False)
        assert one.tobytes() == again.tobytes()
        assert mask.getbbox() is not None
        assert ImageChops.difference(scene, one).getbbox() is not None


def test_the_job_knows_one_model_and_scores_what_it_can_read() -> None:
    with pytest.raises(ModelUnavailable, match="watermark_cnn"):
        image_watermarks.identify("another")
    model = image_watermarks.identify("watermark_cnn")
    assert model.weights_sha256 == sha256()
    pixels = [None, b"not a picture", _jpeg(_scenes()[0])]
    ids = pa.array([bytes([number] * 16) for number in range(3)], pa.uuid())
    batch = pa.record_batch({"image_id": ids, "pixels": pa.array(pixels, pa.binary())})
    missing, broken, fine = image_watermarks.load(model)(batch).to_pylist()
    assert (missing["outcome"], missing["pwatermark"]) == ("pixels_missing", None)
    assert (broken["outcome"], broken["pwatermark"]) == ("pixels_unreadable", None)
    assert fine["outcome"] == "ok"
    assert 0 <= fine["pwatermark"] <= 1
