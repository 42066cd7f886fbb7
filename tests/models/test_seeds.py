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
    return con.from_arrow(table).project(", ".join(f"{n}::{t} as {n}" for n, t in types)).fetchall()


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
    _edit(files["recipes"], ",en,5,", ",en,five,")
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
    assert 'column "min_caption_chars". Could not convert string "five"' in told
    assert "Expected Number of Columns: 3 Found: 2" in told
    assert str(files["recipes"]) in told
    with connect() as con:
        for name in ("image_heads", "recipes", "similarity_models"):
            assert _held(con, name) == before.pop(name)
        assert {name: _held(con, name) for name in before} == {
            name: _written(con, files[name]) for name in before
        }
        assert _held(con, "blocked_domains")[0][:2] == (2026, "blocked.example")
