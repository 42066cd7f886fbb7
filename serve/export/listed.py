"""Offers the pairs of ready-made lists to an export, each once, as its list has it."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import pyarrow as pa

from pairlake.lake.denied import Denied, gone, kinds_of, put
from pairlake.lake.errors import BadRequest
from pairlake.serve.search.filters import Filter, sql

MART = "listed_pairs"
# What can be made of them without a picture.
FORMATS = ("parquet", "csv", "jsonl", "datacomp")

_REFUSED = f"select distinct pair_id, drop_reason from lake.marts.{MART} where is_refused"
_URLS_OF_PICTURES = """
from forgotten
union
select
    'url' as kind,
    url_id as value_id
from lake.raw.downloads
where image_id in (select value_id from forgotten where kind = 'image_sha256')
"""
# As the deny list knows pairs; their pictures are among its URLs.
_ASKED = f"""(
    select
        pair_id,
        null::uuid as image_id,
        null::uuid as md5,
        image_url,
        md5(image_url)::uuid as url_id,
        md5(caption)::uuid as caption_id
    from lake.marts.{MART}
)"""
# Of several lists whose scores are to the taste of the filters, the first by its name.
_LISTINGS = f"""
create temp table listings as
select pair_id, min(crawl_id) as crawl_id
from lake.marts.{MART} as pairs
anti join gone using (pair_id)
anti join refused using (pair_id)
where {{condition}}
group by pair_id
"""
_SHOWN = f"""
create temp view shown as
select pairs.*, laion_hash(pairs.image_url, pairs.caption) as hash
from lake.marts.{MART} as pairs
semi join listings using (pair_id, crawl_id)
"""


def check(format: str, search: str | None) -> None:
    """Raise BadRequest for what takes pictures, or what this lake knows of kept pairs alone."""
    if format not in FORMATS:
        raise BadRequest(
            f"{format} takes pictures and scores of this lake, which pairs of a list may lack; "
            f"give one of {', '.join(FORMATS)}, or make them (pairlake fetch, pairlake enrich, "
            "dbt build) and leave --from out."
        )
    if search is not None:
        raise BadRequest(
            f"--search compares pictures, which pairs of a list may lack; leave it or --from "
            f"{MART} out."
        )


def refused(present: duckdb.DuckDBPyConnection, lists: Denied) -> tuple[Denied, pa.Table]:
    """What is to be forgotten, with the URLs of its pictures; the pairs that others have refused.

    Those are the ones whose site has, or that stand on a blocked domain, each with the reason.
    """
    put(present, lists)
    urls = present.execute(_URLS_OF_PICTURES).to_arrow_table()
    return {**lists, "forgotten": urls}, present.execute(_REFUSED).to_arrow_table()


def offer(con: duckdb.DuckDBPyConnection, lists: Denied, refused: pa.Table) -> None:
    """Make the tables `gone` and `refused` of the pairs that may not be shown, by pair_id."""
    put(con, {**lists, "refused": refused})
    con.execute(f"create temp table gone as {gone(_ASKED, kinds_of(lists))}")


def narrow(con: duckdb.DuckDBPyConnection, filters: Sequence[Filter], joins: str) -> dict[str, int]:
    """Make the view `shown`, of the pairs that meet the filters and the joins.

    Returns how many of such were refused, by reason.
    """
    # Of two reasons the one that stays.
    con.execute("delete from gone where pair_id in (select pair_id from refused)")
    condition, parameters = sql(filters)
    con.execute(_LISTINGS.format(condition=condition), parameters)
    con.execute(_SHOWN)
    return dict(
        con.execute(
            "select refused.drop_reason, count(distinct pairs.pair_id) "
            f"from lake.marts.{MART} as pairs inner join refused using (pair_id) "
            f"{joins} where {condition} group by all order by all",
            parameters,
        ).fetchall()
    )
