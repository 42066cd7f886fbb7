"""A job is found by its file, and runs where what it reads has been made."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow as pa
import pytest
import yaml
from click.testing import CliRunner
from jinja2 import Environment

from pairlake.commands import main
from pairlake.lake.declared import declared
from pairlake.lake.errors import BadJob
from pairlake.lake.project import ROOT
from pairlake.lake.tables import _of_job
from pairlake.udfs import jobs
from pairlake.udfs.job import RATINGS
from pairlake.udfs.jobs import AFTER_FETCH, BEFORE_FETCH, JOB_FILES, find, unlike_its_entry
from tests.ingest.drawn import JPEG
from tests.macro import ratings


def test_each_job_runs_after_those_whose_rows_it_reads() -> None:
    assert BEFORE_FETCH == ("caption_languages",)
    place = AFTER_FETCH.index("pair_similarities")
    before, after = set(AFTER_FETCH[:place]), set(AFTER_FETCH[place + 1 :])
    assert before == {"caption_embeddings", "image_embeddings", "image_hashes"}
    # Of the pictures that their similarity keeps, heads want the larger encoder's embeddings.
    assert AFTER_FETCH[place + 1] == "image_embeddings"
    assert AFTER_FETCH[-1] == "image_neighbours"
    assert after >= {
        "image_embeddings", "image_nsfw", "image_watermarks", "image_aesthetics",
        "image_inappropriate", "caption_toxicity", "image_neighbours",
    }  # fmt: skip


def test_to_name_all_jobs_or_have_one_imports_no_other() -> None:
    program = (
        "import sys; from pairlake.udfs.jobs import NAMES, find; {}; "
        "print(*(name for name in NAMES if f'pairlake.udfs.{{name}}' in sys.modules))"
    )
    for asked, imported in (("NAMES", ""), ("find('image_hashes')", "image_hashes")):
        done = subprocess.run(
            [sys.executable, "-c", program.format(asked)],
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == imported


def _shown(language: str) -> list[str]:
    """What the page of scores shows in a language."""
    page = (ROOT / "docs" / "scores.md").read_text()
    return re.findall(rf"^```{language}\n(.+?)^```", page, re.MULTILINE | re.DOTALL)


@pytest.fixture
def file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The job on the page of scores, as one of udfs/."""
    program, _ = _shown("python")
    file = tmp_path / "image_sharpness.py"
    file.write_text(program)
    module = ModuleType("image_sharpness")
    exec(program, vars(module))  # noqa: S102 - our own page
    monkeypatch.setitem(JOB_FILES, file.stem, file)
    monkeypatch.setitem(sys.modules, f"pairlake.udfs.{file.stem}", module)
    return file


def test_the_job_on_the_page_of_scores_is_one(file: Path) -> None:
    assert (declared(file, "keys"), declared(file, "values")) == (
        ("image_id",),
        {"sharpness": "FLOAT"},
    )
    job = find("image_sharpness")
    assert (job.worklist, job.stages) == (RATINGS, ("rate",))
    batch = pa.record_batch({"image_id": ["a", "b"], "pixels": [JPEG, b"broken"]})
    rows = job.load(job.identify("laplacian"))(batch)
    assert rows["outcome"].to_pylist() == ["ok", "pixels_unreadable"]
    assert rows["sharpness"][0].as_py() > 0


def test_of_captions_that_page_has_a_load_too() -> None:
    program, load = _shown("python")
    names: dict[str, Any] = {}
    exec(program + load, names)  # noqa: S102
    batch = pa.record_batch({"caption_id": ["a"], "caption": ["R2D2"]})
    assert names["load"](names["identify"]("laplacian"))(batch).to_pylist() == [
        {"caption_id": "a", "outcome": "ok", "letters": 0.5}
    ]


def test_what_stands_beside_the_job_on_that_page_is_as_its_file(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [written], [rows], [columns, source] = map(_shown, ("jinja", "csv", "yaml"))
    entry = Environment(autoescape=True).compile_expression(written.strip().rstrip(","))()
    assert list(entry) == list(ratings()[0])
    monkeypatch.setattr(jobs, "ratings", lambda at: [entry])
    assert unlike_its_entry(find("image_sharpness")) is None
    assert [row.split(",")[2] for row in rows.splitlines()] == [
        "source", "sharpness_model", *entry["rules"]
    ]  # fmt: skip
    assert [each["name"] for each in yaml.safe_load(columns)] == ["sharpness", "sharpness_model_id"]
    [table] = yaml.safe_load(source)
    assert table["name"] == entry["table"]
    types = {each["name"]: each["data_type"] for each in table["columns"]}
    assert types == _of_job(file)


def test_a_file_that_is_no_job_is_told_what_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(JOB_FILES, "image_made_up", Path("udfs/image_made_up.py"))
    made_up = ModuleType("image_made_up")
    vars(made_up).update(kind="made_up", keys=("image_id",), values={}, load=print)
    monkeypatch.setitem(sys.modules, "pairlake.udfs.image_made_up", made_up)
    with pytest.raises(BadJob, match=r"^udfs/image_made_up\.py lacks read, identify; "):
        find("image_made_up")


def test_each_rating_is_as_its_entry_has_it() -> None:
    assert [unlike_its_entry(find(name)) for name in JOB_FILES] == [None] * len(JOB_FILES)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            {"kind": "nfsw"},
            r"image_nsfw\.py: `kind` is 'nfsw', and not 'nsfw', as its entry in mac",
        ),
        (
            {"keys": ("pair_id",)},
            r": `keys` is \('pair_id',\), and not \('image_id',\), as its ent",
        ),
        (
            {"values": {"nsfw": "FLOAT"}},
            "`values` has nsfw, and not punsafe, as its entry in macros",
        ),
        (
            {"name": "image_hashes"},
            "ratings.sql has no entry with the table 'image_hashes'; add one",
        ),
    ],
)
def test_a_job_that_is_not_as_its_entry_is_told(given: dict[str, Any], sentence: str) -> None:
    told = unlike_its_entry(replace(find("image_nsfw"), **given))
    assert re.search(sentence, told or "")
    assert str(told).endswith("then run: dbt build")


def test_enrich_tells_of_a_job_without_an_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "ratings", lambda at: [])
    done = CliRunner().invoke(main, ["enrich", "image_nsfw"])
    assert done.exit_code == 1
    assert "image_nsfw.py: macros/ratings.sql has no entry with the table" in done.output


def test_a_stage_that_there_is_not_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "image_made_up.py"
    file.write_text('stages = ("ratings",)\n')
    monkeypatch.setitem(JOB_FILES, "image_made_up", file)
    with pytest.raises(BadJob, match=r"made_up\.py: `stages` is \('ratings',\); .* rate, match"):
        jobs._stages("image_made_up")
