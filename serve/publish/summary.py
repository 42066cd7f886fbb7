"""What the page shows of the whole dataset, counted from the marts when it is published."""

from __future__ import annotations

from typing import Any

import duckdb

MOST_ROWS = 50  # of a list of domains, licences or languages

_FUNNEL = """
select
    sum(sightings)::bigint as sightings,
    sum(pairs)::bigint as pairs,
    sum(kept)::bigint as kept
from lake.marts.filter_funnel
"""
_REASONS = """
select
    funnel.drop_reason as reason,
    sum(funnel.pairs)::bigint as pairs,
    any_value(reasons.meaning) as meaning
from lake.marts.filter_funnel as funnel
left join lake.marts.drop_reasons as reasons on funnel.drop_reason = reasons.reason
where funnel.drop_reason is not null
group by funnel.drop_reason
order by pairs desc, funnel.drop_reason
"""
_LANGUAGES = f"""
select
    nullif(language, 'none') as language,
    split,
    pairs,
    kept
from lake.marts.language_stats
order by pairs desc, split, language
limit {MOST_ROWS}
"""
_SIMILARITIES = """
select
    split,
    low,
    high,
    pairs,
    kept
from lake.marts.similarity_histogram
order by split, low
"""


def summary_of(con: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """The funnel, the reasons, languages, similarities, and the largest domains and licences."""
    (funnel,) = _rows(con, _FUNNEL)
    return {
        "funnel": {**funnel, "reasons": _rows(con, _REASONS)},
        "languages": _rows(con, _LANGUAGES),
        "similarities": _rows(con, _SIMILARITIES),
        "domains": _rows(con, _largest("domain")),
        "licences": _rows(con, _largest("license_url")),
    }


def _largest(column: str) -> str:
    return (
        f"select {column}, count(*) as pairs from shown "
        f"where {column} is not null and not is_found_only "
        f"group by {column} order by pairs desc, {column} limit {MOST_ROWS}"
    )


def _rows(con: duckdb.DuckDBPyConnection, query: str) -> list[dict[str, Any]]:
    found = con.execute(query)
    names = [column[0] for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]
