"""Keeps what is to be forgotten from landing again: its ids land, what they stand for does not.

So the accounts still add up. Part of every `lake.append`; where nothing is to be forgotten, it
costs one query.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb

from pairlake.lake.addresses import is_plain_url
from pairlake.lake.forgotten import PAGE, PAGE_ID, forgotten, on_forgotten_host
from pairlake.lake.raw_tables import SIGHTING
from pairlake.lake.tables import TABLES, ids_of

Relations = Mapping[str, Sequence[str]]

PAIRS, DOWNLOADS, IMAGES = "raw.image_text_pairs", "raw.downloads", "raw.images"
SITE_RULES = "raw.site_rules"
# The caption_id that an earlier cleaning would have given, by which a caption may be known that was
# to be forgotten then. It is looked at, and does not land.
FORMER_CAPTION_ID = "former_caption_id"
LOOKED_AT = frozenset({FORMER_CAPTION_ID})

# A sighting is forgotten as a whole: by its place in the crawl file the page could be found.
_PAIRS = f"""
    select
        * exclude (is_gone, is_seen) replace (
            case when not is_gone then image_url end as image_url,
            case when not is_gone then caption end as caption,
            case when not is_gone then source_id end as source_id,
            case
                when is_gone then null
                when is_seen then list_transform(
                    sightings::{SIGHTING},
                    lambda sighting: case
                        when not coalesce(
                            list_contains(getvariable('forgotten_pages'), {PAGE_ID}), false
                        )
                            then sighting
                    end
                )
                else sightings::{SIGHTING}
            end as sightings
        )
    from (select *, {{is_gone}} as is_gone, {{is_seen}} as is_seen from {{relation}})
"""
_SEEN = f"""pair_id in (
    select pair_id from (select pair_id, unnest(sightings) as sighting from {{relation}})
    where {PAGE_ID} in (select value_id from forgotten where kind = 'page')
)"""
# As the fetcher has it for what it knows to be forgotten before it asks.
_DOWNLOADS = """
    select
        * exclude (is_gone) replace (
            case when is_gone and outcome = 'ok' then 'blocked' else outcome end as outcome,
            case when not is_gone then image_id end as image_id,
            case when not is_gone then md5 end as md5,
            case when not is_gone then sha256 end as sha256,
            case when not is_gone then final_url end as final_url,
            case when not is_gone then error end as error,
            case when not is_gone then opt_out_evidence end as opt_out_evidence
        )
    from (
        select *, coalesce(outcome = 'blocked', false) or {is_place} or {is_image} as is_gone
        from {relation}
    )
"""

# Most URLs have one spelling only, which SQL can see.
_SPELLED_OTHERWISE = f"""
insert into forgotten
select $kind as kind, md5(url)::uuid as value_id
from (select distinct {{url}} as url from {{rows}})
where
    not {is_plain_url("url")}
    and md5(same_url(url))::uuid in (select value_id from forgotten where kind = $kind)
