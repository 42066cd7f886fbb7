"""What the filtering benchmark trains on, and what it makes of models and of results."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import training.filtering.plan as plan
from training.filtering.lakes import FORM, Head, by_similarity, lay_out
from training.filtering.learner import Course
from training.filtering.measures import Encoder, judge, measure
from training.filtering.plan import CONTROLS, CROSSED, HALVES, ROUNDS, SETS, Task, chosen, waves
from training.filtering.prepared import SIDE, Gallery, Level, Prepared
from training.filtering.report import report
from training.filtering.settings import Setting
from training.filtering.trainings import RESULTS, results, run

_KINDS = 6
_PAIRS = 60
_COURSE = Course(
    steps=3, batch=12, image_size=32, vision_width=8, text_width=64, text_layers=1
)  # fmt: skip
_SETTING = Setting(webs=("calm", "noisy"), drawings=40, waves=5, teacher_steps=1, course=_COURSE)


def _level(seed: int, wrong: float) -> Level:
    random = np.random.default_rng(seed)
    image = np.arange(_PAIRS) % (2 * _KINDS)
    is_wrong = random.random(_PAIRS) < wrong
    caption = (image + is_wrong * random.integers(1, _KINDS, _PAIRS)) % _KINDS
    form = np.arange(_PAIRS) % 10 > 0
    kept = form & ~(is_wrong & (random.random(_PAIRS) < 0.8))
    first = np.zeros(_PAIRS, bool)
    first[[np.flatnonzero(kept & (image == one))[0] for one in set(image[kept])]] = True
    return Level(
        image=image,
        caption=caption,
        english=np.arange(_PAIRS) % 3 == 0,
        form=form,
        kept=kept,
        deduplicated=first,
        right=~is_wrong,
    )


@pytest.fixture
def prepared() -> Prepared:
    """Pictures in a colour of their kind, and captions of a token of it, in two languages."""
    random = np.random.default_rng(0)
    colour_K3 = random.integers(0, 255, (_KINDS, 3))
    picture_N = np.arange(2 * _KINDS) % _KINDS
    shape = (SIDE, SIDE, 1)
    pictures = np.stack([np.tile(colour_K3[one], shape) for one in picture_N]).astype(np.uint8)
    tokens = np.zeros((_KINDS, 40), np.int16)
    tokens[:, 0], tokens[:, 1], tokens[:, 2] = 8_190, np.arange(_KINDS) + 7, 8_191
    gallery = Gallery(pictures=pictures[:_KINDS], concepts=np.arange(_KINDS))
    return Prepared(
        pictures=pictures,
        tokens=tokens,
        levels={"calm": _level(1, 0.1), "noisy": _level(2, 0.5)},
        galleries={"openmoji": gallery, "fluent": gallery},
        languages=("en", "de"),
        queries=np.stack([np.stack([tokens, tokens], 1)] * 2),
        names=np.stack([np.arange(_KINDS)] * 2),
    )


class _Perfect(torch.nn.Module):
    """Embeds pictures by their colour, and captions by the colour of their kind."""

    def __init__(self, prepared: Prepared) -> None:
        super().__init__()
        self.visual = torch.nn.Module()
        self.visual.image_size = 64  # type: ignore[assignment]
        colour = torch.from_numpy(prepared.pictures[:_KINDS, 0, 0]).float() / 255
        self.colour_K3 = (colour - 0.5) / 0.5

    def encode_image(self, image_NCHW: torch.Tensor, normalize: bool) -> torch.Tensor:
        return self._place(image_NCHW.mean((2, 3)))

    def encode_text(self, token_NC: torch.Tensor, normalize: bool) -> torch.Tensor:
        return torch.eye(_KINDS)[token_NC[:, 1] - 7]

    def _place(self, colour_N3: torch.Tensor) -> torch.Tensor:
        return torch.eye(_KINDS)[torch.cdist(colour_N3, self.colour_K3).argmin(1)]


def test_a_file_gives_back_what_was_saved(prepared: Prepared, tmp_path: Path) -> None:
    prepared.save(tmp_path / "it.npz")
    again = Prepared.load(tmp_path / "it.npz")
    for name, level in prepared.levels.items():
        for field in fields(Level):
            found = getattr(again.levels[name], field.name)
            np.testing.assert_array_equal(found, getattr(level, field.name))
    np.testing.assert_array_equal(again.tokens, prepared.tokens)
    np.testing.assert_array_equal(again.queries, prepared.queries)
    assert list(again.languages) == ["en", "de"]
    # As JPEG: nearly.
    off = np.abs(again.pictures.astype(int) - prepared.pictures.astype(int))
    assert off.max() <= 4


def test_each_set_is_what_its_name_says(prepared: Prepared) -> None:
    level = prepared.levels["noisy"]

    def pairs(name: str, seed: int = 1) -> Any:
        return chosen(Task(level="noisy", set=name, seed=seed), level, {})

    assert pairs("everything").all()
    assert (pairs("form") == level.form).all()
    assert (pairs("kept") == level.kept).all()
    assert (pairs("truth") == (level.form & level.right)).all()
    assert not (pairs("deduplicated") & ~level.kept).any()
    for name, (of, like) in CONTROLS.items():
        control = pairs(name)
        assert not (control & ~pairs(of)).any()
        assert control.sum() == min(pairs(like).sum(), pairs(of).sum())
    thinned = "of kept, as many as deduplicated"
    assert (pairs(thinned) != pairs(thinned, seed=2)).any()


def test_rounds_train_on_what_the_one_before_keeps_and_halves_on_what_the_other_keeps(
    prepared: Prepared,
) -> None:
    level = prepared.levels["noisy"]
    random = np.random.default_rng(4)
    kept_by = {
        Task(level="noisy", set=one, seed=1): random.random(_PAIRS) < 0.5
        for one in ("form", *ROUNDS, *HALVES)
    }

    def pairs(name: str) -> Any:
        return chosen(Task(level="noisy", set=name, seed=1), level, kept_by)

    def kept(name: str) -> Any:
        return kept_by[Task(level="noisy", set=name, seed=1)]

    assert (pairs("round 1") == kept("form")).all()
    assert (pairs("round 2") == kept("round 1")).all()
    one, other = (plan.in_half(level, 1, half) for half in HALVES)
    assert (one ^ other).all()
    # An image is in one half with all its captions, or what judges it has seen it.
    assert not set(level.image[one]) & set(level.image[other])
    assert (pairs(HALVES[0]) == (one & level.form)).all()
    assert (pairs(CROSSED) == np.where(one, kept(HALVES[1]), kept(HALVES[0]))).all()


def test_a_wave_needs_only_those_before_it(prepared: Prepared) -> None:
    kept_by: dict[Task, Any] = {}
    for wave in waves(["calm", "noisy"]):
        for task in wave:
            level = prepared.levels[task.level]
            assert chosen(task, level, kept_by).shape == level.form.shape
            assert task not in kept_by
        kept_by |= {task: prepared.levels[task.level].form for task in wave}
    trained = {(task.level, task.set) for task in kept_by}
    assert {one for level, one in trained if level == "noisy"} == {
        *SETS, *CONTROLS, *ROUNDS, *HALVES, CROSSED,
    }  # fmt: skip
    assert {one for level, one in trained if level == "calm"} == {*SETS} - {"truth"}


def test_a_model_that_knows_everything_finds_and_keeps_the_right(prepared: Prepared) -> None:
    encoder = Encoder(_Perfect(prepared), "cpu")
    for gallery in measure(encoder, prepared).values():
        for found in gallery.values():
            assert found == {"top1": 1.0, "top5": 1.0, "recall1": 1.0, "recall10": 1.0}
    level = prepared.levels["noisy"]
    found = judge(encoder, prepared, level)
    assert (found.kept == (level.form & level.right)).all()
    facts = found.facts(level)
    assert (facts["precision"], facts["recall"], facts["auc"]) == (1.0, 1.0, 1.0)
    assert facts["pairs"] == level.form.sum()


def test_a_model_that_knows_nothing_misses(prepared: Prepared) -> None:
    blind = _Perfect(prepared)
    blind.colour_K3 = torch.full((_KINDS, 3), 9.0)
    found = measure(Encoder(blind, "cpu"), prepared)["openmoji"]["en"]
    # All pictures are taken for the first, which is right once; ties are misses.
    assert found["top1"] == pytest.approx(1 / _KINDS)


@pytest.mark.slow
def test_models_are_trained_once_and_reported(
    prepared: Prepared, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(prepared, _SETTING, tmp_path, "cpu")
    found = results(tmp_path / RESULTS)
    assert len(found) == sum(map(len, waves(["calm", "noisy"])))
    everything = next(one for one in found if one["set"] == "everything")
    assert everything["pairs"] == _PAIRS
    assert everything["steps"] == _COURSE.steps
    assert np.isfinite(everything["loss"])

    capsys.readouterr()
    run(prepared, _SETTING, tmp_path, "cpu")
    assert capsys.readouterr().out == ""
    report(("calm", "noisy"), found)
    printed = capsys.readouterr().out
    for one in (*SETS, *CONTROLS, *ROUNDS, CROSSED):
        assert f"| {one} |" in printed
    assert "similarity filter, at equal number" in printed


@pytest.mark.slow
def test_results_of_another_course_are_not_mixed_in(prepared: Prepared, tmp_path: Path) -> None:
    short = replace(_SETTING, waves=1)
    run(prepared, short, tmp_path, "cpu")
    other = replace(short, course=replace(_COURSE, steps=4))
    with pytest.raises(ValueError, match="another course"):
        run(prepared, other, tmp_path, "cpu")


@pytest.mark.slow
def test_the_same_seed_gives_the_same_model(prepared: Prepared, tmp_path: Path) -> None:
    once = replace(_SETTING, waves=1)
    for name in ("one", "other"):
        run(prepared, once, tmp_path / name, "cpu")

    def facts(name: str) -> Any:
        told = results(tmp_path / name / RESULTS)
        return sorted((one["level"], one["set"], one["seed"], one["loss"]) for one in told)

    assert facts("one") == facts("other")


def test_a_copy_of_the_project_has_the_recipes_that_are_asked_for(tmp_path: Path) -> None:
    head = Head(
        name="mine", kind="aesthetic", encoder="teacher", dimension=4, file="it.pth", sha256="0f"
    )
    lay_out(tmp_path, by_similarity("teacher", (0.2, 0.1)), ["teacher"], [head])
    seeds = tmp_path / "models" / "seeds"
    told: dict[str, dict[str, str]] = {}
    for line in (seeds / "recipes.csv").read_text().splitlines():
        # The sources of others hold commas.
        recipe, like, rule, value = line.split(",", 3)
        told.setdefault(recipe, {"like": like})[rule] = value
    assert [*told][-3:] == [FORM, "bench_teacher", "bench_teacher_deduplicated"]
    form, kept, deduplicated = [*told.values()][-3:]
    assert [one["like"] for one in (form, kept, deduplicated)] == ["demo", FORM, FORM]
    assert form["similarity_model_en"] == ""
    assert kept["min_similarity_en"] == "0.2"
    assert kept["min_similarity_other"] == "0.1"
    assert [one["duplicates"] for one in (form, kept, deduplicated)] == ["none", "none", "image"]
    assert "teacher,teacher,teacher" in (seeds / "similarity_models.csv").read_text()
    assert "mine,teacher" in (seeds / "image_heads.csv").read_text()
    assert 'name = "mine"' in (tmp_path / "udfs" / "models.toml").read_text()
