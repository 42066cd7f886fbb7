"""What became of the demo's world, beside what was planted in it.

The truth is read here and by tests only, after the dataset is built.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import duckdb

from pairlake.demo.planting import TOO_LOW
from pairlake.demo.world import World
from pairlake.lake.catalog import connect

QUERIES = ("a drawing of a cat", "eine rote Rose", "un dessin de pizza")
RESULTS = 3

_FUNNEL = """
select coalesce(drop_reason, '(kept)') as verdict, count(*) as pairs
from lake.intermediate.int_pairs_judged
group by verdict
order by verdict = '(kept)', pairs desc, verdict
"""

# Pairs that only their similarity can drop or keep: nothing else was planted in them.
_SIMILARITY = """
select
    count(*) filter (where right_pair and kept) as right_kept,
    count(*) filter (where not right_pair and kept) as wrong_kept,
    count(*) filter (where right_pair and not kept) as right_dropped,
    count(*) filter (where not right_pair and not kept) as wrong_dropped
from (
    select
        truth.kind <> 'wrong_caption' as right_pair,
        not list_contains(judged.drop_reasons, $too_low) as kept
    from truth
    inner join lake.intermediate.int_pairs_judged as judged
        on md5(truth.image_url || chr(31) || truth.caption)::uuid = judged.pair_id
    where
        coalesce(truth.expected_drop_reason, $too_low) = $too_low
        and not list_contains(judged.drop_reasons, $missing)
)
"""

# By picture: a watermark is one however many captions a picture has. The detector is measured at
# two points of its own; where pairs are cut, their recipe says.
_WATERMARKS = """
select
    threshold,
    count(*) filter (where is_planted and is_found) as planted_found,
    count(*) filter (where not is_planted and is_found) as others_found,
    count(*) filter (where is_planted and not is_found) as planted_missed,
    count(*) filter (where not is_planted and not is_found) as others_passed
from (
    select
        threshold,
        bool_or(truth.kind = 'watermarked') as is_planted,
        any_value(rated.pwatermark) >= threshold as is_found
    from truth
    inner join lake.intermediate.int_pairs_judged as judged
        on md5(truth.image_url || chr(31) || truth.caption)::uuid = judged.pair_id
    inner join lake.intermediate.int_pairs_measured as rated
        on judged.pair_id = rated.pair_id
    cross join unnest([0.5, 0.8]) as thresholds (threshold)
    where rated.pwatermark is not null
    group by judged.image_id, threshold
)
group by threshold
order by threshold
"""

_ROUTING = """
select truth.split as planted, judged.split as found, count(*) as pairs
from truth
inner join lake.intermediate.int_pairs_judged as judged
    on md5(truth.image_url || chr(31) || truth.caption)::uuid = judged.pair_id
where judged.split is not null
group by all
order by all
"""

_SURPRISES = """
select
    truth.kind,
    coalesce(truth.expected_drop_reason, 'kept') as expected,
    case
        when judged.pair_id is null then 'another caption'
        else coalesce(judged.drop_reason, 'kept')
    end as found,
    count(*) as pairs
from truth
left join lake.intermediate.int_pairs_judged as judged
    on md5(truth.image_url || chr(31) || truth.caption)::uuid = judged.pair_id
where
    truth.expected_drop_reason is distinct from judged.drop_reason
    and coalesce(truth.expected_drop_reason, '') <> $too_low
    and coalesce(judged.drop_reason, '') not in ($too_low, $same)
group by all
order by pairs desc, truth.kind
"""


def report(world: World, by_text: Callable[..., list[Any]]) -> Iterator[str]:
    """The funnel, the filters beside the truth, and the first results of three queries."""
    con = connect(read_only=True)
    try:
        con.register("truth", world.truth())
        yield from _table("What became of the pairs", con.sql(_FUNNEL))
        yield from _filter(con)
        yield from _watermarks(con)
        yield from _table("Language: planted and found", con.sql(_ROUTING))
        yield from _surprises(con)
    finally:
        con.close()
    for query in QUERIES:
        yield f"\n{query!r} finds"
        for hit in by_text(query, limit=RESULTS):
            yield f"  {hit.similarity:.3f}  [{hit.language or '-'}] {hit.caption}"
    yield "\nTo open the page, run: make page"


def _table(title: str, relation: duckdb.DuckDBPyRelation) -> Iterator[str]:
    yield f"\n{title}"
    rows = relation.fetchall()
    width = max((len(" → ".join(map(str, row[:-1]))) for row in rows), default=0)
    for row in rows:
        yield f"  {' → '.join(map(str, row[:-1])):<{width}} {row[-1]:>8,}"


def _filter(con: duckdb.DuckDBPyConnection) -> Iterator[str]:
    row = con.execute(_SIMILARITY, {"too_low": TOO_LOW, "missing": "similarity_missing"}).fetchone()
    right_kept, wrong_kept, right_dropped, wrong_dropped = row or (0, 0, 0, 0)
    precision = right_kept / max(right_kept + wrong_kept, 1)
    recall = right_kept / max(right_kept + right_dropped, 1)
    yield "\nThe similarity filter beside the truth"
    yield f"  kept     {right_kept:>8,} right {wrong_kept:>8,} wrong   precision {precision:.3f}"
    yield f"  dropped  {right_dropped:>8,} right {wrong_dropped:>8,} wrong   recall    {recall:.3f}"


def _watermarks(con: duckdb.DuckDBPyConnection) -> Iterator[str]:
    yield "\nThe watermark detector beside the truth, by picture"
    for threshold, found, others_found, missed, others in con.sql(_WATERMARKS).fetchall():
        precision, recall = found / max(found + others_found, 1), found / max(found + missed, 1)
        yield (
            f"  from {threshold} on  {found:>6,} planted {others_found:>6,} other   "
            f"precision {precision:.3f}   recall {recall:.3f}   ({missed + others:,} passed)"
        )


def _surprises(con: duckdb.DuckDBPyConnection) -> Iterator[str]:
    rows = con.execute(_SURPRISES, {"too_low": TOO_LOW, "same": "duplicate_image"}).fetchall()
    yield f"\nPlanted faults that ended under another reason: {sum(row[-1] for row in rows)}"
    for kind, expected, found, pairs in rows:
        yield f"  {kind}: {expected} was expected, {found} found, {pairs} times"
