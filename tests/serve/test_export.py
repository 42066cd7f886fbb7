"""An export has the columns of LAION's joined table, and is written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from lake.errors import PairlakeError, TableMissing
from serve.export import export
from tests.serve.conftest import APPLE, POMME, Mart


def test_columns_are_those_of_laions_joined_release(mart: Mart, tmp_path: Path) -> None:
    mart.keep(APPLE, POMME)
    assert export(tmp_path / "pairs.parquet", split=None) == 2

    table = pq.read_table(tmp_path / "pairs.parquet")

    assert {field.name: str(field.type) for field in table.schema} == {
        "URL": "string",
        "TEXT": "string",
        "WIDTH": "int32",
        "HEIGHT": "int32",
        "similarity": "double",
        "LANGUAGE": "string",
        "hash": "int64",
        "pwatermark": "float",
        "punsafe": "float",
    }
    assert sorted(table["TEXT"].to_pylist()) == [APPLE.caption, POMME.caption]


def test_one_split(mart: Mart, tmp_path: Path) -> None:
    mart.keep(APPLE, POMME)
    assert export(tmp_path / "multi.parquet", split="multi") == 1
    table = pq.read_table(tmp_path / "multi.parquet")
    assert table["LANGUAGE"].to_pylist() == ["fr"]


def test_a_failure_leaves_the_last_export_as_it_was(home: Path, tmp_path: Path) -> None:
    (tmp_path / "pairs.parquet").write_bytes(b"the last one")
    with pytest.raises(TableMissing, match="run: dbt build"):
        export(tmp_path / "pairs.parquet", split=None)
    assert (tmp_path / "pairs.parquet").read_bytes() == b"the last one"
    assert not list(tmp_path.glob(".*.partial"))


@pytest.mark.parametrize("destination", ["missing/pairs.parquet", "."])
def test_a_destination_that_cannot_be_written_is_named(
    mart: Mart, tmp_path: Path, destination: str
) -> None:
    with pytest.raises(PairlakeError, match="cannot be written: give a file"):
        export(tmp_path / destination, split=None)
