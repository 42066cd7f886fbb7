"""Everything the lake knows of one published pair: where it was seen, and what came of it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import duckdb

from pairlake.lake.catalog import connect
from pairlake.lake.errors import PairlakeError
from pairlake.serve.search.deny_list import DenyList, Known
from pairlake.serve.search.facts import COLUMNS
from pairlake.serve.search.in_time import check_wanted, ended_by

MOST_ROWS = 100  # of each list

_IMAGE = """
select
    image_format as format,
    image_bytes as bytes,
    md5::varchar as md5,
    lower(hex(sha256)) as sha256,
    lpad(lower(hex(phash)), 16, '0') as phash
from lake.marts.pairs
where pair_id = $pair_id
"""
_EACH_SCORE = ", ".join(
    f"{{'score': '{name}', 'value': {name}, 'model_id': {column.model}}}"
    for name, column in COLUMNS.items()
    if column.model
)
_SCORES = f"""
with
kept as (
    select * from lake.marts.pairs where pair_id = $pair_id
),
scores as (
    select unnest([
        {_EACH_SCORE}
    ], recursive := true)
    from kept
)
select
    scores.score,
    scores.value,
    models.name as model,
    scores.model_id
from scores
left join lake.staging.stg_enriched__models as models using (model_id)
where scores.value is not null
"""
# What was seen on a page that is to be forgotten is not told.
_SIGHTINGS = f"""
with
seen as (
    select
        crawl_id,
        path,
        unnest(sightings, recursive := true)
    from lake.staging.stg_raw__image_text_pairs
    where pair_id = $pair_id
)
select
    seen.crawl_id,
    seen.path,
    seen.record_offset,
    seen.page_url,
    seen.license_url
from seen
anti join lake.staging.stg_raw__takedowns as takedowns
    on takedowns.kind = 'page' and takedowns.value_id = md5(seen.page_url)::uuid
order by seen.crawl_id, seen.path, seen.record_offset
limit {MOST_ROWS}
"""
_OCCURRENCES = "select occurrences from lake.marts.pairs where pair_id = $pair_id"
_DOWNLOADS = f"""
select
    downloads.attempted_at::varchar as attempted_at,
    downloads.outcome,
    downloads.http_status,
    downloads.final_url,
    downloads.content_type,
    downloads.bytes,
    downloads.elapsed_ms
from lake.staging.stg_raw__downloads as downloads
semi join (select url_id from lake.marts.pairs where pair_id = $pair_id) as kept using (url_id)
order by downloads.attempted_at
limit {MOST_ROWS}
"""
_CAPTIONS = f"""
select
    others.pair_id::varchar as pair_id,
    others.caption,
    others.language,
    others.image_url
from lake.marts.pairs as others
inner join lake.marts.pairs as kept using (image_id)
where kept.pair_id = $pair_id and others.pair_id != $pair_id
order by others.similarity desc, others.pair_id
limit {MOST_ROWS}
"""
_DUPLICATES = f"""
select
    duplicates.pair_id::varchar as pair_id,
    duplicates.kind,
    pairs.image_url,
    pairs.caption,
    (
        select max(downloads.image_id)::varchar
        from lake.raw.downloads as downloads
        where downloads.url_id = md5(pairs.image_url)::uuid
    ) as image_id
from lake.intermediate.int_duplicate_pairs as duplicates
inner join lake.intermediate.int_pairs_deduplicated as pairs using (pair_id)
where duplicates.keeper_id = $pair_id
order by duplicates.kind, duplicates.pair_id
limit {MOST_ROWS}
"""


class NoLake(PairlakeError):
    """The index is here without the lake that it was published from."""


def story_of(pair_id: UUID, denied: DenyList) -> dict[str, Any]:
    """What the lake has of a pair that may be shown, beside what the search index shows.

    Of other pairs none that is to be forgotten. Raises NoLake where the lake is not there, or has
    lost what dbt builds.
    """
    try:
        con = connect(read_only=True)
    except (PairlakeError, duckdb.Error) as error:
        raise NoLake(
            "The lake behind this index cannot be read now; its facts are missing."
        ) from error
    try:
        with ended_by(con.interrupt):
            return _told(con, pair_id, denied)
    except duckdb.CatalogException as error:
        raise NoLake("The lake behind this index has no marts now; run: dbt build") from error
    finally:
        con.close()


def _told(con: duckdb.DuckDBPyConnection, pair_id: UUID, denied: DenyList) -> dict[str, Any]:
    downloads = _rows(con, _DOWNLOADS, pair_id)
    led_to = denied.gone(Known(image_url=download["final_url"]) for download in downloads)
    for download, is_gone in zip(downloads, led_to, strict=True):
        download["final_url"] = None if is_gone else download["final_url"]
    return {
        "image": next(iter(_rows(con, _IMAGE, pair_id)), None),
        "scores": _rows(con, _SCORES, pair_id),
        "sightings": _rows(con, _SIGHTINGS, pair_id),
        **next(iter(_rows(con, _OCCURRENCES, pair_id)), {}),
        "downloads": downloads,
        "captions": _shown(_rows(con, _CAPTIONS, pair_id), denied, but={"image_url"}),
        "duplicates": _shown(_rows(con, _DUPLICATES, pair_id), denied, but={"image_id"}),
    }


def _shown(rows: list[dict[str, Any]], denied: DenyList, *, but: set[str]) -> list[dict[str, Any]]:
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


def _rows(con: duckdb.DuckDBPyConnection, query: str, pair_id: UUID) -> list[dict[str, Any]]:
    check_wanted()
    found = con.execute(query, {"pair_id": pair_id})
    names = [column[0] for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]
