"""A training that was stopped goes on where it was, and ends with the weights of one in one go."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from pairlake.udfs.watermark.weights import WEIGHTS
from tests.udfs.test_watermark import LETTERS
from training.watermark import train as training
from training.watermark.lettering import held_out
from training.watermark.pictures import Scenes, Source, load_tested, load_trained
from training.watermark.samples import (
    PLAIN,
    Sample,
    Task,
    World,
    draw_all,
    is_mark,
    training_batch,
)
from training.watermark.train import Trainer, Training, train

_SCENES = Scenes([Source(name="noise", pictures=[Image.effect_noise((96, 96), 60).convert("RGB")])])
WORLD = World(scenes=_SCENES, letters=LETTERS)


def _run(out: Path) -> Training:
    """Eight steps of four pictures; the learning rate falls in the last two."""
    return Training(out=out, samples=32, batch_size=4, warmup_steps=2, processes=0, saved_steps=3)


@pytest.fixture(autouse=True, scope="module")
def _small() -> Iterator[None]:
    # As the card says to train; two threads for such small pictures only wait for each other.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(training, "SMALL_SIZES", [(96, 80), (80, 96)])
        patched.setattr(training, "TRAINING_SIZES", [(112, 96)])
        yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The weights of a training in one go."""
    out = tmp_path_factory.mktemp("whole")
    train(_run(out), WORLD)
    return (out / WEIGHTS.name).read_bytes()


def _stop_before(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    learn = Trainer.learn

    def stopping(trainer: Trainer, batch: Sequence[Sample]) -> tuple[float, float]:
        if trainer.step == step:
            raise KeyboardInterrupt
        return learn(trainer, batch)

    monkeypatch.setattr(Trainer, "learn", stopping)


@pytest.mark.parametrize("step", [2, 5, 7])
def test_a_stopped_training_goes_on_to_the_same_weights(
    step: int,
    whole: bytes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with monkeypatch.context() as patched:
        _stop_before(step, patched)
        with pytest.raises(KeyboardInterrupt):
            train(_run(tmp_path), WORLD)
    weights = tmp_path / WEIGHTS.name
    assert not weights.exists()
    train(_run(tmp_path), WORLD)
    assert f"{step // 3 * 3} of 8 steps are done" in capsys.readouterr().out
    assert weights.read_bytes() == whole
    # What is finished says so, and learns no more.
    weights.unlink()
    monkeypatch.setattr(Trainer, "learn", None)
    train(_run(tmp_path), WORLD)
    assert "8 of 8 steps are done" in capsys.readouterr().out
    assert weights.read_bytes() == whole


def test_how_many_samples_can_be_decided_until_the_learning_rate_falls(
    whole: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = _run(tmp_path / "parts")
    with monkeypatch.context() as patched:
        _stop_before(4, patched)
        with pytest.raises(KeyboardInterrupt):
            train(replace(run, samples=64), WORLD)
    train(run, WORLD)
    assert (run.out / WEIGHTS.name).read_bytes() == whole
    with pytest.raises(SystemExit, match="other settings"):
        train(replace(run, samples=64), WORLD)
    with pytest.raises(SystemExit, match="other settings"):
        train(replace(run, seed=8), WORLD)


# Another test of this process may have imported it; those that draw use nothing of it.
@pytest.mark.filterwarnings("ignore:lance is not fork-safe")
def test_processes_draw_the_same_and_not_far_ahead() -> None:
    tasks = training_batch((96, 80), 80, random.Random(1))
    drawn = draw_all(tasks, WORLD, processes=0)
    asked = 0

    def endless() -> Iterator[Task]:
        nonlocal asked
        while True:
            for task in tasks:
                asked += 1
                yield task

    beside = draw_all(endless(), WORLD, processes=1)
    assert [one.jpeg for one in drawn] == [next(beside).jpeg for _ in tasks]
    beside.close()
    assert asked < 2000


def test_a_batch_is_half_marked_on_the_same_scenes() -> None:
    tasks = training_batch((64, 64), 400, random.Random(1))
    pairs = list(zip(tasks[::2], tasks[1::2], strict=True))
    assert all(one.seed == other.seed for one, other in pairs)
    assert all(is_mark(one.style) and not is_mark(other.style) for one, other in pairs)
    assert 0.3 < sum(other.style == PLAIN for _, other in pairs) / len(pairs) < 0.5


def test_no_picture_is_both_learnt_from_and_measured_on(tmp_path: Path) -> None:
    free, other = tmp_path / "free" / "set", tmp_path / "other" / "set"
    free.mkdir(parents=True)
    other.mkdir(parents=True)
    rng = random.Random(3)
    for number in range(40):
        name = f"{''.join(rng.choices('abcdefgh', k=6))}.png"
        picture = Image.frombytes("RGB", (40, 40), rng.randbytes(4800))
        for folder in (free, other) if number % 2 else (other,):
            picture.save(folder / name)
    measured = next(file for file in other.iterdir() if held_out(f"set/{file.stem}", 0.2))
    assert not held_out("set/copy", 0.2)
    (free / "copy.png").write_bytes(measured.read_bytes())
    trained, tested = load_trained([free], [other]), load_tested([other])
    sides = [
        {picture.tobytes() for source in side.sources for picture in source.pictures}
        for side in (trained, tested)
    ]
    assert Image.open(measured).tobytes() in sides[1]
    assert len(sides[0]) > 10
    assert not sides[0] & sides[1]
