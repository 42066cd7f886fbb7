"""Records requests for removal in raw.takedowns: only hashes of what is to be forgotten.

`pairlake forget`. What they match is hidden at once (`lake.denied`), SQL drops it (drop_reason
`takedown`), `lake.tombstones` keeps it from landing again, and `lake.erasure` erases it.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import duckdb
import pyarrow as pa

from pairlake.lake.append import append
from pairlake.lake.catalog import connect
from pairlake.lake.decoys import decoys
from pairlake.lake.denied import put
from pairlake.lake.keys import text_id
from pairlake.lake.requests import hashed

# Every spelling that is known to mean the value of a kind, by kind and value.
Spell = Callable[[str, str], set[str]]
# What the lake has that means one of the wanted, by kind: with the kind and that one.
Find = Callable[
    [duckdb.DuckDBPyConnection, Mapping[str, list[str]]], Iterable[tuple[str, str, str]]
]
Id = tuple[str, uuid.UUID]
Known = dict[Id, tuple[datetime, datetime | None]]
_COLUMNS = {"kind": pa.string(), "value_id": pa.uuid()}
_KNOWN = """
select
    takedowns.kind,
    takedowns.value_id,
    min(takedowns.requested_at) as since,
    case when count(takedowns.erased_at) = count(*) then max(takedowns.erased_at) end as erased_at
from lake.raw.takedowns as takedowns
semi join asked on takedowns.kind = asked.kind and takedowns.value_id = asked.value_id
group by all
"""


@dataclass(kw_only=True, slots=True)
class Asked:
    """A request: its kind, the spellings of its value, and the ids that it is recorded under.

    `since` is when it was asked for before, `erased_at` when `maintain` had erased all of it.
    """

    kind: str
    value: str
    spellings: tuple[str, ...]
    ids: list[Id]
    since: datetime | None = None
    erased_at: datetime | None = None


def record_takedowns(
    requests: Mapping[str, Iterable[str]],
    *,
    reason: str | None = None,
    among: int = 0,
    spell: Spell = lambda _, value: {value},
    find: Find = lambda *_: [],
) -> list[Asked]:
    """Record what is to go, by kind: url, domain, page, image_hash, caption; returns it.

    With `among`, so many others of its kind, drawn by chance from the kept pairs, are recorded
    for each, in the same way, so that nobody can tell from what is gone what was asked for.
    All of it or nothing: raises BadRequest for what cannot be the value of its kind, and for a
    kind that cannot be hidden among others. What is recorded already, is not again.
    """
    asked = _requested(requests, spell)
    others = _others(asked, among, spell) if among else []
    known = _remember(asked)
    recorded = _ids([*asked, *others])
    _append(recorded if among else recorded - known.keys(), reason)
    # From here on nothing that means the same lands, so that all of it is found now.
    _find([*asked, *others], find)
    _append(_ids([*asked, *others]) - recorded - known.keys(), reason)
    return asked


def look_up(
    requests: Mapping[str, Iterable[str]],
    *,
    among: int = 0,
    spell: Spell = lambda _, value: {value},
    find: Find = lambda *_: [],
) -> list[Asked]:
    """What `record_takedowns` would record and return; nothing is recorded.

    Raises BadRequest for what that would not take.
    """
    asked = _requested(requests, spell)
    if among:
        _others(asked, among, spell)
    _remember(asked)
    _find(asked, find)
    return asked


def _requested(requests: Mapping[str, Iterable[str]], spell: Spell) -> list[Asked]:
    return [
        _asked(kind, value, spell)
        for kind, values in requests.items()
        for value in dict.fromkeys(values)
    ]


def _asked(kind: str, value: str, spell: Spell) -> Asked:
    hashed(kind, value)
    spellings = tuple(spell(kind, value))
    ids = [hashed(kind, spelling) for spelling in spellings]
    return Asked(kind=kind, value=value, spellings=spellings, ids=ids)


def _others(asked: list[Asked], among: int, spell: Spell) -> list[Asked]:
    """`among` neutral requests for each, of its kind, spelled as it is."""
    kinds = Counter(kind for each in asked for kind in {kind for kind, _ in each.ids})
    but = [value_id for _, value_id in _ids(asked)]
    others = []
    for kind, number in kinds.items():
        for value in decoys(kind, number * among, but=but):
            if isinstance(value, uuid.UUID):
                others.append(Asked(kind=kind, value="", spellings=(), ids=[(kind, value)]))
            else:
                others.append(_asked(kind, value, spell))
    return others


def _ids(asked: Iterable[Asked]) -> set[Id]:
    return {key for each in asked for key in each.ids}


def _remember(asked: list[Asked]) -> Known:
    """Note of each when it was asked for before; returns that of each id that is recorded."""
    known = _known(_ids(asked))
    for each in asked:
        times = [known[key] for key in each.ids if key in known]
        if times:
            each.since = min(since for since, _ in times)
            erased = [erased_at for _, erased_at in times if erased_at]
            each.erased_at = max(erased) if len(erased) == len(times) else None
    return known


def _known(ids: set[Id]) -> Known:
    """When those that are recorded already were asked for, and when all of that was erased."""
    con = connect(read_only=True)
    try:
        put(con, {"asked": _table(ids)})
        found = con.execute(_KNOWN).fetchall()
    finally:
        con.close()
    return {(kind, value_id): (since, erased_at) for kind, value_id, since, erased_at in found}


def _find(asked: list[Asked], find: Find) -> None:
    """Add to each the ids of what the lake has that means the same."""
    wanted: dict[str, list[str]] = {}
    for each in asked:
        wanted.setdefault(each.kind, []).extend(each.spellings)
    found: dict[tuple[str, str], set[Id]] = {}
    con = connect(read_only=True)
    try:
        for kind, spelling, text in find(con, wanted):
            found.setdefault((kind, spelling), set()).add((kind, text_id(text)))
    finally:
        con.close()
    for each in asked if found else ():
        more = {key for one in each.spellings for key in found.get((each.kind, one), ())}
        each.ids += more - set(each.ids)


def _append(ids: set[Id], reason: str | None) -> None:
    if not ids:
        return
    now = datetime.now(UTC).replace(tzinfo=None)
    rows = _table(ids)
    rows = rows.append_column("reason", pa.array([reason] * len(ids), pa.string()))
    rows = rows.append_column("requested_at", pa.array([now] * len(ids), pa.timestamp("us")))
    append({"raw.takedowns": rows})


def _table(ids: set[Id]) -> pa.Table:
    # By their hashes, so that their order does not tell what was asked for either.
    rows = [{"kind": kind, "value_id": value_id.bytes} for kind, value_id in sorted(ids)]
    return pa.Table.from_pylist(rows, pa.schema(_COLUMNS))
