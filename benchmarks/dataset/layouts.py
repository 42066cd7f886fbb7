"""Lands the pairs of a lake again in other layouts, and looks in each for what came before.

As they are landed now, in the order in which they come; sorted by URL within each commit; and in
buckets by URL, a file for each. Equal pairs have one URL, so that the last two can be worked
through in parts that need less memory each.
"""

from __future__ import annotations

from collections.abc import Iterator

import duckdb

from pairlake.lake.catalog import connect, writing

PARTS = 16
LAYOUTS = {
    "landed": "",
    "sorted": "set sorted by (url_id asc)",
    "bucketed": f"set partitioned by (bucket({PARTS}, url_id))",
}
# What `int_pairs_deduplicated` keeps of a pair, but for what it computes.
_COLUMNS = "pair_id, url_id, caption_id, crawl_id, path, image_url, caption, landed_at"
_FIRST = """
select {columns} from {pairs}
where {part}
qualify row_number() over (partition by pair_id order by landed_at, crawl_id, path) = 1
"""
_NEW = """
select {columns} from ({first}) as new
anti join (select pair_id from {known} where {part}) as known using (pair_id)
"""


def land(layout: str) -> str:
    """Copy the pairs that have landed, commit by commit, all but the last."""
    con = connect()
    with writing(con):
        con.execute("create schema if not exists lake.layouts")
    for name in ("pairs", "known"):
        with writing(con):
            con.execute(
                f"create table lake.layouts.{layout}_{name} as "
                f"select {'*' if name == 'pairs' else _COLUMNS} "
                "from lake.raw.image_text_pairs limit 0"
            )
            if LAYOUTS[layout]:
                con.execute(f"alter table lake.layouts.{layout}_{name} {LAYOUTS[layout]}")
    for (moment,) in _moments(con)[:-1]:
        with writing(con):
            con.execute(
                f"insert into lake.layouts.{layout}_pairs "
                "select * from lake.raw.image_text_pairs where landed_at = ?",
                [moment],
            )
    files = con.execute(
        f"from ducklake_list_files('lake', '{layout}_pairs', schema => 'layouts')"
    ).fetchall()
    return f"{len(files)} files"


def first(layout: str) -> str:
    """Keep the first landing of each pair: `known`."""
    con = connect()
    pairs = f"lake.layouts.{layout}_pairs"
    known = f"lake.layouts.{layout}_known"
    with writing(con):
        for files, part in _parts(con, layout, f"{layout}_pairs"):
            query = _FIRST.format(columns=_COLUMNS, pairs=files or pairs, part=part)
            # ducklake 1.5.5 dies where rows reach a bucket through a window or a filter.
            con.execute(f"create or replace temp table part as {query}")
            con.execute(f"insert into {known} from part")
    return f"{con.table(known).count('*').fetchall()[0][0]:,} pairs"


def new(layout: str) -> str:
    """Count what the last commit has that is not known, reading it with all its columns."""
    con = connect()
    (moment,) = _moments(con)[-1]
    con.execute(
        "create temp table last as select * from lake.raw.image_text_pairs where landed_at = ?",
        [moment],
    )
    found = 0
    for files, part in _parts(con, layout, f"{layout}_known"):
        known = files or f"lake.layouts.{layout}_known"
        inner = _FIRST.format(columns=_COLUMNS, pairs="last", part=part)
        found += _count(con, _NEW.format(columns=_COLUMNS, first=inner, known=known, part=part))
    return f"{found:,} pairs"


STEPS = {"land": land, "first": first, "new": new}


def _parts(con: duckdb.DuckDBPyConnection, layout: str, table: str) -> Iterator[tuple[str, str]]:
    """For each part its files, where a layout has some for it alone, and what is true of its rows.

    A bucket's files are named: DuckLake leaves others out for one URL, not for one bucket.
    """
    if layout == "landed":
        yield "", "true"
    if layout == "sorted":
        for digit in range(PARTS):
            low, high = f"{digit:x}".ljust(32, "0"), f"{digit:x}".ljust(32, "f")
            yield "", f"url_id between '{low}' and '{high}'"
    if layout == "bucketed":
        files = con.execute(
            f"select data_file from ducklake_list_files('lake', '{table}', schema => 'layouts')"
        ).fetchall()
        for bucket in range(PARTS):
            named = [file for (file,) in files if f"/bucket={bucket}/" in file]
            yield (
                f"read_parquet({named}, hive_partitioning = false)",
                f"(murmur3_32(url_id) & 2147483647) % {PARTS} = {bucket}",
            )


def _moments(con: duckdb.DuckDBPyConnection) -> list[tuple[object]]:
    return con.execute(
        "select distinct landed_at from lake.raw.image_text_pairs order by landed_at"
    ).fetchall()


def _count(con: duckdb.DuckDBPyConnection, query: str) -> int:
    # All columns are made, as they would be for a table.
    ((rows,),) = con.execute(
        f"select count(*) filter (where hash(counted) is not null) from ({query}) as counted"
    ).fetchall()
    return int(rows)
