"""Seeds hold what their files say, and what they held where a file cannot be read."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from pairlake.lake.catalog import connect
from pairlake.lake.dbt_plugin import run_dbt
from pairlake.lake.errors import JobFailed
from pairlake.lake.project import lay_out


@pytest.fixture
def seeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of seeds in a copy of the project, which dbt reads from now on."""
    project = tmp_path / "it's a copy"
    lay_out(project)
    monkeypatch.chdir(project)
    return project / "models" / "seeds"


def _held(con: duckdb.DuckDBPyConnection, name: str) -> list[tuple[Any, ...]]:
    return con.execute(f"from lake.seeds.{name}").fetchall()


def _written(con: duckdb.DuckDBPyConnection, file: Path) -> list[tuple[Any, ...]]:
    """The rows of a seed's file, as Python reads it, in the types of its table."""
    with file.open(newline="", encoding="utf-8-sig") as handle:
        header, *lines = csv.reader(handle)
    columns = con.sql(f"from lake.seeds.{file.stem}")
    assert columns.columns == header
    texts = [[line[number] or None for line in lines] for number in range(len(header))]
    table = pa.table([pa.array(text, pa.string()) for text in texts], names=header)
    types = zip(header, columns.types, strict=True)
    cast = ", ".join(f'"{name}"::{type_} as "{name}"' for name, type_ in types)
    return con.from_arrow(table).project(cast).fetchall()


def _edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new), newline="")


# agate, by which dbt reads a seed before it is loaded, says so beside our error.
@pytest.mark.filterwarnings("ignore:.* does not match the name of any column:RuntimeWarning")
def test_a_seed_is_replaced_as_its_file_says_or_not_at_all(seeds: Path) -> None:
    run_dbt("run", "--select", "stg_raw__takedowns")
    with connect() as con:
        files = {file.stem: file for file in seeds.glob("*.csv")}
        before = {name: _held(con, name) for name in files}
        assert before == {name: _written(con, file) for name, file in files.items()}

    _edit(files["image_heads"], "head,image_encoder", "head,encoder")
    _edit(files["laion_5b_shape"], ",0.3863,", ",five,")
    _edit(files["similarity_models"], "mini_clip,mini_clip,", "mini_clip,")
    _edit(files["download_outcomes"], "\n", "\r\n")
    _edit(files["unsafe_keywords"], "keyword", "\ufeffkeyword")
    _edit(files["blocked_domains"], "domain,", "since,domain,")
    _edit(files["blocked_domains"], "blocked.example", "2026,blocked.example")
    with pytest.raises(JobFailed) as failed:
        run_dbt("seed")
    told = str(failed.value)
    assert "failed at 3 places" in told
    assert "models/seeds/image_heads.csv has no column image_encoder" in told
    assert "CSV Error on Line: 3" in told
    assert 'column "published". Could not convert string "five"' in told
    assert "Expected Number of Columns: 3 Found: 2" in told
    assert str(files["laion_5b_shape"]) in told
    with connect() as con:
        for name in ("image_heads", "laion_5b_shape", "similarity_models"):
            assert _held(con, name) == before.pop(name)
        assert {name: _held(con, name) for name in before} == {
            name: _written(con, files[name]) for name in before
        }
        assert _held(con, "blocked_domains")[0][:2] == (2026, "blocked.example")


def test_recipes_of_before_are_loaded_anew_by_run_too_and_mistakes_change_nothing(
    seeds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connect() as con:
        con.execute("create schema lake.seeds")
        con.execute(
            "create table lake.seeds.recipes as select 'mine' as recipe, 'url' as duplicates"
        )
    run_dbt("run", "--select", "+int_selected_recipe")
    with connect() as con:
        recipes = _held(con, "recipes")
        assert recipes == _written(con, seeds / "recipes.csv")
        wide = con.execute("from lake.intermediate.int_recipes").fetchall()
        assert {row[0] for row in wide} == {row[0] for row in recipes}

    _edit(seeds / "recipes.csv", "demo,,min_caption_chars,5", "demo,,min_caption_char,5")
    with pytest.raises(JobFailed) as failed:
        run_dbt("build", "--select", "+int_selected_recipe", "--exclude-resource-type", "unit_test")
    sentence = "The recipe demo: there is no rule 'min_caption_char': write min_caption_chars."
    assert "dbt build failed at 1 places: int_recipes:" in str(failed.value)
    assert sentence in str(failed.value)
    with pytest.raises(JobFailed, match="there is no rule 'min_caption_char'"):
        run_dbt("run", "--select", "+int_selected_recipe")
    with connect() as con:
        assert con.execute("from lake.intermediate.int_recipes").fetchall() == wide

    # dbt by itself, as someone types it, asks nobody whether the recipe is known.
    monkeypatch.setattr("pairlake.lake.dbt_plugin.check_known", lambda: None)
    (seeds / "recipes.csv").write_text("recipe,source,duplicates\nmine,me,url\n")
    for command in ("build", "run"):
        with pytest.raises(JobFailed, match=r"column for each rule, .*run: pairlake recipes"):
            run_dbt(command, "--select", "int_recipes")
