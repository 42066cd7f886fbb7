"""What may not be shown, read anew for each search, export and publication, whatever dbt has built.

One list for all three: what is to be forgotten, as raw.takedowns has it now, held against the pairs
that they are about to show.
"""

from __future__ import annotations

from collections.abc import Collection

import duckdb
import pyarrow as pa

from pairlake.lake.forgotten import PAGE, PAGE_ID, forgotten, on_forgotten_host

# A picture that was named by its md5 is known by its image_id too.
_FORGOTTEN = """
with forgotten as (
    {forgotten}
)
select kind, value_id from forgotten
union
select
    'image_sha256' as kind,
    image_id as value_id
from (
    select image_id, md5 from lake.raw.images
    union all
    select image_id, md5 from lake.raw.downloads
)
where
    image_id is not null
    and md5 in (select value_id from forgotten where kind = 'image_md5')
"""
# Pairs that were seen on a forgotten page, and the first other page that they were seen on. A
# sighting that was erased, or that landed later, is null as a whole.
_IS_FORGOTTEN = f"""(
    sighting is null or coalesce({PAGE_ID} in (
        select value_id from lake.raw.takedowns where kind = 'page'
    ), false)
)"""
_OTHER_PAGES = f"""
with seen_there as (
    select distinct pair_id
    from (select pair_id, unnest(sightings) as sighting from lake.raw.image_text_pairs)
    where {{has_pages}} and {_IS_FORGOTTEN}
),
seen as (
    select
        pair_id,
        landed_at,
        crawl_id,
        path,
        generate_subscripts(sightings, 1) as place,
        unnest(sightings) as sighting
    from lake.raw.image_text_pairs
    semi join seen_there using (pair_id)
),
elsewhere as (
    select
        pair_id,
        arg_min(sighting, (landed_at, crawl_id, path, place)) as sighting
    from seen
    where not {_IS_FORGOTTEN}
    group by pair_id
)
select
    seen_there.pair_id,
    sighting is not null as is_seen_elsewhere,
    {PAGE} as page_url,
    sighting.license_url
from seen_there
left join elsewhere using (pair_id)
"""
_SHOWN = """
create temp view shown as
select pairs.* replace (
    if(other_pages.pair_id is null, pairs.page_url, other_pages.page_url) as page_url,
    if(other_pages.pair_id is null, pairs.license_url, other_pages.license_url) as license_url
)
from {relation} as pairs
left join other_pages on pairs.pair_id = other_pages.pair_id
anti join gone on pairs.pair_id = gone.pair_id
"""

Denied = dict[str, pa.Table]


def denied(con: duckdb.DuckDBPyConnection) -> Denied:
    """What is to be forgotten as the lake has it now, for `put`."""
    rows = con.execute(_FORGOTTEN.format(forgotten=forgotten(con))).to_arrow_table()
    lists = {"forgotten": rows}
    pages = _OTHER_PAGES.format(has_pages="page" in kinds_of(lists))
    return {**lists, "other_pages": con.execute(pages).to_arrow_table()}


def kinds_of(lists: Denied) -> set[str]:
    """The kinds of what is to be forgotten."""
    return set(lists["forgotten"]["kind"].unique().to_pylist())


def put(con: duckdb.DuckDBPyConnection, tables: Denied) -> None:
    """Give a connection tables by their names: those of `denied`, which `gone` reads, or others."""
    for name, rows in tables.items():
        con.register("arrived", rows)
        con.execute(f"create or replace temp table {name} as select * from arrived")
        con.unregister("arrived")


def gone(relation: str, kinds: Collection[str], *, key: str = "pair_id") -> str:
    """The query for the `key` of those pairs of a relation that may not be shown.

    It has the columns pair_id, url_id, caption_id, image_id, md5 and image_url. `kinds` are those
    of what is to be forgotten.
    """
    columns = {
        "pair": "pair_id",
        "url": "url_id",
        "caption": "caption_id",
        "image_sha256": "image_id",
        "image_md5": "md5",
    }
    conditions = [
        f"{column} in (select value_id from forgotten where kind = '{kind}')"
        for kind, column in columns.items()
        if kind in kinds
    ]
    if "page" in kinds:
        conditions.append(
            "pair_id in (select pair_id from other_pages where not is_seen_elsewhere)"
        )
    # A host is worth looking for only where one is to be forgotten.
    if "domain" in kinds:
        conditions.append(on_forgotten_host("image_url", relation))
    return f"select {key} from {relation} where {' or '.join(conditions) or 'false'}"


def show(con: duckdb.DuckDBPyConnection, lists: Denied, relation: str = "lake.marts.pairs") -> None:
    """Make the view `shown`: the kept pairs of the lake at a connection that may be shown.

    Or those of another relation with their columns. With another page where the one that they had
    is to be forgotten. Those that may not be shown are in the table `gone`, by their pair_id; more
    may be added.
    """
    put(con, lists)
    con.execute(f"create temp table gone as {gone(relation, kinds_of(lists))}")
    con.execute(_SHOWN.format(relation=relation))
