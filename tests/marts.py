"""What stands in the marts, so that two lakes can be compared."""

from __future__ import annotations

from pairlake.lake.catalog import connect

# What a rebuild must give again: everything but the times at which things happened.
MARTS = {
    "pairs": "exclude (downloaded_at)",
    "filter_funnel": "",
    "recipe_comparison": "",
    "language_stats": "",
    "domain_stats": "",
}


def contents() -> dict[str, dict[str, int]]:
    """Of each mart its rows, a hash of all of them in any order, and one of each column, which
    says where two lakes differ; no mart is empty.
    """
    found = {}
    for mart, but in MARTS.items():
        query = f"""
            select count(*) as "rows", bit_xor(hash(mart)) as "all", sum(hash(columns(*)))
            from (select * {but} from lake.marts.{mart}) as mart
        """
        con = connect(read_only=True)
        columns = [name for name, *_ in con.execute(query).description or ()]
        found[mart] = dict(zip(columns, con.fetchall()[0], strict=True))
        con.close()
        assert found[mart]["rows"], f"{mart} is empty"
    return found
