"""The rules of the house, over dbt's manifest and the sources."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from dbt.cli.main import dbtRunner

from pairlake.lake.project import ROOT
from pairlake.lake.tables import TABLES
from pairlake.udfs.job import RATINGS
from pairlake.udfs.jobs import AFTER_FETCH, BEFORE_FETCH, NAMES, find
from tests.macro import ratings
from tests.reasons import reasons
from tests.verdicts_in_python import numbers_beside_scores, reasons_in_sql

Manifest = dict[str, Any]


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    target = tmp_path_factory.mktemp("target")
    where = ["--project-dir", str(ROOT), "--profiles-dir", str(ROOT)]
    paths = ["--target-path", str(target), "--log-path", str(target)]
    assert dbtRunner().invoke(["--quiet", "parse", *where, *paths]).success
    loaded: Manifest = json.loads((target / "manifest.json").read_text())
    return loaded


def _models(manifest: Manifest, folder: str | None = None) -> list[Manifest]:
    models = [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]
    assert models
    return [model for model in models if folder is None or model["fqn"][1] == folder]


def _tests_of(manifest: Manifest, model: Manifest) -> set[tuple[str, str | None]]:
    return {
        (node["test_metadata"]["name"], node["column_name"])
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test"
        and node.get("test_metadata")
        and node["attached_node"] == model["unique_id"]
    }


def test_sources_are_the_tables_that_python_owns(manifest: Manifest) -> None:
    sources = {
        f"{source['schema']}.{source['name']}": {
            name: column["data_type"] for name, column in source["columns"].items()
        }
        for source in manifest["sources"].values()
    }
    assert sources == TABLES


def test_every_column_of_a_source_is_described(manifest: Manifest) -> None:
    bare = [
        f"{source['name']}.{name}"
        for source in manifest["sources"].values()
        for name, column in source["columns"].items()
        if not column["description"]
    ]
    assert bare == []


def test_staging_reads_one_source_and_nothing_else_does(manifest: Manifest) -> None:
    rated = [f"source.pairlake.enriched.{each['table']}" for each in ratings()]
    for model in _models(manifest):
        parents = model["depends_on"]["nodes"]
        sources = [parent for parent in parents if parent.startswith("source.")]
        if model["name"] == "stg_enriched__ratings":
            assert parents == rated
        elif model["fqn"][1] == "staging":
            assert (len(parents), len(sources)) == (1, 1), model["name"]
        else:
            assert sources == [], model["name"]


def test_marts_read_no_staging(manifest: Manifest) -> None:
    staging = {model["unique_id"] for model in _models(manifest, "staging")}
    for mart in _models(manifest, "marts"):
        assert not staging & set(mart["depends_on"]["nodes"]), mart["name"]


def test_every_model_says_its_grain(manifest: Manifest) -> None:
    silent = [m["name"] for m in _models(manifest) if "One row per" not in m["description"]]
    assert silent == []


def test_every_mart_has_a_contract_a_key_and_described_columns(manifest: Manifest) -> None:
    for mart in _models(manifest, "marts"):
        assert mart["config"]["contract"]["enforced"], mart["name"]
        assert mart["columns"], mart["name"]
        assert all(column["description"] for column in mart["columns"].values()), mart["name"]
        names = {name for name, _ in _tests_of(manifest, mart)}
        assert names & {"unique", "unique_combination"}, mart["name"]
        assert "not_null" in names, mart["name"]


def test_every_job_has_its_exposure_and_every_exposure_of_a_job_its_job(
    manifest: Manifest,
) -> None:
    jobs = {name: [find(name).worklist] for name in NAMES}
    rated = {each["table"] for each in ratings()}
    assert {name for name, reads in jobs.items() if reads == [RATINGS]} == rated
    exposed = _exposures(manifest)
    models = {n: reads for n, (kind, reads) in exposed.items() if kind == "ml"}
    assert models.pop("ratings") == [RATINGS]
    assert models == {name: reads for name, reads in jobs.items() if name not in rated}
    # Nobody else has a worklist: this one stands in ingest, and is no model of a UDF.
    assert exposed["fetch"][1] == ["int_urls_awaiting_download"]
    worklists = {model["name"] for model in _models(manifest) if "_awaiting_" in model["name"]}
    assert worklists == {name for _, reads in exposed.values() for name in reads} & worklists


def test_every_job_declares_what_its_ratings_are_listed_by() -> None:
    for rating in ratings():
        job = find(rating["table"])
        assert job.kind == rating["kind"]
        assert job.keys == tuple(rating["key"])
        assert job.values == {rating["score"]: "FLOAT"}


def test_every_job_runs_and_nothing_else_is_named_as_one() -> None:
    assert {*BEFORE_FETCH, *AFTER_FETCH} == set(NAMES)
    # Each defines what a job has to, or `find` says what it lacks.
    assert [find(name).name for name in NAMES] == list(NAMES)


def test_every_worklist_that_reads_pixels_is_a_part_of_what_pictures_lack(
    manifest: Manifest,
) -> None:
    readers = {
        model["name"]
        for model in _models(manifest, "intermediate")
        if "model.pairlake.stg_raw__image_pixels" in model["depends_on"]["nodes"]
    }
    # So a new worklist is held by int_images_settled too, and by what is asked for again.
    asks_whether_there_are_pixels = {"int_pairs_described", "int_pairs_measured_live"}
    assert readers == {
        "int_images_unscored", "int_images_settled", *asks_whether_there_are_pixels
    }  # fmt: skip


def test_exposures_name_all_that_serve_reads_and_every_mart(manifest: Manifest) -> None:
    exposed = {name for _, reads in _exposures(manifest).values() for name in reads}
    tables = re.compile(r"\blake\.(?:marts|intermediate|staging|seeds)\.(\w+)")
    read = {
        name for path in (ROOT / "serve").rglob("*.py") for name in tables.findall(path.read_text())
    }
    # A hook of dbt writes it, not a model.
    read.remove("int_build_failures")
    assert read | {mart["name"] for mart in _models(manifest, "marts")} <= exposed


def _exposures(manifest: Manifest) -> dict[str, tuple[str, list[str]]]:
    """Of each exposure by name: its type, and the names of what it reads."""
    return {
        exposure["name"]: (
            exposure["type"],
            [node.rsplit(".", 1)[1] for node in exposure["depends_on"]["nodes"]],
        )
        for exposure in manifest["exposures"].values()
    }


def test_every_var_is_used_and_every_used_var_is_declared() -> None:
    import yaml

    declared = set(yaml.safe_load((ROOT / "dbt_project.yml").read_text())["vars"]["pairlake"])
    files = [path for folder in ("models", "macros") for path in (ROOT / folder).rglob("*.sql")]
    sql = "\n".join(path.read_text() for path in files)
    used = set(re.findall(r"""\bvar\(\s*["'](\w+)""", sql)) - {"recipe"}
    assert declared - {"recipe"} == used


