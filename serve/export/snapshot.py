"""Opens the lake as it was at a snapshot, less what is to be forgotten now. For exports."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import duckdb

from pairlake.lake.catalog import prepare
from pairlake.lake.denied import denied, show
from pairlake.lake.errors import BadRequest, TableMissing, first_line
from pairlake.lake.settings import settings
from pairlake.serve.export import listed
from pairlake.serve.publish.from_marts import check_sound, marts

# What is sorted beyond this goes to HOME/tmp, so that memory does not grow with the dataset.
_MEMORY = "2GB"

# What the last build took out for more than requests alone: by hash lists and blocked domains.
_TAKEN_DOWN = """
select pair_id from lake.intermediate.int_pairs_judged
where is_taken_down or is_domain_blocked
"""


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A snapshot of the lake: its id and time, its recipe, and the one whose takedowns count."""

    id: int
    time: datetime
    recipe: str
    takedowns_until: int


@contextmanager
def opened(
    snapshot: int | None, source: str = "pairs"
) -> Iterator[tuple[duckdb.DuckDBPyConnection, Snapshot]]:
    """The lake at a snapshot, or as it is now, on a connection of its own.

    Beside the lake's tables there is the view `shown`: the kept pairs of then, less what has been
    taken down or blocked since, with the pages of those whose page was; and the table `gone` of
    the pair_ids that went. Of `listed_pairs` there is what `serve.export.listed`
    says. Raises BadRequest for a snapshot that is not kept, TableMissing where nothing was built
    yet, JobFailed where the build failed.
    """
    with marts() as present:
        (now,) = present.execute("select id from lake.current_snapshot()").fetchall()[0]
        chosen = now if snapshot is None else snapshot
        time = _time(present, chosen)
        taken_down = present.execute(_TAKEN_DOWN).to_arrow_table()
        lists = denied(present)
        if source == listed.MART:
            lists, refused = listed.refused(present, lists)
    con = duckdb.connect(":memory:")
    try:
        prepare(con, options=f", read_only, snapshot_version {chosen}")
        if not settings().memory_limit:
            con.execute(f"set memory_limit = '{_MEMORY}'")
        check_sound(con)
        if source == listed.MART:
            listed.offer(con, lists, refused)
        else:
            show(con, lists)
        con.register("taken_down", taken_down)
        con.execute("insert into gone select pair_id from taken_down")
        recipe = con.execute("select recipe from lake.intermediate.int_selected_recipe").fetchall()
        yield con, Snapshot(id=chosen, time=time, recipe=recipe[0][0], takedowns_until=now)
    except (duckdb.CatalogException, duckdb.BinderException) as error:
        raise TableMissing(
            f"Snapshot {chosen} of the lake is from before its first build by this version "
            f"({first_line(error)}); take a later one, or run: dbt build"
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
