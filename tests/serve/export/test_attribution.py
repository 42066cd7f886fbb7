"""An export of a recipe of licences says of each image who made it, and under which licence."""

from __future__ import annotations

import csv
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pairlake.lake.append import append
from pairlake.lake.catalog import writing
from pairlake.lake.errors import BadRequest
from pairlake.lake.keys import text_id
from pairlake.lake.takedowns import record_takedowns
from pairlake.serve.export.export import FORMATS, export
from pairlake.serve.export.provenance import altered, attribution, beside
from pairlake.serve.export.selection import Selection
from tests.serve.conftest import APPLE, CAT, POMME, Mart, Pair, uuids
from tests.serve.export.exporting import files_of, list_pairs, snapshot, with_verdicts

_RECIPE = """
create or replace table lake.intermediate.int_selected_recipe_judging as
    select ['CC-BY'] as licences
"""
_ATTRIBUTIONS = """
create table lake.marts.attributions (
    pair_id uuid, creator varchar, credit varchar, copyright varchar, licence varchar,
    licence_url varchar, licence_scope varchar, evidence varchar
)
"""
_URL = "https://creativecommons.org/licenses/by/4.0/"


@pytest.fixture
def mart(mart: Mart) -> Mart:
    with writing(mart.con):
        mart.con.execute(_RECIPE)
        mart.con.execute(_ATTRIBUTIONS)
    return with_verdicts(mart)


def _attribute(mart: Mart, pair: Pair, creator: str, scope: str = "file") -> None:
    with writing(mart.con):
        mart.con.execute(
            "insert into lake.marts.attributions "
            "values (?, ?, null, '© us', 'CC-BY-4.0', ?, ?, 'it')",
            [pair.pair_id, creator, _URL, scope],
        )


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_each_format_brings_the_attributions_of_its_pairs(mart: Mart, tmp_path: Path) -> None:
    mart.keep(APPLE, POMME, CAT)
    for pair in (APPLE, POMME, CAT):
        _attribute(mart, pair, f"{pair.picture} & co")
    for kind, is_folder in FORMATS.items():
        made = tmp_path / kind
        export(made, Selection(split="en"), format=kind)
        name = "ATTRIBUTION.csv" if is_folder else f"{kind}.attribution"
        there = attribution(made)
        assert there.name == name
        assert altered(made) == []
        assert _read(there) == [
            {
                "pair_id": str(pair.pair_id),
                "title": pair.caption,
                "creator": f"{pair.picture} & co",
                "credit": "",
                "copyright": "© us",
                "source": pair.image_url,
                "page_url": pair.page_url or "",
                "licence": "CC-BY-4.0",
                "licence_url": _URL,
                "licence_scope": "file",
                "evidence": "it",
            }
            for pair in sorted((APPLE, CAT), key=lambda pair: pair.pair_id)
        ]


def test_other_recipes_and_lists_have_none(mart: Mart, tmp_path: Path) -> None:
    mart.keep(APPLE)
    _attribute(mart, APPLE, "Ann")
    list_pairs(mart, APPLE)
    export(tmp_path / "listed.csv", Selection(source="listed_pairs"))
    with writing(mart.con):
        mart.con.execute("update lake.intermediate.int_selected_recipe_judging set licences = null")
    export(tmp_path / "of another.csv")
    with writing(mart.con):
        mart.con.execute("drop table lake.intermediate.int_selected_recipe_judging")
    export(tmp_path / "of before.csv")
    assert list(tmp_path.glob("*.attribution")) == []


def test_of_a_page_that_is_forgotten_nothing_is_told(mart: Mart, tmp_path: Path) -> None:
    mart.keep(APPLE, CAT)
    _attribute(mart, APPLE, "Ann", "image")
    _attribute(mart, CAT, "Bea", "page")
    keys = {"url_id": APPLE.image_url, "page_id": "https://p.example/"}
    said = {name: uuids([text_id(key)]) for name, key in keys.items()}
    append({"raw.image_licenses": pa.table(said)}, mart.con)
    then = snapshot()
    record_takedowns({"page": ["https://p.example/"]})
    export(tmp_path / "pairs.csv", snapshot=then)
    told = {row["title"]: row["creator"] for row in _read(attribution(tmp_path / "pairs.csv"))}
    assert told == {APPLE.caption: "", CAT.caption: "Bea"}


@settings(max_examples=30, suppress_health_check=list(HealthCheck))
@given(text=st.text(st.sampled_from("=+-@\uff1d\uff20 \t\r\n\u00a0\u200ba'\"|1"), max_size=6))
def test_no_cell_is_a_formula(mart: Mart, tmp_path: Path, text: str) -> None:
    with writing(mart.con):
        mart.con.execute("delete from lake.marts.attributions")
    mart.keep(CAT)
    _attribute(mart, CAT, text)
    export(tmp_path / "pairs.csv")
    (row,) = _read(attribution(tmp_path / "pairs.csv"))
    begun = text.lstrip(" \t\r\n\u00a0\u200b")
    assert row["creator"] == (f"'{text}" if begun and begun[0] in "=+-@\uff1d\uff20" else text)


def _files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.is_file()}


def test_attributions_go_where_their_file_is_replaced(mart: Mart, tmp_path: Path) -> None:
    mart.keep(APPLE)
    _attribute(mart, APPLE, "Ann")
    path = tmp_path / "pairs.csv"
    export(path)
    attribution(path).unlink()
    assert len(altered(path)) == 1
    export(path)
    assert altered(path) == []
    with writing(mart.con):
        mart.con.execute("update lake.intermediate.int_selected_recipe_judging set licences = null")
    export(path)
    assert _files(tmp_path) == {"pairs.csv", "pairs.csv.provenance"}
    attribution(path).write_text("mine")
    with pytest.raises(BadRequest, match=r"pairs\.csv\.attribution would be replaced"):
        export(path)
    assert attribution(path).read_text() == "mine"


@pytest.mark.parametrize("moved", [0, 1])
@pytest.mark.parametrize("licences", ["null", "['CC-BY']"])
def test_an_export_killed_before_its_attributions_moved_is_known_again(
    mart: Mart, tmp_path: Path, moved: int, licences: str
) -> None:
    mart.keep(APPLE)
    _attribute(mart, APPLE, "Ann")
    path, hidden = tmp_path / "pairs.csv", tmp_path / ".pairs.csv.partial"
    export(path)
    old = {each.name: each.read_bytes() for each in (beside(path), attribution(path))}
    mart.keep(CAT)
    _attribute(mart, CAT, "Bea")
    with writing(mart.con):
        mart.con.execute(
            f"update lake.intermediate.int_selected_recipe_judging set licences = {licences}"
        )
    export(path)
    whole = files_of(tmp_path)
    hidden.mkdir()
    left = [attribution(path), beside(path)][moved:]
    for each in left:
        if each.exists():
            each.rename(hidden / each.name)
        each.write_bytes(old[each.name])
    with pytest.raises(BadRequest):
        export(path, Selection(where=("no_column = 1",)))
    assert files_of(tmp_path) == whole
    assert altered(path) == []
