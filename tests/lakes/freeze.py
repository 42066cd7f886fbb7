"""Freezes a small lake of today, for tests of later versions: `python -m tests.lakes.freeze`.

It lands in a folder named by pairlake's version: the catalog, the Parquet files, and the verdicts
that a build of that version comes to.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Sequence
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

import pytest

from pairlake.lake.catalog import connect
from pairlake.lake.dbt_plugin import build_dataset
from pairlake.lake.erasure import erase_takedowns
from pairlake.lake.maintain import tidy
from pairlake.lake.settings import settings
from pairlake.lake.tables import TABLES
from tests.lakes import world

LAKES = Path(__file__).parent
# It looks for duplicates of each kind; recipe_comparison counts what the others say.
RECIPE = "demo_near"
# A catalog names the folder of its files. This one is nowhere, so that nothing writes there.
NOWHERE = "/lake/tables/"
# What hangs on more than the verdicts, by relation.
EXCLUDED = {
    # A hash over all columns, which 0.1.0 had.
    "marts.pairs": ("fingerprint",),
    # Words of a seed.
    "marts.conformance": ("source",),
}


def freeze(folder: Path) -> None:
    """Make a lake in which some has been built and some has not, and write it to `folder`."""
    with tempfile.TemporaryDirectory() as home, pytest.MonkeyPatch.context() as patch:
        patch.setenv("PAIRLAKE_HOME", home)
        patch.setenv("PAIRLAKE_RECIPE", RECIPE)
        world.land_first()
        build_dataset()
        erase_takedowns()
        build_dataset(anew=True)
        tidy(leave_no_trace=True)
        world.land_later()
        _check_filled()
        _copy(folder)
        build_dataset()
        _write_verdicts(folder / "verdicts")


def thaw(folder: Path, home: Path) -> None:
    """Copy a frozen lake to the home of a lake, with the catalog's word for where it lies."""
    shutil.copytree(folder / "tables", home / "tables")
    shutil.copy(folder / "catalog.sqlite", home)
    _move(home / "catalog.sqlite", to=f"{home}/tables/")


def as_text(relation: str, columns: Sequence[str]) -> str:
    """The query for columns of a relation of the lake, all as text."""
    texts = ", ".join(f'"{name}"::varchar as "{name}"' for name in columns)
    return f"select {texts} from lake.{relation} order by all"


def _check_filled() -> None:
    con = connect(read_only=True)
    empty = [name for name in TABLES if not con.execute(f"from lake.{name} limit 1").fetchall()]
    con.close()
    if empty:
        raise SystemExit(f"Nothing of {', '.join(empty)} would be frozen; add it to world.py.")


def _copy(folder: Path) -> None:
    home = settings().home
    shutil.copytree(home / "tables", folder / "tables")
    with closing(sqlite3.connect(home / "catalog.sqlite")) as catalog:
        catalog.execute("vacuum into ?", [str(folder / "catalog.sqlite")])
    _move(folder / "catalog.sqlite", to=NOWHERE)


def _move(catalog: Path, *, to: str) -> None:
    with closing(sqlite3.connect(catalog)) as connection:
        connection.execute("update ducklake_metadata set value = ? where key = 'data_path'", [to])
        connection.commit()
        # Where it was before is not to stand in what SQLite leaves free.
        connection.execute("vacuum")
        # As each lake has it, and `vacuum into` does not; a reader could not change it.
        connection.execute("pragma journal_mode = wal")


def _write_verdicts(folder: Path) -> None:
    folder.mkdir()
    con = connect(read_only=True)
    marts = con.execute(
        "select 'marts.' || table_name from duckdb_tables() where schema_name = 'marts'"
    ).fetchall()
    for relation in ("intermediate.int_pairs_judged", *(mart for (mart,) in marts)):
        present = con.sql(f"from lake.{relation}").columns
        columns = [name for name in present if name not in EXCLUDED.get(relation, ())]
        con.execute(f"copy ({as_text(relation, columns)}) to '{folder / relation}.csv' (header)")
    con.close()


if __name__ == "__main__":
    target = LAKES / version("pairlake")
    if target.exists():
        raise SystemExit(f"{target} is there already: what is frozen stays as it is.")
    freeze(target)
    print(f"{target}: {sum(1 for _ in target.rglob('*'))} files")
