"""What is to be forgotten: requests as they are now, and hash lists as of the last `dbt build`."""

from __future__ import annotations

import duckdb

from pairlake.lake.addresses import is_plain_host

_REQUESTED = "select kind, value_id from lake.raw.takedowns"
_LISTED = "select kind, value_id from lake.intermediate.int_takedowns_in_force"

# A sighting's page as requests have it. As staging does: earlier versions kept the brackets that
# Wget puts around a URL.
PAGE = """case
    when sighting.page_url like '<%>' then sighting.page_url[2:-2] else sighting.page_url
end"""
PAGE_ID = f"md5({PAGE})::uuid"


def forgotten(con: duckdb.DuckDBPyConnection) -> str:
    """The query that answers with kind and value_id of all that is to be forgotten."""
    try:
        con.execute(f"{_LISTED} limit 0")
    except duckdb.CatalogException:
        return _REQUESTED  # nothing is built yet, so no list has been read either
    return f"{_REQUESTED} union {_LISTED}"


# Hosts are found as in the model int_pairs_deduplicated, to which a test holds them, but only once
# for what stands between the slashes, since to look for them takes longer than all else.
_PLACE = "split_part({url}, '/', 3)"
_HOST = r"rtrim(lower(regexp_extract(place, '^(?:[^?#]*@)?(\[[^\]]*\]|[^?#:]*)', 1)), '.')"


def domains_of(relation: str, url: str) -> str:
    """The query for the places of the column `url`, their host, and each domain that that is of.

    Those are images.example.org, example.org and org, also by what the host means if it is spelled
    in another way.
    """
    place = _PLACE.format(url=url)
    return f"""
select
    place,
    host,
    unnest(list_transform(
        range(1, len(labels) + 1), lambda first: array_to_string(labels[first:], '.')
    )) as domain
from (
    select place, host, string_split(unnest([host, meant]), '.') as labels
    from (
        select
            place,
            {_HOST} as host,
            case when not {is_plain_host("host")} then same_host(host) end as meant
        from (select distinct {place} as place from {relation})
    )
)
"""


def on_forgotten_host(url: str, relation: str) -> str:
    """The condition that column `url` of `relation` stands on a domain of the table `forgotten`."""
    return f"""coalesce({_PLACE.format(url=url)} in (
    select place from ({domains_of(relation, url)})
    where
        domain != ''
        and md5(domain)::uuid in (select value_id from forgotten where kind = 'domain')
), false)"""
