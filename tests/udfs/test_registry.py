"""Models are brought by name, held against their sha256, and refused where it is another."""

from __future__ import annotations

import hashlib
import json
import re
from importlib import import_module
from pathlib import Path

import pytest

from pairlake.lake.catalog import writing
from pairlake.lake.errors import BadRequest, JobFailed
from pairlake.udfs import clip, listing, registry
from pairlake.udfs.job import ModelUnavailable
from pairlake.udfs.jobs import NAMES, find

WEIGHTS = b"weights" * 1_000
SHA256 = hashlib.sha256(WEIGHTS).hexdigest()
# What a job's file has imported whose models have files of their own.
ASK_THE_REGISTRY = ("registry", "head_job", "clip")


@pytest.fixture
def source(home: Path) -> Path:
    """A folder that stands for the server: its files go by file://."""
    folder = home / "source"
    folder.mkdir(parents=True)
    (folder / "weights").write_bytes(WEIGHTS)
    return folder


def entry(source: Path, sha256: str = SHA256) -> registry.Entry:
    return registry.Entry(
        name="mine",
        kinds=("nsfw",),
        licence="MIT",
        source=f"file://{source}/",
        files={"weights": sha256},
    )


def known(monkeypatch: pytest.MonkeyPatch, *entries: registry.Entry) -> None:
    monkeypatch.setattr(registry, "entries", lambda: {each.name: each for each in entries})


