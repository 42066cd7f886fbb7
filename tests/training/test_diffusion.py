"""The text-to-image benchmark: its score, its model, and how it measures what was drawn."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from pairlake.demo.pictures import Picture, pictures
from pairlake.lake.project import ROOT
from pairlake.serve.export.export import export
from pairlake.udfs.heads import aesthetic
from tests.serve.conftest import APPLE, CAT, SEA, Mart
from tests.serve.export.exporting import with_verdicts
from training.diffusion.__main__ import follow, read_shards
from training.diffusion.painter import SIDE, Painter
from training.diffusion.subset import colourfulness, fit_head
from training.filtering.prepared import squared
from training.mini_clip.evaluate import MiniClip
from training.mini_clip.unseen import unseen_render

_CLIP = ROOT / "demo" / "mini_clip"


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def mart() -> Iterator[Mart]:
    """An empty mart in the test's own lake."""
    mart = with_verdicts(Mart())
    yield mart
    mart.con.close()


def _named(name: str) -> Picture:
    return next(picture for picture in pictures() if picture.names["en"] == name)


def test_colours_are_told_from_grey() -> None:
    rainbow, grey = _named("rainbow"), _named("white large square")
    assert colourfulness(rainbow) > 30
    assert colourfulness(grey) < 5


@pytest.mark.slow
def test_the_head_says_how_colourful_a_picture_is(tmp_path: Path) -> None:
    of = pictures()[::20]
    head = fit_head(tmp_path / "colourful", _CLIP, of)

    scores = aesthetic(tmp_path / "colourful" / head.file)(
        MiniClip(_CLIP).images(of, random.Random(1))
    )

    colours = [colourfulness(picture) for picture in of]
    assert np.corrcoef(scores, colours)[0, 1] > 0.7
    assert head.dimension == 192
    assert len(head.sha256) == 64


@pytest.mark.slow
def test_the_model_learns_two_pictures_and_draws_the_same_again() -> None:
    drawn = torch.stack([torch.full((3, SIDE, SIDE), 0.9), torch.full((3, SIDE, SIDE), -0.9)])
    captions = ["A drawing of white", "A drawing of black"]
    painter = Painter(_CLIP, seed=1)

    losses = painter.learn(drawn, captions, steps=40, batch=4, seed=1)

    assert np.mean(losses[-5:]) < 0.75 * np.mean(losses[:5])
    samples = painter.draw(captions, seed=1)
    assert samples.shape == drawn.shape
    assert samples.abs().max() <= 1
    assert torch.equal(samples, painter.draw(captions, seed=1))
    assert not torch.equal(samples, painter.draw(captions, seed=2))


def test_drawings_follow_their_captions_and_noise_does_not() -> None:
    of = pictures()[::200]
    names = [picture.names["en"] for picture in of]
    shown = [squared(unseen_render(picture, random.Random(3)), SIDE) for picture in of]
    drawings = torch.from_numpy(np.stack(shown)).permute(0, 3, 1, 2) / 127.5 - 1
    clip = MiniClip(_CLIP)

    found = follow(clip, drawings, names)
    noise = follow(clip, torch.rand(drawings.shape) * 2 - 1, names)

    assert found.top1 > 0.7
    assert found.own - found.others > 0.2
    assert abs(noise.own - noise.others) < 0.1
    assert follow(clip, drawings.flip(0), names).own < found.own


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_export_is_read_whole(mart: Mart, tmp_path: Path) -> None:
    mart.keep(APPLE, CAT, SEA)
    export(tmp_path / "it", format="webdataset")
    url = {pair.image_url: pair.picture for pair in (APPLE, CAT, SEA)}

    shown, captions, drawings = read_shards(tmp_path / "it", url)

    assert shown.shape == (3, 3, SIDE, SIDE)
    assert set(zip(captions, drawings, strict=True)) == {
        (pair.caption, pair.picture) for pair in (APPLE, CAT, SEA)
    }
    for picture in shown:
        # Each of one colour.
        assert float(picture.std(dim=(1, 2)).max()) < 0.05
