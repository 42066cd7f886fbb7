"""Reads what the lake knows of a pair, kept or dropped, less what may not be told."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

import duckdb

from pairlake.serve.search.deny_list import DenyList, Known
from pairlake.serve.search.in_time import check_wanted

MOST_ROWS = 100  # of each list
MOST_PAIRS = 100

_FOUND = f"""
select pair_id, url_id
from lake.intermediate.int_pairs_judged
where pair_id in (from ids) or url_id in (from ids) or caption_id in (from ids)
order by drop_reason is not null, pair_id
limit {MOST_PAIRS}
"""
# By both keys, so that the attempts at other URLs are not read.
_HISTORY = """
select
    * exclude (sightings, downloads, md5, sha256, phash),
    md5::varchar as md5,
    lower(hex(sha256)) as sha256,
    lpad(lower(hex(phash)), 16, '0') as phash,
    sightings[:$most] as sightings,
    list_transform(downloads[:$most], lambda each: struct_update(
        each, attempted_at := each['attempted_at']::varchar
    )) as downloads
from lake.marts.pair_histories
where pair_id = $pair_id and url_id = $url_id
"""
_KEEPER = """
select
    pairs.pair_id::varchar as pair_id,
    pairs.image_id::varchar as image_id,
    pairs.image_url,
    pairs.caption
from (
    select pair_id, image_id, image_url, caption from lake.marts.pairs
    union all
    select pair_id, image_id, image_url, caption from lake.marts.pairs_found_only
) as pairs
inner join lake.intermediate.int_pairs_judged as judged using (pair_id)
where pair_id = $pair_id and not judged.is_hidden
"""
_WISHES = """
with pages as (
    select md5(sighting.page_url)::uuid as page_id
    from (
        select unnest(sightings) as sighting
        from lake.intermediate.int_pairs_landed
        where pair_id = $pair_id
    )
    where page_id not in (select value_id from lake.raw.takedowns where kind = 'page')
)
-- Several terms of one text may say the same of a use.
select distinct scope, use, says, signal, evidence, heard_at::varchar as heard_at
from lake.intermediate.int_wishes
where image_id = $image_id or url_id = $url_id or page_id in (from pages)
order by heard_at, signal, evidence, use
limit $most
"""
_LICENCES = """
select scope, licence, licence_url, evidence, heard_at::varchar as heard_at
from lake.marts.pair_licences
where
    pair_id = $pair_id
    and coalesce(
        page_id not in (select value_id from lake.raw.takedowns where kind = 'page'), true
    )
order by scope, heard_at, licence, evidence
limit $most
"""
_MEANINGS = "select reason, meaning from lake.marts.drop_reasons"
_TAKEN_DOWN = "takedown"  # what has been asked for since the last build
History = dict[str, Any]


def histories(
    con: duckdb.DuckDBPyConnection, ids: Collection[UUID], denied: DenyList
) -> list[History]:
    """The pairs whose pair_id, url_id or caption_id is among `ids`, MOST_PAIRS at most.

    Kept ones come first. Each has what its reasons mean, beside them. What is hidden has `pair_id`,
    `is_hidden` and its reason alone. Raises duckdb.CatalogException where dbt has not built what is
    read.
    """
    con.execute("create or replace temp table ids (id uuid)")
    con.executemany("insert into ids values (?)", [[each] for each in ids])
    found = con.execute(_FOUND).fetchall()
    meanings = dict(con.execute(_MEANINGS).fetchall())
    told = [_told(con, pair_id, url_id, denied) for pair_id, url_id in found]
    return [{**each, "meanings": list(map(meanings.get, each["drop_reasons"]))} for each in told]


def _told(con: duckdb.DuckDBPyConnection, pair_id: UUID, url_id: UUID, denied: DenyList) -> History:
    keys = {"pair_id": pair_id, "url_id": url_id}
    (told,) = rows(con, _HISTORY, **keys, most=MOST_ROWS)
    if told["is_hidden"]:
        return _hidden(pair_id, told["drop_reason"])
    image_id = told["image_id"]
    known = Known(
        pair_id=pair_id.bytes,
        image_id=image_id and image_id.bytes,
        image_url=told["image_url"],
        caption=told["caption"],
    )
    downloads = told["downloads"]
    is_gone, *led_to = denied.gone(
        [known, *(Known(image_url=each["final_url"]) for each in downloads)]
    )
    if is_gone:
        return _hidden(pair_id, _TAKEN_DOWN)
    for download, leads_to_gone in zip(downloads, led_to, strict=True):
        if leads_to_gone:
            download["final_url"] = download["error"] = None
    keepers = rows(con, _KEEPER, pair_id=told["keeper_id"]) if told["keeper_id"] else []
    wishes = rows(con, _WISHES, **keys, image_id=image_id, most=MOST_ROWS)
    return {
        **told,
        "wishes": wishes,
        "licences": rows(con, _LICENCES, pair_id=pair_id, most=MOST_ROWS),
        "keeper": next(iter(shown(keepers, denied, but={"image_id"})), None),
    }


def _hidden(pair_id: UUID, reason: str) -> History:
    return {
        "pair_id": pair_id,
        "is_found_only": False,
        "is_hidden": True,
        "drop_reason": reason,
        "drop_reasons": [reason],
    }


def shown(rows: list[History], denied: DenyList, *, but: set[str]) -> list[History]:
    """Other pairs that may be shown, less the columns that only tell whether they may."""
    gone = denied.gone(
        Known(
            pair_id=UUID(row["pair_id"]).bytes,
            image_id=UUID(row["image_id"]).bytes if row.get("image_id") else None,
            image_url=row["image_url"],
            caption=row["caption"],
        )
        for row in rows
    )
    return [
        {column: value for column, value in row.items() if column not in but}
        for row, is_gone in zip(rows, gone, strict=True)
        if not is_gone
    ]


def rows(con: duckdb.DuckDBPyConnection, query: str, **values: object) -> list[History]:
    """The rows of an answer by their columns' names; TooSlow if nobody waits for it any more."""
    check_wanted()
    found = con.execute(query, values)
    names = [column[0] for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]
