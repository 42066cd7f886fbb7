"""What is to be forgotten: requests as they are now, and hash lists as of the last `dbt build`."""

from __future__ import annotations

import duckdb

_REQUESTED = "select kind, value_id from lake.raw.takedowns"
_LISTED = "select kind, value_id from lake.intermediate.int_takedowns_in_force"


def forgotten(con: duckdb.DuckDBPyConnection) -> str:
    """The query that answers with kind and value_id of all that is to be forgotten."""
    try:
        con.execute(f"{_LISTED} limit 0")
    except duckdb.CatalogException:
        return _REQUESTED  # nothing is built yet, so no list has been read either
    return f"{_REQUESTED} union {_LISTED}"


# The domains that a host stands on: images.example.org, example.org and org. As in the models
# int_pairs_deduplicated and int_hosts_excluded; a test holds them together.
_HOST = r"""
rtrim(lower(regexp_extract({url}, '^[^/?#]*//(?:[^/?#]*@)?(\[[^\]]*\]|[^/?#:]*)', 1)), '.')
"""
_HOSTS = """
select host from (
    select
        host,
        unnest(list_transform(
            range(1, len(labels) + 1), lambda first: array_to_string(labels[first:], '.')
        )) as domain
    from (select distinct {host} as host, string_split(host, '.') as labels from {relation})
)
where host != '' and md5(domain)::uuid in (select value_id from forgotten where kind = 'domain')
"""


def on_forgotten_host(url: str, relation: str) -> str:
    """The condition that column `url` of `relation` stands on a domain of the table `forgotten`."""
    host = _HOST.format(url=url).strip()
    return f"coalesce({host} in ({_HOSTS.format(host=host, relation=relation)}), false)"
