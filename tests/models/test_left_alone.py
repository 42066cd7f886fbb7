"""A table is made anew where its SQL, or what it reads, has changed, and else left alone."""

from __future__ import annotations

import json

import pytest

from pairlake.lake.built import landed_so_far
from pairlake.lake.catalog import connect
from pairlake.lake.dbt_plugin import run_dbt
from pairlake.lake.maintain import tidy
from pairlake.lake.project import lay_out
from pairlake.lake.settings import settings
from pairlake.lake.tables import TABLES
from tests.models import landed

HASHED = {"int_pairs_read", "int_pairs_scored", "int_pairs_measured"}
DESCRIBED = {"int_pairs_described"} | HASHED
WORDS = {"int_captions_with_unsafe_keywords"} | DESCRIBED
MADE = {"int_urls_resolved", "ratings"} | WORDS
RUN = ("run", "--select", *(f"+{name}" for name in sorted(MADE)))


def _made(*arguments: str) -> set[str]:
    """Those of MADE that a run makes anew."""
    run_dbt(*RUN, *arguments)
    told = json.loads((settings().home / "dbt" / "target" / "run_results.json").read_text())
    changed = {
        node["unique_id"].rpartition(".")[2]
        for node in told["results"]
        if node["adapter_response"].get("code") != "UNCHANGED"
    }
    return changed & MADE


def test_what_changed_is_made_anew_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAIRLAKE_RECIPE", "demo")
    landed.land()
    assert _made() == MADE
    tidy(leave_no_trace=False)
    assert _made() == set(), "upkeep of files changes nothing"
    with connect() as con:
        con.execute("delete from lake.raw.image_pixels")
        # By hand, and as many rows as before: what the file says comes back.
        con.execute("update lake.marts.ratings set label = 'mine'")
    assert _made() == {"ratings"} | DESCRIBED
    with connect() as con:
        labels = con.execute("select label from lake.marts.ratings").fetchall()
        con.execute("insert into lake.enriched.image_hashes (model_id) values ('another@1')")
    assert len(labels) > 1
    assert ("mine",) not in labels
    assert _made() == {"int_pairs_read"}, "it looks for what has changed, and that is nothing"
    with connect() as con:
        con.execute("insert into lake.seeds.unsafe_keywords values ('caption', 'me')")
    assert _made() == WORDS
    # As many rows as before, and nobody knows whether they are the same.
    run_dbt("run", "--select", "int_pairs_deduplicated", "--full-refresh")
    assert _made() == WORDS
    assert _made("--full-refresh") == MADE


def test_what_is_gone_on_with_is_made_anew_where_a_macro_that_it_calls_is_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    landed.land()
    folder = settings().home / "project"
    lay_out(folder)
    monkeypatch.chdir(folder)
    for edited in (False, True):
        if edited:
            macro = folder / "macros" / "host.sql"
            before, ends, after = macro.read_text().partition("{%- endmacro %}")
            macro.write_text(f"{before} || '.edited'{ends}{after}")
        run_dbt("run", "--select", "+int_pairs_deduplicated")
        with connect() as con:
            hosts = con.execute("select host from lake.intermediate.int_pairs_deduplicated")
            assert {host.endswith(".edited") for (host,) in hosts.fetchall() if host} == {edited}


@pytest.mark.usefixtures("lake_without_rows")
@pytest.mark.parametrize("table", TABLES)
def test_each_change_of_a_table_of_pythons_is_seen(table: str) -> None:
    with connect() as con:
        seen = [landed_so_far(con)[table]]
        column = next(iter(TABLES[table]))
        for change in (
            f"insert into lake.{table} ({column}) values (null)",
            f"update lake.{table} set {column} = null",
            f"delete from lake.{table}",
            f"insert into lake.{table} ({column}) values (null)",
            f"create or replace table lake.{table} as from lake.{table}",
            f"create or replace table lake.{table} as from lake.{table}",
        ):
            con.execute(change)
            seen.append(landed_so_far(con)[table])
    assert len({*seen}) == len(seen), seen
