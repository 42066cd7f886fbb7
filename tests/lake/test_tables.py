"""Tables are made on first use, widened when old, and never change a type in silence."""

from __future__ import annotations

import duckdb
import pyarrow as pa
import pytest

from pairlake.lake import catalog
from pairlake.lake.append import append
from pairlake.lake.catalog import connect, writing
from pairlake.lake.errors import BadJob, SchemaMismatch
from pairlake.lake.tables import TABLES


def _open_anew() -> duckdb.DuckDBPyConnection:
    """As the next process would: tables are looked at when a process first opens the lake."""
    catalog._instance.cache_clear()
    return connect()


def _columns(table: str) -> dict[str, str]:
    con = _open_anew()
    described = con.execute(f"describe lake.{table}").fetchall()
    con.close()
    return {row[0]: row[1] for row in described}


def test_an_empty_lake_has_every_table() -> None:
    for table, columns in TABLES.items():
        assert list(_columns(table)) == list(columns)


def test_a_column_of_a_newer_version_is_added_to_an_old_lake() -> None:
    connect().close()
    with writing() as con:
        con.execute("alter table lake.raw.downloads drop column opt_out_evidence")
        con.execute("insert into lake.raw.downloads (outcome) values ('gone')")
        con.execute("drop table lake.enriched.image_hashes")

    con = _open_anew()
    assert con.execute("select outcome, opt_out_evidence from lake.raw.downloads").fetchall() == [
        ("gone", None)
    ]
    assert con.execute("select count(*) from lake.enriched.image_hashes").fetchall() == [(0,)]
    con.close()


def test_an_old_lake_may_be_opened_by_a_reader_first() -> None:
    with writing() as con:
        con.execute("alter table lake.raw.downloads drop column opt_out_evidence")

    catalog._instance.cache_clear()
    reader = connect(read_only=True)
    assert reader.execute("select opt_out_evidence from lake.raw.downloads").fetchall() == []
    with pytest.raises(duckdb.Error, match="read-only"):
        reader.execute("delete from lake.raw.downloads")
    reader.close()


@pytest.mark.parametrize(
    "rows", [1, 100, 5_000], ids=["inlined in the catalog", "in a file", "in more than one vector"]
)
def test_fields_of_a_newer_version_are_added_to_the_structs_of_a_list(rows: int) -> None:
    connect().close()
    old = "STRUCT(page_url VARCHAR, record_offset BIGINT)[]"
    with writing() as con:
        con.execute("drop table lake.raw.image_text_pairs")
        con.execute(f"create table lake.raw.image_text_pairs (caption VARCHAR, sightings {old})")
        con.execute(
            "insert into lake.raw.image_text_pairs "
            "select 'old', [{page_url: 'p', record_offset: n}, null] from range(?) as r (n)",
            [rows],
        )

    con = _open_anew()
    wanted = TABLES["raw.image_text_pairs"]["sightings"]
    con.execute(
        "insert into lake.raw.image_text_pairs by name "
        f"select 'new' as caption, [{{image_source: 'src', page_url: 'q'}}]::{wanted} as sightings"
    )
    query = (
        "select caption, sightings[1].page_url, sightings[1].image_source, len(sightings) "
        "from lake.raw.image_text_pairs group by all order by all"
    )
    assert con.execute(query).fetchall() == [("new", "q", "src", 1), ("old", "p", None, 2)]
    con.close()
    # The order of the fields is that of their age.
    assert set(_columns("raw.image_text_pairs")) == set(TABLES["raw.image_text_pairs"])


def test_a_column_of_a_later_version_is_left_alone() -> None:
    with writing() as con:
        con.execute("alter table lake.raw.downloads add column speed double")
        con.execute(
            "alter table lake.raw.image_text_pairs add column sightings.element.taste varchar"
        )

    assert _columns("raw.downloads")["speed"] == "DOUBLE"
    assert "taste VARCHAR" in _columns("raw.image_text_pairs")["sightings"]
    append({"raw.image_text_pairs": pa.table({"sightings": [[{"page_url": "p"}]]})})


def test_another_type_is_refused_by_name() -> None:
    with writing() as con:
        con.execute("alter table lake.raw.images drop column width")
        con.execute("alter table lake.raw.images add column width varchar")

    with pytest.raises(SchemaMismatch, match=r"raw\.images\.width is VARCHAR.*writes INTEGER"):
        _open_anew()


def test_another_type_of_a_field_is_refused_by_name() -> None:
    with writing() as con:
        con.execute("alter table lake.raw.image_text_pairs drop column sightings")
        con.execute(
            "alter table lake.raw.image_text_pairs add column sightings struct(page_url integer)[]"
        )

    with pytest.raises(SchemaMismatch, match=r"sightings is STRUCT\(page_url INTEGER\)\[\]"):
        _open_anew()


def test_a_type_that_duckdb_has_not_is_told_with_its_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TABLES["enriched.image_hashes"], "phash", "BIGNIT")
    with pytest.raises(
        BadJob, match=r"image_hashes\.py: `values` has 'phash' of the type 'BIGNIT'"
    ):
        _open_anew()
