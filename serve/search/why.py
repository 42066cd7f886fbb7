"""Tells the whole history of pairs by what a person knows of them. `pairlake why`."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import duckdb

from pairlake.lake.alike import alike, printable
from pairlake.lake.catalog import connect
from pairlake.lake.denied import denied, gone, kinds_of, put
from pairlake.lake.errors import BadRequest, TableMissing
from pairlake.lake.keys import text_id
from pairlake.lake.takedowns import Find, Spell, look_up
from pairlake.serve.search.deny_list import DenyList
from pairlake.serve.search.histories import MOST_PAIRS, MOST_ROWS, History, histories

_LANDED = """
select count(distinct pair_id)
from lake.raw.image_text_pairs
where pair_id in (from ids) or url_id in (from ids) or caption_id in (from ids)
"""
_SHOWN = """(
    select histories.image_url, histories.caption
    from lake.marts.pair_histories as histories
    anti join gone on histories.pair_id = gone.pair_id
    where not histories.is_hidden
)"""

# Who said something of a pair's use.
_SCOPES = {"image": "its picture", "url": "its site", "page": "a page"}
_LICENCE_SCOPES = {"file": "its file", "image": "a page, of the image", "page": "a page"}


def why(asked: str, *, spell: Spell, find: Find) -> Iterator[str]:
    """The history of each pair of a URL, a pair_id or a caption, in lines of text.

    Raises BadRequest with the nearest that there is where nothing is known of it, and TableMissing
    where dbt has not built the histories.
    """
    kind, value = _meant(asked)
    if kind == "pair":
        # Its digits may be a caption, too.
        ids = {UUID(value), text_id(asked.strip())}
    else:
        (request,) = look_up({kind: [value]}, spell=spell, find=find)
        ids = {value_id for _, value_id in request.ids}
    con = connect(read_only=True)
    try:
        found = histories(con, ids, DenyList())
        if not found:
            raise BadRequest(_unknown(con, kind, value))
    except duckdb.CatalogException as error:
        raise TableMissing("The lake has no histories of pairs yet; run: dbt build") from error
    finally:
        con.close()
    if len(found) > 1:
        most = "" if len(found) < MOST_PAIRS else ", and maybe more"
        yield f"{len(found)} pairs{most}, those that are kept first:"
    for history in found:
        yield from _lines(history)


def _meant(asked: str) -> tuple[str, str]:
    """Whether it is a pair, a url or a caption, and which; a URL may lack its scheme."""
    text = asked.strip()
    try:
        return "pair", str(UUID(text))
    except ValueError:
        pass
    place = text.strip("<>")
    if any(c.isspace() for c in place):
        # Spaces are in many URLs as people type them, and a caption may quote one.
        return ("url" if place.startswith(("http://", "https://")) else "caption"), text
    if "://" in place or place.startswith("urn:"):
        return "url", text
    host, slash, _ = place.partition("/")
    return ("url", f"http://{place}") if slash and "." in host else ("caption", text)


def _unknown(con: duckdb.DuckDBPyConnection, kind: str, value: str) -> str:
    known_by = {"pair": "this pair_id", "url": "this URL", "caption": "this caption"}[kind]
    ((landed,),) = con.execute(_LANDED).fetchall()
    if landed:
        landed = "A pair has" if landed == 1 else f"{landed:,} pairs have"
        return f"{landed} landed under {known_by} since the last build; run: dbt build"
    said = f"No pair of {known_by} has landed in this lake"
    nearest = [] if kind == "pair" else _nearest(con, kind, value)
    if nearest:
        return f"{said}; nearest:\n  " + "\n  ".join(nearest)
    return f"{said}; land what may have it with: pairlake crawl"


def _nearest(con: duckdb.DuckDBPyConnection, kind: str, value: str) -> list[str]:
    """What is alike among the pairs that may be told of."""
    lists = denied(con)
    put(con, lists)
    relation = "lake.marts.pair_histories"
    con.execute(f"create or replace temp table gone as {gone(relation, kinds_of(lists))}")
    return alike(con, kind, value, pairs=_SHOWN)


def _lines(history: History) -> Iterator[str]:
    """A history as text: a line for each thing that is known, its name before it."""
    if history["is_hidden"]:
        # It may be kept all the same, where only search is refused.
        hidden = f"pair {history['pair_id']} is hidden: {history['drop_reason']}"
        yield f"{hidden}; nothing else of it is told"
        return
    verdict = "kept" if history["drop_reason"] is None else f"out: {history['drop_reason']}"
    if history["is_found_only"]:
        verdict = f"found only, and not exported: {history['drop_reason']}"
    yield f"pair {history['pair_id']} is {verdict}"
    for name, texts in _facts(history).items():
        for place, text in enumerate(texts):
            yield f"  {'' if place else name:<10} {printable(text)}"


def _facts(history: History) -> dict[str, list[str]]:
    keeper = history["keeper"]
    size = f"{history['width']} x {history['height']}, {history['image_format']}"
    has_image, has_split = history["image_id"] is not None, history["split"] is not None
    language = history["language"] or "none that is sure"
    return {
        "caption": [history["caption"]],
        "image": [history["image_url"]],
        "picture": [f"{size}, {history['image_bytes'] or 0:,} bytes"] * has_image,
        "language": [f"{language}, split {history['split']}"] * has_split,
        "recipe": [history["recipe"] + " (not decided yet)" * history["is_undecided"]],
        "reasons": [
            f"{reason}: {meaning}"
            for reason, meaning in zip(history["drop_reasons"], history["meanings"], strict=True)
        ],
        "lost to": [f"{keeper['pair_id']}: {keeper['caption']}", keeper["image_url"]]
        if keeper
        else [],
        "rules": [
            f"{each['rule']} {_number(each['threshold'])}: {_number(each['value'])}"
            for each in history["thresholds"]
        ],
        "scores": [
            f"{each['score']} {_number(each['value'])} by {each['model_id']}"
            for each in history["scores"]
        ],
        "licences": [_licence(each) for each in history["licences"]],
        "wishes": [_wish(each) for each in history["wishes"]],
        "asked for": [_attempt(each) for each in history["downloads"]],
        "seen": [_times(history), *map(_sighting, history["sightings"])],
    }


def _number(value: float | None) -> str:
    return "not known" if value is None else f"{value:.4f}".rstrip("0").rstrip(".")


def _times(history: History) -> str:
    times = history["occurrences"] or 0
    said = f"{times:,} time{'' if times == 1 else 's'}"
    most = len(history["sightings"]) == MOST_ROWS < times
    return said + f", of which {MOST_ROWS} are listed" * most


def _attempt(attempt: History) -> str:
    size = None if attempt["bytes"] is None else f"{attempt['bytes']:,} bytes"
    what = ("outcome", "http_status", "content_type", "error", "opt_out_evidence", "final_url")
    told = [attempt["attempted_at"][:19], *(attempt[name] for name in what), size]
    return ", ".join(str(each) for each in told if each is not None)


def _wish(wish: History) -> str:
    heard = [wish["heard_at"][:19]] if wish["heard_at"] else []
    who = f"{_SCOPES[wish['scope']]} says {wish['says']} {wish['use']}"
    return ", ".join([*heard, who, wish["evidence"]])


def _licence(named: History) -> str:
    heard = [named["heard_at"][:19]] if named["heard_at"] else []
    who = f"{_LICENCE_SCOPES[named['scope']]} names {named['licence']}"
    return ", ".join([*heard, who, named["evidence"]])


def _sighting(sighting: History) -> str:
    offset = sighting["record_offset"]
    place = f"{sighting['crawl_id']}, {sighting['path']}"
    place += "" if offset is None else f", at {offset:,}"
    page = f"{sighting['page_url']} in " if sighting["page_url"] else ""
    licence = f", under {sighting['license_url']}" if sighting["license_url"] else ""
    return page + place + licence
