"""Everything the lake knows of one pair: where it was seen, and what came of it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import duckdb

from pairlake.lake.catalog import connect
from pairlake.lake.errors import PairlakeError
from pairlake.serve.search.histories import MOST_ROWS, History, histories, rows, shown
from pairlake.serve.search.hits import Hit
from pairlake.serve.search.in_time import ended_by
from pairlake.serve.search.search import Search, UnknownPair

_OF_EACH = ("pair_id", "drop_reason", "is_found_only", "caption")
_OF_THE_VERDICT = (
    "recipe",
    "drop_reason",
    "drop_reasons",
    "is_found_only",
    "is_undecided",
    "keeper",
    "occurrences",
)
_LISTS = ("meanings", "scores", "thresholds", "sightings", "downloads", "wishes", "licences")
_OF_THE_IMAGE = ("image_format", "image_bytes", "md5", "sha256", "phash")
_AS_IN_A_HIT = (
    "pair_id", "image_id", "caption", "image_url", "language", "split", "width", "height"
)  # fmt: skip
_CAPTIONS = f"""
select
    others.pair_id::varchar as pair_id,
    others.caption,
    others.language,
    others.image_url
from lake.marts.pairs as others
inner join lake.intermediate.int_pairs_judged as judged on others.pair_id = judged.pair_id
inner join lake.intermediate.int_pairs_judged as told on others.image_id = told.image_id
where
    told.pair_id = $pair_id
    and (told.drop_reason is null or told.is_found_only)
    and others.pair_id != $pair_id
    and not judged.is_hidden
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
inner join lake.intermediate.int_pairs_judged as judged using (pair_id)
where duplicates.keeper_id = $pair_id and not judged.is_hidden
order by duplicates.kind, duplicates.pair_id
limit {MOST_ROWS}
"""


class NoLake(PairlakeError):
    """The index is here without the lake that it was published from."""


def pairs_of(url_ids: Collection[UUID], search: Search) -> list[dict[str, Any]]:
    """The pairs of a URL, kept or dropped: their ids, verdicts and captions; None what is hidden.

    A verdict has what its reason means.

    Raises UnknownPair where there is none, and NoLake as `story_of` does.
    """
    with _lake() as con:
        found = histories(con, url_ids, search.denied)
    if not found:
        raise UnknownPair("No pair of this URL is known here; to land it, run: pairlake crawl")
    return [
        {name: each.get(name) for name in _OF_EACH}
        | {"meaning": next(iter(each["meanings"]), None)}
        for each in found
    ]


def story_of(pair_id: UUID, search: Search) -> dict[str, Any]:
    """What the lake has of a pair that may be shown, beside what the search index shows.

    Of other pairs none that is to be forgotten. Raises UnknownPair where nothing is known of the
    pair, or may be told but its reason; NoLake where the lake is not there, or has lost what dbt
    builds.
    """
    published, unknown = _published(pair_id, search)
    with _lake() as con:
        history = next(iter(histories(con, {pair_id}, search.denied)), None)
        if history is None and unknown is not None:
            raise unknown
        if history is not None and history["is_hidden"]:
            raise UnknownPair(
                f"The pair {pair_id} is not published ({history['drop_reason']}), and "
                "nothing else is told of it."
            )
        return _told(con, pair_id, published, history or {}, search)


@contextmanager
def _lake() -> Iterator[duckdb.DuckDBPyConnection]:
    try:
        con = connect(read_only=True)
    except (PairlakeError, duckdb.Error) as error:
        raise NoLake(
            "The lake behind this index cannot be read now; its facts are missing."
        ) from error
    try:
        with ended_by(con.interrupt):
            yield con
    except duckdb.CatalogException as error:
        raise NoLake("The lake behind this index has no marts now; run: dbt build") from error
    finally:
        con.close()


def _published(pair_id: UUID, search: Search) -> tuple[Hit | None, UnknownPair | None]:
    try:
        return search.pair(pair_id), None
    except UnknownPair as unknown:
        return None, unknown


def _told(
    con: duckdb.DuckDBPyConnection,
    pair_id: UUID,
    published: Hit | None,
    history: History,
    search: Search,
) -> dict[str, Any]:
    captions, duplicates = (rows(con, query, pair_id=pair_id) for query in (_CAPTIONS, _DUPLICATES))
    told = {name: history.get(name) for name in _OF_THE_VERDICT}
    lists = {name: history.get(name, []) for name in _LISTS}
    image = {name.removeprefix("image_"): history[name] for name in _OF_THE_IMAGE if history}
    return {
        "pair": published or _as_hit(history, search.scores()),
        "is_published": published is not None,
        "image": image if history and history["image_id"] else None,
        **told,
        **lists,
        "captions": shown(captions, search.denied, but={"image_url"}),
        "duplicates": shown(duplicates, search.denied, but={"image_id"}),
    }


def _as_hit(history: History, scores: Sequence[str]) -> dict[str, Any]:
    """What a result would show of a pair that is none, with the scores of the published list."""
    values = {each["score"]: each["value"] for each in history["scores"]}
    pages = [each for each in history["sightings"] if each["page_url"]]
    page = pages[0] if pages else {"page_url": None, "license_url": None}
    return {
        **{name: history[name] for name in _AS_IN_A_HIT},
        "page_url": page["page_url"],
        "license_url": page["license_url"],
        "pair_similarity": values.get("similarity"),
        **{name: values.get(name) for name in scores},
    }
