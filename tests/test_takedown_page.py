"""The SQL of docs/takedown.md does what the page says of it."""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from lake.catalog import connect, rows, writing
from lake.settings import ROOT
from lake.takedowns import record_takedowns
from serve.export import export
from tests.serve.conftest import APPLE, CAT, POMME, SEA, Mart
from tests.serve.exporting import with_verdicts

(SURVIVORS,) = re.findall(
    r"```sql\n(.*?)```", (ROOT / "docs" / "takedown.md").read_text(), flags=re.DOTALL
)


def _run(query: str) -> None:
    con = connect()
    con.execute(query)
    con.close()


def _texts(file: str, column: str) -> list[str]:
    values: list[str] = sorted(pq.read_table(file)[column].to_pylist())
    return values


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, into which the page's queries write."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def mart() -> Mart:
    return with_verdicts(Mart())


def test_survivors_are_what_both_releases_have(folder: Path, mart: Mart) -> None:
    mart.keep(APPLE, POMME, CAT)
    export(folder / "old.parquet")
    mart.keep(APPLE, POMME, SEA)
    export(folder / "new.parquet")

    _run(SURVIVORS)

    assert _texts("survivors.parquet", "TEXT") == sorted([APPLE.caption, POMME.caption])


def test_what_was_asked_for_cannot_be_told_from_what_went_with_it(mart: Mart) -> None:
    """By all that the lake knows of a removal, and by whether an older release has it."""
    mart.keep(APPLE, CAT, SEA)
    with writing() as con:
        con.execute("update lake.marts.pairs set url_id = md5(image_url)::uuid")
    record_takedowns({"url": [CAT.image_url]}, reason="request 17", among=2)
    alike = rows(
        "select count(*), count(distinct row(kind, reason, requested_at, attempt_id, landed_at)), "
        "bool_and(value_id in (select url_id from lake.marts.pairs)) from lake.raw.takedowns"
    )
    assert alike == [(3, 1, True)]
