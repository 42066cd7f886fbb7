"""Answers each request for removal: what it matched, what is hidden of it, what is near to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import duckdb
import pyarrow as pa

from pairlake.lake.alike import alike
from pairlake.lake.catalog import connect
from pairlake.lake.denied import put
from pairlake.lake.forgotten import PAGE_ID, domains_of
from pairlake.lake.takedowns import Asked

# For so many requests that match nothing what is near is looked for, in all that has landed.
_MOST_LOOKED_FOR = 20

_PAIRS = "lake.raw.image_text_pairs"
_PICTURES = """
create temp table pictures as
with hashes as (
    select image_id, md5 from lake.raw.images where image_id is not null
    union
    select image_id, md5 from lake.raw.downloads where image_id is not null
)
select asked.number, hashes.image_id
from hashes
inner join asked on asked.kind = 'image_sha256' and hashes.image_id = asked.value_id
union
select asked.number, hashes.image_id
from hashes
inner join asked on asked.kind = 'image_md5' and hashes.md5 = asked.value_id
"""
# The pairs of each kind of request; a query takes those kinds only that were asked for.
_PAIRS_OF = {
    "url": f"""
        select asked.number, pairs.pair_id, pairs.url_id, pairs.image_url is null as is_erased
        from {_PAIRS} as pairs
        inner join asked on asked.kind = 'url' and pairs.url_id = asked.value_id
    """,
    "caption": f"""
        select asked.number, pairs.pair_id, pairs.url_id, pairs.caption is null as is_erased
        from {_PAIRS} as pairs
        inner join asked on asked.kind = 'caption' and pairs.caption_id = asked.value_id
    """,
    "image_hash": f"""
        select pictures.number, pairs.pair_id, pairs.url_id, pairs.image_url is null as is_erased
        from {_PAIRS} as pairs
        inner join lake.raw.downloads as downloads on pairs.url_id = downloads.url_id
        inner join pictures on downloads.image_id = pictures.image_id
    """,
    "domain": f"""
        select places.number, pairs.pair_id, pairs.url_id, false as is_erased
        from {_PAIRS} as pairs
        inner join (
            select distinct asked.number, domains.place
            from ({domains_of(_PAIRS, "image_url")}) as domains
            inner join asked on asked.kind = 'domain' and md5(domains.domain)::uuid = asked.value_id
        ) as places on split_part(pairs.image_url, '/', 3) = places.place
    """,
    "page": f"""
        select asked.number, seen.pair_id, seen.url_id, false as is_erased
        from (
            select pair_id, url_id, unnest(sightings) as sighting from {_PAIRS}
        ) as seen
        inner join asked on asked.kind = 'page' and {PAGE_ID} = asked.value_id
    """,
}
# A pair that is seen elsewhere too loses the page alone. A sighting that was erased is no other.
_ELSEWHERE = f"""
select distinct pair_id
from (
    select pair_id, unnest(sightings) as sighting from {_PAIRS}
    where pair_id in (select pair_id from matched)
)
where
    sighting is not null
    and coalesce(
        {PAGE_ID} not in (
            select value_id from lake.raw.takedowns where kind = 'page'
            union all select value_id from asked where kind = 'page'
        ),
        true
    )
"""
_COUNTED = """
select
    matched.number,
    count(distinct matched.pair_id) as pairs,
    count(distinct matched.pair_id) filter (not matched.is_erased) as left_pairs,
    count(distinct matched.pair_id) filter (
        matched.kind = 'page' and matched.pair_id in (select pair_id from elsewhere)
    ) as elsewhere,
    count(distinct downloads.image_id) as pictures
from matched
left join lake.raw.downloads as downloads on matched.url_id = downloads.url_id
group by matched.number
"""
_COUNTED_PICTURES = "select number, count(*) from pictures group by number"


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What came of one request, which is the `number`th of its kind, or what would come of it."""

    kind: str
    number: int
    pairs: int = 0
    pictures: int = 0
    elsewhere: int = 0  # pairs that another page shows, which lose this page alone
    since: datetime | None = None
    erased_at: datetime | None = None
    nearest: Sequence[str] = ()
    is_recorded: bool = True

    @property
    def is_missing(self) -> bool:
        """Whether nothing was found, and nothing was erased either."""
        return not (self.pairs or self.pictures or self.erased_at)

    def __str__(self) -> str:
        said = f"{self.kind.replace('_', ' ')} {self.number}: {self._matched()}"
        if self.since is not None:
            said += f"; asked for before, on {self.since:%Y-%m-%d}"
        return f"{said}; {self._state()}"

    def _matched(self) -> str:
        if not (self.pairs or self.pictures):
            return "nothing matches" if self.is_missing else "nothing is left"
        said = f"{_counted(self.pairs, 'pair')} and {_counted(self.pictures, 'picture')} match"
        if self.elsewhere:
            said += f", {self.elsewhere:,} of the pairs on other pages too, which lose this one"
        return said

    def _state(self) -> str:
        if self.erased_at is not None:
            return f"erased on {self.erased_at:%Y-%m-%d}"
        if not self.is_missing:
            hidden = "hidden now" if self.is_recorded else "to be hidden at once"
            return f"{hidden}, erased by the next: pairlake maintain"
        said = f"{'' if self.is_recorded else 'to be '}kept out from now on, if it lands"
        if self.nearest:
            said += "\n         nearest: " + "\n                  ".join(self.nearest)
        return said


def receipts(asked: Sequence[Asked], *, is_recorded: bool = True) -> Iterator[Receipt]:
    """The receipt of each request that `lake.takedowns` has recorded, or would, in their order."""
    con = connect(read_only=True)
    try:
        _match(con, asked)
        counts = {place: found for place, *found in con.execute(_COUNTED).fetchall()}
        of_hash = dict(con.execute(_COUNTED_PICTURES).fetchall())
        numbers, looked_for = Counter[str](), 0
        for place, each in enumerate(asked):
            numbers[each.kind] += 1
            pairs, left, elsewhere, pictures = counts.get(place, (0, 0, 0, 0))
            receipt = Receipt(
                kind=each.kind,
                number=numbers[each.kind],
                pairs=pairs,
                pictures=of_hash.get(place, 0) if each.kind == "image_hash" else pictures,
                elsewhere=elsewhere,
                since=each.since,
                # What was interrupted, or is not yet out of files and backups, is not erased.
                erased_at=None if left else each.erased_at,
                is_recorded=is_recorded,
            )
            if receipt.is_missing and looked_for < _MOST_LOOKED_FOR:
                looked_for += 1
                receipt = replace(receipt, nearest=alike(con, each.kind, each.value))
            yield receipt
    finally:
        con.close()


def _match(con: duckdb.DuckDBPyConnection, asked: Sequence[Asked]) -> None:
    """Make the temporary tables that are counted: `pictures`, `matched` and `elsewhere`."""
    ids = [(place, *key) for place, each in enumerate(asked) for key in each.ids]
    places, kinds, value_ids = zip(*ids, strict=True)
    columns = {
        "number": pa.array(places, pa.int64()),
        "kind": pa.array(kinds, pa.string()),
        "value_id": pa.array([value_id.bytes for value_id in value_ids], pa.uuid()),
    }
    put(con, {"asked": pa.table(columns)})
    con.execute(_PICTURES)
    asked_for = dict.fromkeys(each.kind for each in asked)
    pairs = (f"select *, '{kind}' as kind from ({_PAIRS_OF[kind]})" for kind in asked_for)
    con.execute(f"create temp table matched as {' union '.join(pairs)}")
    con.execute(f"create temp table elsewhere as {_ELSEWHERE}")


def _counted(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
