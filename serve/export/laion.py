"""Writes pairs in LAION's columns: a list, as img2dataset reads it, or folders as LAION's."""

from __future__ import annotations

from pathlib import Path

import duckdb

# The folders of LAION-5B's releases, by split.
FOLDERS = {"en": "laion2B-en", "multi": "laion2B-multi", "nolang": "laion1B-nolang"}
COLUMNS = {
    # Not a key: one of LAION's rows had it, and 64 bits of ours stand in its place.
    "SAMPLE_ID": "unhex(replace(pairs.pair_id::varchar, '-', '')[:16])::bit::bigint",
    "URL": "pairs.image_url",
    "TEXT": "pairs.caption",
    "HEIGHT": "pairs.height",
    "WIDTH": "pairs.width",
    # LAION writes a question mark where the page names no licence.
    "LICENSE": "coalesce(pairs.license_url, '?')",
    # The tag of 2021, by prompts, which nobody makes any more; punsafe took its place.
    "NSFW": "null::varchar",
    # JSON knows no NaN.
    "similarity": "nullif(pairs.similarity, 'nan')::double",
    "LANGUAGE": "pairs.language",
    "hash": "pairs.hash",
    "pwatermark": "nullif(pairs.pwatermark, 'nan')",
    "punsafe": "nullif(pairs.punsafe, 'nan')",
}
# The pairs that are shown, with every score that stands in LAION's files: null for all where the
# lake has none such.
OFFERED = """
create temp view offered as
from shown
union all by name
select null::float as pwatermark, null::float as punsafe where false
"""
# As they stand in LAION's files; of the three splits only `multi` has LANGUAGE.
_LAYOUTS = {
    "release": "SAMPLE_ID URL TEXT HEIGHT WIDTH LICENSE NSFW similarity LANGUAGE",
    "joined": "URL TEXT WIDTH HEIGHT similarity LANGUAGE hash pwatermark punsafe",
}
LAYOUTS = tuple(_LAYOUTS)
_LISTS = {
    "parquet": "format parquet, compression zstd",
    # In quotes, so that an empty caption is no missing one.
    "csv": 'format csv, header, force_quote ("URL", "TEXT")',
    "jsonl": "format json",
}
_PARTS = "format parquet, compression snappy, filename_pattern 'part-{i}', file_size_bytes '500MB'"


def write_list(con: duckdb.DuckDBPyConnection, path: Path, format: str) -> int:
    """Write the pairs of `selected` to a file of `parquet`, `csv` or `jsonl`; returns how many."""
    return _copy(con, _query("joined", None), path, _LISTS[format])


def write_release(
    con: duckdb.DuckDBPyConnection, folder: Path, layout: str, split: str | None
) -> dict[str, int]:
    """Write a folder of Parquet parts for each split, or one, below `folder`.

    `layout` is one of LAYOUTS; returns how many pairs are in each, which may be none.
    """
    # Several threads would cut the parts where they happen to meet.
    con.execute("set threads = 1")
    ending = "-joined" if layout == "joined" else ""
    return {
        name + ending: _copy(con, _query(layout, each), folder / (name + ending), _PARTS)
        for each, name in FOLDERS.items()
        if split in (None, each)
    }


def _query(layout: str, split: str | None) -> str:
    names = _LAYOUTS[layout].split()
    if split in ("en", "nolang"):
        names.remove("LANGUAGE")
    columns = ", ".join(f'{COLUMNS[name]} as "{name}"' for name in names)
    which = "" if split is None else f"where pairs.split = '{split}'"
    return (
        f"select {columns} from offered as pairs "
        f"inner join selected on pairs.pair_id = selected.pair_id {which} "
        "order by selected.rank, pairs.pair_id"
    )


def _copy(con: duckdb.DuckDBPyConnection, query: str, path: Path, options: str) -> int:
    quoted = str(path).replace("'", "''")
    counted = con.execute(f"copy ({query}) to '{quoted}' ({options})").fetchone()
    return int(counted[0]) if counted else 0
