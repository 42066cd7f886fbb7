"""What is to be forgotten: requests as they are now, and hash lists as of the last `dbt build`."""

from __future__ import annotations

import duckdb

_REQUESTED = "select kind, value_id from lake.raw.takedowns"
_LISTED = "select kind, value_id from lake.intermediate.int_takedowns_in_force"

# A sighting's page as requests have it. As staging does: earlier versions kept the brackets that
# Wget puts around a URL.
PAGE_ID = """md5(case
    when sighting.page_url like '<%>' then sighting.page_url[2:-2] else sighting.page_url
end)::uuid"""


def forgotten(con: duckdb.DuckDBPyConnection) -> str:
    """The query that answers with kind and value_id of all that is to be forgotten."""
    try:
        con.execute(f"{_LISTED} limit 0")
    except duckdb.CatalogException:
        return _REQUESTED  # nothing is built yet, so no list has been read either
    return f"{_REQUESTED} union {_LISTED}"


# The domains that a host stands on: images.example.org, example.org and org. Hosts are found as in
# the model int_pairs_deduplicated, to which a test holds them, but only once for what stands
# between the slashes, since to look for them takes longer than all else.
_PLACE = "split_part({url}, '/', 3)"
_HOST = r"regexp_extract(place, '^(?:[^?#]*@)?(\[[^\]]*\]|[^?#:]*)', 1)"
_PLACES = f"""
select place from (
    select
        place,
        unnest(list_transform(
            range(1, len(labels) + 1), lambda first: array_to_string(labels[first:], '.')
        )) as domain
    from (
        select place, string_split(rtrim(lower({_HOST}), '.'), '.') as labels
        from (select distinct {{place}} as place from {{relation}})
    )
)
where domain != '' and md5(domain)::uuid in (select value_id from forgotten where kind = 'domain')
"""


def on_forgotten_host(url: str, relation: str) -> str:
    """The condition that column `url` of `relation` stands on a domain of the table `forgotten`."""
    place = _PLACE.format(url=url)
    return f"coalesce({place} in ({_PLACES.format(place=place, relation=relation)}), false)"