def test_a_model_is_fetched_once_and_found(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = entry(source)
    known(monkeypatch, mine)
    with pytest.raises(ModelUnavailable, match="pairlake models --fetch mine"):
        registry.path("mine", "weights")
    assert not mine.is_on_disk
    assert list(listing.fetch_model("mine"))[:1] == [f"weights has come, sha256 {SHA256}"]
    assert mine.is_on_disk
    assert registry.path("mine", "weights").read_bytes() == WEIGHTS
    (source / "weights").unlink()
    assert list(registry.fetch(mine)) == ["weights is there"]


def test_what_has_another_sha256_is_not_kept(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = entry(source, "0" * 64)
    known(monkeypatch, other)
    with pytest.raises(JobFailed, match="it is not kept"):
        list(registry.fetch(other))
    assert not list(other.folder.iterdir())


@pytest.mark.parametrize("sha256", [SHA256, ""])
def test_a_file_that_has_changed_since_is_not_used(
    sha256: str, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = entry(source, sha256)
    known(monkeypatch, mine)
    list(registry.fetch(mine))
    with registry.path("mine", "weights").open("ab") as handle:
        handle.write(b"!")
    with pytest.raises(ModelUnavailable, match="is not used; delete it"):
        registry.path("mine", "weights")


def test_a_file_that_nobody_knows_is_said_to_be_first_seen(
    source: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = entry(source, "")
    known(monkeypatch, mine)
    assert f"sha256 {SHA256}, first seen" in next(iter(registry.fetch(mine)))
    # One that was put there by hand is first seen when it is first used.
    for left in mine.folder.iterdir():
        left.unlink()
    (mine.folder / "weights").write_bytes(WEIGHTS)
    registry.path("mine", "weights")
    registry.path("mine", "weights")
    assert capsys.readouterr().err.count(f"sha256 {SHA256}, first seen") == 1
    (mine.folder / "weights").write_bytes(b"others")
    with pytest.raises(ModelUnavailable, match="is not used; delete it"):
        registry.path("mine", "weights")


def test_every_file_has_its_sha256_and_a_revision_that_does_not_change() -> None:
    """But two, which were not at hand: their revision fixes them, and the first one seen holds."""
    fixed = re.compile("/[0-9a-f]{40}/")
    without = []
    for each in registry.entries().values():
        assert not each.files or fixed.search(each.source), each.name
        without += [f"{each.name}/{file}" for file, sha256 in each.files.items() if not sha256]
    assert without == [f"ViT-{size}/openai/{clip.CONFIG}" for size in ("B-32", "L-14")]


def test_what_is_fetched_again_is_what_it_was(source: Path) -> None:
    """The registry has no sha256 of it; the first one holds."""
    mine = entry(source, "")
    list(registry.fetch(mine))
    (mine.folder / "weights").unlink()
    (source / "weights").write_bytes(b"others")
    with pytest.raises(JobFailed, match=r"delete .*weights\.sha256 and fetch it again"):
        list(registry.fetch(mine))
    assert not mine.is_on_disk
    (source / "weights").write_bytes(WEIGHTS)
    list(registry.fetch(mine))
    assert mine.is_on_disk


def test_a_model_that_is_not_in_the_registry_is_held_to_its_notes(source: Path) -> None:
    mine = entry(source, "")
    list(registry.fetch(mine))
    registry.check("mine", mine.folder)
    (mine.folder / "weights").write_bytes(b"others")
    with pytest.raises(ModelUnavailable, match="is not used"):
        registry.check("mine", mine.folder)


def test_what_cannot_be_had_leaves_nothing(source: Path) -> None:
    (source / "weights").unlink()
    with pytest.raises(JobFailed, match="cannot be reached, or broke off"):
        list(registry.fetch(entry(source)))
    assert not list(entry(source).folder.iterdir())


def test_a_model_of_a_package_is_not_fetched(home: Path) -> None:
    with pytest.raises(BadRequest, match="comes with the package cld3-py"):
        list(listing.fetch_model("cld3"))


def test_open_clips_own_models_go_by_their_names(home: Path) -> None:
    found = clip.published("ViT-B-16/laion2b_s34b_b88k")
    assert (
        found.source == "https://huggingface.co/laion/CLIP-ViT-B-16-laion2B-s34B-b88K/resolve/main/"
    )
    assert set(found.files) == {clip.CONFIG, clip.WEIGHTS}
    with pytest.raises(BadRequest, match="No model is called"):
        clip.published("ViT-B-16/nobody")


def test_a_text_tower_by_transformers_comes_with_its_tokenizer_and_its_make(home: Path) -> None:
    name = "xlm-roberta-base-ViT-B-32/laion5b_s13b_b90k"
    assert set(clip.published(name).files) == {clip.CONFIG, clip.WEIGHTS}
    folder = clip.published(name).folder
    folder.mkdir(parents=True)
    text = {"hf_model_name": "roberta", "hf_tokenizer_name": "roberta"}
    (folder / clip.CONFIG).write_text(json.dumps({"model_cfg": {"text_cfg": text}}))
    found = clip.published(name)
    assert set(found.files) == {clip.CONFIG, clip.WEIGHTS, *clip.TOKENIZER, clip.TOWER}
    assert found.elsewhere == {
        clip.TOWER: "https://huggingface.co/roberta/resolve/main/config.json"
    }


def test_the_registry_knows_what_every_job_can_do(home: Path) -> None:
    kinds = {kind for each in registry.entries().values() for kind in each.kinds}
    jobs = {name: vars(import_module(f"pairlake.udfs.{name}")) for name in NAMES}
    # Of others, all of the model stands in the job's file.
    asks = {name for name, has in jobs.items() if has.keys() & {*ASK_THE_REGISTRY}}
    assert {find(name).kind for name in asks} | {"image_hash", "watermark"} <= kinds
    for each in registry.entries().values():
        assert bool(each.files) != bool(each.package), each.name
        assert each.licence, each.name
        assert each.source, each.name
        assert all(len(sha256) in (0, 64) for sha256 in each.files.values())


def test_a_model_that_stands_in_its_jobs_file_needs_no_fetching(home: Path) -> None:
    with writing() as con:
        con.execute("create schema lake.intermediate")
        con.execute(
            "create view lake.intermediate.int_recipe_models as select 'laplacian' as name, "
            "'sharpness' as kind, null::varchar as model_id"
        )
    assert list(listing.fetch_wanted()) == ["laplacian is there"]
    row = next(line for line in listing.listed() if line.startswith("laplacian "))
    assert row.split() == ["laplacian", "yes", "yes"]


def test_the_list_says_what_is_on_disk(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = entry(source)
    known(monkeypatch, mine)
    assert "yes" not in list(listing.listed())[1]
    list(registry.fetch(mine))
    assert "yes" in list(listing.listed())[1]