def test_no_threshold_stands_in_python() -> None:
    scores = {"similarity", "pair_similarity", *(rating["score"] for rating in ratings())}
    found = {
        f"{path.relative_to(ROOT)}: {each}"
        for path in _sources()
        for each in numbers_beside_scores(path.read_text(), scores)
    }
    # What a filter may look like, as people are told.
    example = "aesthetic_score >= 5"
    told_in = ("pairlake/commands/questions.py", "serve/search/filters.py")
    assert found == {f"{file}: {example}" for file in told_in}


def test_no_sql_in_python_names_a_reason() -> None:
    names = {each.reason for each in reasons()}
    found = {path: reasons_in_sql(path.read_text(), names) for path in _sources()}
    assert {path: each for path, each in found.items() if each} == {}


def _sources() -> list[Path]:
    folders = ("lake", "ingest", "udfs", "serve", "demo", "pairlake/commands")
    sources = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    # What else stands in the package's folder are links to these.
    return [*sources, *(ROOT / "pairlake").glob("*.py")]


def test_nothing_names_a_registry_or_this_machine() -> None:
    # Spelled in pieces, so that this file does not hold what it looks for.
    words = ["pypi" + r"\.org", "python" + "hosted", r"(?<![\w.])/wo" + "rk/"]
    forbidden = re.compile("|".join(words))
    for path in _tracked_text_files():
        assert not forbidden.search(path.read_text()), path


def _tracked_text_files() -> list[Path]:
    import subprocess

    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    ).stdout.decode()
    texts = {".py", ".sql", ".yml", ".md", ".csv", ".toml", ".html", ".css", ".js", ".json", ""}
    paths = [ROOT / name for name in listed.split("\0") if name]
    return [path for path in paths if path.suffix in texts and path.is_file()]
