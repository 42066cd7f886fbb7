"""Writes ATTRIBUTION.csv: what Creative Commons wants to be said of images that are used.

Of each pair its title, author, source and licence, as the snapshot of the export knows them.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

_ASKED_FOR = "select licences is not null from lake.intermediate.int_selected_recipe_judging"
_FORGOTTEN = "select value_id from forgotten where kind = 'page'"
# What pages said of an image goes with any of them that was forgotten after the snapshot, and so
# does what a pair's own pages did.
_TOLD = f"""
with silenced as (
    select distinct url_id from lake.raw.image_licenses where page_id in ({_FORGOTTEN})
)
select
    pairs.pair_id::varchar as pair_id,
    pairs.caption as title,
    if(silenced.url_id is null, told.creator, null) as creator,
    if(silenced.url_id is null, told.credit, null) as credit,
    if(silenced.url_id is null, told.copyright, null) as copyright,
    pairs.image_url as source,
    pairs.page_url,
    told.licence,
    told.licence_url,
    told.licence_scope,
    if(told.licence_scope = 'page' and other_pages.pair_id is not null, null, told.evidence)
        as evidence
from shown as pairs
inner join selected on pairs.pair_id = selected.pair_id
inner join lake.marts.attributions as told on pairs.pair_id = told.pair_id
left join other_pages on pairs.pair_id = other_pages.pair_id
left join silenced on pairs.url_id = silenced.url_id
order by selected.rank, pairs.pair_id
"""
# A spreadsheet takes a cell that begins so for a formula, in full width too, and behind white
# space; all of it is strangers' text.
_BEGINS = r"^([\s\p{Z}\p{C}]*[=+\-@\x{FF0B}\x{FF0D}\x{FF1D}\x{FF20}])"
_HARMLESS = rf"select regexp_replace(columns(*), '{_BEGINS}', '''\1') from ({_TOLD})"


def is_asked_for(con: duckdb.DuckDBPyConnection) -> bool:
    """Whether the snapshot is of a recipe that keeps images for their licences."""
    try:
        found = con.execute(_ASKED_FOR).fetchone()
    except (duckdb.CatalogException, duckdb.BinderException):
        return False  # A lake of before recipes knew licences.
    return found is not None and bool(found[0])


def write_attributions(con: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Write the attributions of the pairs of `selected` to a CSV file, every cell in quotes."""
    quoted = str(path).replace("'", "''")
    con.execute(f"copy ({_HARMLESS}) to '{quoted}' (format csv, header, force_quote *)")
