"""Opens the lake as it was at a snapshot, less what is to be forgotten now. For exports."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import duckdb
import pyarrow as pa

from lake.catalog import prepare
from lake.errors import BadRequest, TableMissing
from lake.forgotten import forgotten, on_forgotten_host
from lake.settings import settings
from serve.marts import check_sound, marts

# What is sorted beyond this goes to HOME/tmp, so that memory does not grow with the dataset.
_MEMORY = "2GB"

# What the last build took out, whose pages are known only there.
_TAKEN_DOWN = """
select pair_id from lake.intermediate.int_pairs_judged
where drop_reason in ('takedown', 'blocked_domain')
"""
_SEEN_ELSEWHERE = """
select pair_id, page_url, license_url from lake.intermediate.int_pairs_on_pages_taken_down
where is_seen_elsewhere
"""
# What no build has seen yet, and what is in the old snapshot only.
_MATCHED = """
insert into gone
select pair_id from lake.marts.pairs
where
    pair_id in (select value_id from forgotten where kind = 'pair')
    or url_id in (select value_id from forgotten where kind = 'url')
    or caption_id in (select value_id from forgotten where kind = 'caption')
    or image_id in (select value_id from forgotten where kind = 'image_sha256')
    or md5 in (select value_id from forgotten where kind = 'image_md5')
"""
_EXPORTABLE = """
create temp view exportable as
select pairs.* replace (
    if(seen_elsewhere.pair_id is null, pairs.page_url, seen_elsewhere.page_url) as page_url,
    if(seen_elsewhere.pair_id is null, pairs.license_url, seen_elsewhere.license_url) as license_url
)
from lake.marts.pairs
left join seen_elsewhere on pairs.pair_id = seen_elsewhere.pair_id
anti join gone on pairs.pair_id = gone.pair_id
"""


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A snapshot of the lake: its id and time, its recipe, and the one whose takedowns count."""

    id: int
    time: datetime
    recipe: str
    takedowns_until: int


@contextmanager
def opened(snapshot: int | None) -> Iterator[tuple[duckdb.DuckDBPyConnection, Snapshot]]:
    """The lake at a snapshot, or as it is now, on a connection of its own.

    Beside the lake's tables there is the view `exportable`: the kept pairs of then, less what has
    been taken down or blocked since, with the pages of those whose page was; and the table `gone`
    of the pair_ids that went. Raises BadRequest for a snapshot that is not kept, TableMissing
    where nothing was built yet, JobFailed where the build failed.
    """
    with marts() as present:
        (now,) = present.execute("select id from lake.current_snapshot()").fetchall()[0]
        chosen = now if snapshot is None else snapshot
        time = _time(present, chosen)
        tables = {
            "gone": present.execute(_TAKEN_DOWN).to_arrow_table(),
            "seen_elsewhere": present.execute(_SEEN_ELSEWHERE).to_arrow_table(),
            "forgotten": present.execute(forgotten(present)).to_arrow_table(),
        }
    con = duckdb.connect(":memory:")
    try:
        prepare(con, options=f", read_only, snapshot_version {chosen}")
        if not settings().memory_limit:
            con.execute(f"set memory_limit = '{_MEMORY}'")
        check_sound(con)
        _take_down(con, tables)
        recipe = con.execute("select recipe from lake.intermediate.int_selected_recipe").fetchall()
        yield con, Snapshot(id=chosen, time=time, recipe=recipe[0][0], takedowns_until=now)
    except duckdb.CatalogException as error:
        raise TableMissing(
            f"Snapshot {chosen} of the lake is from before its first build "
            f"({str(error).splitlines()[0]}); take a later one, or run: dbt build"
        ) from error
    finally:
        con.close()


def _time(present: duckdb.DuckDBPyConnection, snapshot: int) -> datetime:
    query = (
        "select min(snapshot_id), max(snapshot_id), max(snapshot_time) filter (snapshot_id = ?) "
        "from ducklake_snapshots('lake')"
    )
    first, last, time = present.execute(query, [snapshot]).fetchall()[0]
    if time is None:
        raise BadRequest(
            f"Snapshot {snapshot} is not kept, so that no export can be made of it; "
            f"there are those from {first} to {last}."
        )
    assert isinstance(time, datetime)  # noqa: S101 - for the types
    return time


def _take_down(con: duckdb.DuckDBPyConnection, tables: dict[str, pa.Table]) -> None:
    for name, rows in tables.items():
        con.register("arrived", rows)
        con.execute(f"create temp table {name} as select * from arrived")
        con.unregister("arrived")
    kinds = tables["forgotten"]["kind"].unique().to_pylist()
    if kinds:
        # A host is worth looking for only where one is to be forgotten.
        hosts = f"or {on_forgotten_host('image_url', 'lake.marts.pairs')}"
        con.execute(_MATCHED + (hosts if "domain" in kinds else ""))
    con.execute(_EXPORTABLE)
