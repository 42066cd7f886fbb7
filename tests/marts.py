"""What stands in the marts, so that two lakes can be compared."""

from __future__ import annotations

from lake.catalog import rows

# What a rebuild must give again: everything but the times at which things happened.
MARTS = {
    "pairs": "exclude (downloaded_at, fingerprint)",
    "filter_funnel": "",
    "recipe_comparison": "",
    "language_stats": "",
    "domain_stats": "",
}


def contents() -> dict[str, tuple[int, int]]:
    """Rows of each mart, and a hash of all of them in any order; no mart is empty."""
    found = {}
    for mart, but in MARTS.items():
        query = f"select count(*), bit_xor(hash(t)) from (select * {but} from lake.marts.{mart}) t"
        (found[mart],) = rows(query)
        assert found[mart][0], f"{mart} is empty"
    return found