"""


def tombstoned(landing: Relations, writer: duckdb.DuckDBPyConnection) -> Relations:
    """`landing`, the relations that are to land by table, without what is to be forgotten.

    Within the transaction that lands them: what is asked to be forgotten later finds them landed.
    """
    writer.execute(f"create or replace temp table forgotten as {forgotten(writer)}")
    kinds = {kind for (kind,) in writer.execute("select distinct kind from forgotten").fetchall()}
    if not kinds:
        return landing
    _spell_out(landing, kinds, writer)
    writer.execute(
        "set variable forgotten_pages = coalesce("
        "(select list(value_id) from forgotten where kind = 'page'), []::uuid[])"
    )
    gone = {
        "pair": _pairs(landing, kinds, writer),
        "url": "select value_id from forgotten where kind = 'url'",
        "caption": "select value_id from forgotten where kind = 'caption'",
        "page": "select value_id from forgotten where kind = 'page'",
        "image": _images(landing, kinds, writer),
    }
    return {
        name: [_tombstoned(name, relation, gone, kinds, writer) for relation in relations]
        for name, relations in landing.items()
    }


def _spell_out(landing: Relations, kinds: set[str], writer: duckdb.DuckDBPyConnection) -> None:
    """Add to `forgotten` the URLs and pages of `landing` that mean one which is in it."""
    sighting = "(select unnest(sightings) as sighting from {relation})"
    places = (
        ("url", PAIRS, "image_url", "{relation}"),
        ("url", DOWNLOADS, "final_url", "{relation}"),
        ("page", PAIRS, PAGE, sighting),
    )
    for kind, name, url, where in places:
        for relation in landing.get(name, ()) if kind in kinds else ():
            rows = where.format(relation=_whole(name, relation, writer))
            writer.execute(_SPELLED_OTHERWISE.format(url=url, rows=rows), {"kind": kind})


def _tombstoned(
    name: str,
    relation: str,
    gone: Mapping[str, str],
    kinds: set[str],
    writer: duckdb.DuckDBPyConnection,
) -> str:
    if name == SITE_RULES and "domain" in kinds:
        return f"(from {relation} where not {on_forgotten_host('origin', relation)})"
    ids = ids_of(name)
    if not ids:
        return relation
    whole = _whole(name, relation, writer)
    if name == PAIRS:
        is_gone = _is_gone(whole, kinds)
        is_seen = _SEEN.format(relation=whole) if "page" in kinds else "false"
        return f"({_PAIRS.format(is_gone=is_gone, is_seen=is_seen, relation=whole)})"
    if name == DOWNLOADS:
        is_image = f"{_any('md5', 'image_md5')} or coalesce(image_id in ({gone['image']}), false)"
        is_place = _is_place(whole, kinds)
        return f"({_DOWNLOADS.format(is_image=is_image, is_place=is_place, relation=whole)})"
    # What is said of something that is to be forgotten does not land at all.
    found = (f"coalesce({column} in ({gone[kind]}), false)" for column, kind in ids.items())
    return f"(from {whole} where not ({' or '.join(found)}))"


def _pairs(landing: Relations, kinds: set[str], writer: duckdb.DuckDBPyConnection) -> str:
    """The query for the pairs of which only the ids land."""
    pairs = ["select value_id as pair_id from forgotten where kind = 'pair'"]
    for relation in landing.get(PAIRS, ()):
        whole = _whole(PAIRS, relation, writer)
        pairs.append(f"select pair_id from {whole} where {_is_gone(whole, kinds)}")
    return " union all ".join(pairs)


def _is_gone(relation: str, kinds: set[str]) -> str:
    """The condition that a pair is to be forgotten, whatever page it was seen on."""
    is_gone = f"{_any('url_id', 'url')} or {_any('caption_id', 'caption')}"
    is_gone += f" or {_any('pair_id', 'pair')} or {_any(FORMER_CAPTION_ID, 'caption')}"
    if "domain" in kinds:
        is_gone += f" or {on_forgotten_host('image_url', relation)}"
    return f"({is_gone})"


def _images(landing: Relations, kinds: set[str], writer: duckdb.DuckDBPyConnection) -> str:
    """The query for the pictures that are not to land: by their hash, or for all their URLs."""
    images = ["select value_id as image_id from forgotten where kind = 'image_sha256'"]
    for name in (IMAGES, DOWNLOADS):
        for relation in landing.get(name, ()):
            whole = _whole(name, relation, writer)
            found = f"select image_id from {whole} where image_id is not null and "
            images.append(found + _any("md5", "image_md5"))
            if name == DOWNLOADS:
                place = _is_place(whole, kinds)
                images.append(f"({found}({place}) except {found}not ({place}))")
    return " union all ".join(images)


def _is_place(relation: str, kinds: set[str]) -> str:
    """The condition that a download asked for, or was led to, what is to be forgotten."""
    place = f"{_any('url_id', 'url')} or {_any('md5(final_url)::uuid', 'url')}"
    if "domain" in kinds:
        place += f" or {on_forgotten_host('final_url', relation)}"
    return f"({place})"


def _any(key: str, kind: str) -> str:
    return f"coalesce({key} in (select value_id from forgotten where kind = '{kind}'), false)"


def _whole(name: str, relation: str, writer: duckdb.DuckDBPyConnection) -> str:
    """`relation` with every column that is looked at, those that it lacks as nulls."""
    present = {column for column, *_ in writer.execute(f"describe from {relation}").fetchall()}
    columns = TABLES[name] | dict.fromkeys(LOOKED_AT, "UUID")
    missing = [
        f"null::{type_} as {column}"
        for column, type_ in columns.items()
        if column not in present | {"attempt_id", "landed_at"}
    ]
    return f"(select {', '.join(['*', *missing])} from {relation})"
