"""Tells of what the dataset was built, and whether that is what the lake holds now."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import duckdb

from pairlake.lake.catalog import connect, rows
from pairlake.lake.identity import METADATA
from pairlake.lake.project import project
from pairlake.lake.settings import settings
from pairlake.lake.tables import TABLES

# What is noted of a state: all was built of it, and published, and no job had anything to do.
Note = Literal["built", "published", "settled"]
# How many rows each of Python's tables was ever given, those that an update wrote among them, and
# which table it is: the change feed of one that was replaced does not say what the old one had.
_WRITTEN = f"""
select
    schemas.schema_name || '.' || tables.table_name,
    coalesce(stats.record_count, 0),
    tables.table_id
from {METADATA}ducklake_table as tables
inner join {METADATA}ducklake_schema as schemas on tables.schema_id = schemas.schema_id
left join {METADATA}ducklake_table_stats as stats on tables.table_id = stats.table_id
where tables.end_snapshot is null and schemas.schema_name in ('raw', 'enriched')
"""
_NEWEST = f"""
select snapshot_id, snapshot_time::varchar
from {METADATA}ducklake_snapshot
order by snapshot_id desc limit 1
"""


def landed_so_far(con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Of each table of Python's, what changes when its rows do; a merge of files changes nothing.

    With the versions that made them, as `release`. macros/stamps.sql goes by it.
    """
    known = {name: counted for name, *counted in con.execute(_WRITTEN).fetchall()}
    landed = {"release": f"{version('pairlake')} {duckdb.__version__}"}
    for table in TABLES:
        (now,) = con.execute(f"select count(*) from lake.{table}").fetchone() or (0,)
        written, table_id = known[table]
        # Without a comment, and else as macros/stamps.sql has it of dbt's own.
        landed[table] = f":{written}:{now}:{table_id}"
    return landed


def dataset_is_current(now: str | None = None) -> bool:
    """Whether the dataset was built of all that the lake holds now, by the models as they are now.

    It goes by what the catalog has counted and the files hold, and not by any clock; `now` is
    `state()` where that is known. On Postgres nobody can say: another machine may have built it by
    models of its own.
    """
    if not is_noted("built", now):
        return False
    try:
        recipes = rows(
            "select distinct recipe from lake.intermediate.int_pairs_judged", read_only=True
        )
    except duckdb.CatalogException:
        return False  # the stamp outlived its lake
    return recipes in ([], [(settings().recipe,)])


def state() -> str:
    """What a dataset is made of: the recipe, the models, and the rows of Python's tables so far."""
    at_work, models = project(), hashlib.sha256()
    for file in sorted(
        path for name in ("dbt_project.yml", "models", "macros") for path in _below(at_work / name)
    ):
        models.update(f"{file.relative_to(at_work)} ".encode() + file.read_bytes())
    (newest,) = rows(_NEWEST, read_only=True)
    landed = dict(_landed_at(settings().catalog, *newest))
    # They come with a download, and what `maintain` releases is asked for by nothing.
    del landed["raw.image_pixels"]
    return json.dumps({"recipe": settings().recipe, "models": models.hexdigest(), "landed": landed})


# `pairlake run` asks three times, most often of the same snapshot, and to count all tables takes a
# third of a second. The time tells a snapshot from one of the same number in a restored catalog.
@lru_cache(maxsize=1)
def _landed_at(catalog: str, snapshot: int, at: str) -> dict[str, str]:
    con = connect(read_only=True)
    try:
        return landed_so_far(con)
    finally:
        con.close()


def _below(path: Path) -> list[Path]:
    """The files of a folder, or the one that it is."""
    return [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]


def stamp() -> Path:
    """Written when a whole build went well, with what it was of. Lost, it costs one build."""
    return _file("built")


def is_noted(what: Note, now: str | None = None) -> bool:
    """Whether that is true of what the lake holds now; of one on Postgres nobody can say."""
    if settings().on_postgres or not _file(what).exists():
        return False
    return _file(what).read_text() == (now or state())


def note(what: Note, now: str | None = None) -> None:
    """Note that of what the lake holds now, or held when `state()` was `now`."""
    _file(what).write_text(now or state())


def _file(what: Note) -> Path:
    return settings().home / "dbt" / what
