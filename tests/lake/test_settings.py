"""Settings say which variable is wrong and what would be right."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from pairlake.lake.catalog import connect
from pairlake.lake.errors import BadSetting, LakeUnreadable
from pairlake.lake.settings import Settings, settings


def test_an_unknown_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAIRLAKE_RECEIPT", "laion_5b")
    with pytest.raises(BadSetting, match=r"PAIRLAKE_RECEIPT is not a setting.*PAIRLAKE_RECIPE"):
        settings()


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("BATCH_SIZE", "many", "must be int"),
        ("BATCH_SIZE", "0", "1 or more"),
        ("ALLOW_NETWORKS", "10.0.0.0/8,home", "'home' is not a network"),
        ("CATALOG", "oracle:lake", "sqlite:FILE"),
        ("USER_AGENT", "pairlake\n(me)", "one line"),
        ("FETCH_TIMEOUT_S", "nan", "above 0"),
        ("PORT", "99999", "65535"),
        ("DEMO_PORT", "0", "between 1 and"),
        ("THREADS", "-1", "0 for all"),
        ("HOME", "lake[1]", r"\*, \?, \[ or \\"),
        ("DATA", "my\\lake", r"\*, \?, \[ or \\"),
        ("DATA", "s3:/bucket/lake", "two slashes, as in s3://BUCKET/PREFIX"),
        ("DATA", "s3:bucket", "two slashes"),
        ("HOME", "s3://bucket/lake", "only PAIRLAKE_DATA may be a place in S3"),
        ("HOME", "~nobody-of-that-name/lake", "give the whole path"),
        ("CATALOG", "sqlite:~nobody-of-that-name/lake.sqlite", "give the whole path"),
        ("CATALOG", "sqlite:", "sqlite:FILE"),
        ("CATALOG", "sqlite:s3://bucket/lake.sqlite", "only PAIRLAKE_DATA may be"),
    ],
)
def test_a_value_that_cannot_be_used_is_explained(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str
) -> None:
    monkeypatch.setenv(f"PAIRLAKE_{name}", value)
    with pytest.raises(BadSetting, match=message):
        settings()


def test_every_setting_has_help() -> None:
    assert all(field.metadata["help"].endswith(".") for field in fields(Settings))


def test_a_home_that_cannot_be_made_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("PAIRLAKE_HOME", str(tmp_path / "file" / "lake"))
    with pytest.raises(BadSetting, match="PAIRLAKE_HOME"):
        connect()


def test_duckdb_keeps_to_the_memory_and_processors_that_it_is_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PAIRLAKE_MEMORY_LIMIT", "1GiB")
    monkeypatch.setenv("PAIRLAKE_THREADS", "1")
    con = connect()
    query = "select current_setting('memory_limit'), current_setting('threads')"
    assert con.execute(query).fetchall() == [("1.0 GiB", 1)]
    con.close()


def test_memory_without_a_unit_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAIRLAKE_MEMORY_LIMIT", "much")
    with pytest.raises(BadSetting, match=r"PAIRLAKE_MEMORY_LIMIT is 'much'.*4GB"):
        connect()


def test_files_that_are_elsewhere_are_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connect().close()
    monkeypatch.setenv("PAIRLAKE_DATA", str(home / "elsewhere"))
    with pytest.raises(BadSetting, match="PAIRLAKE_DATA"):
        connect()


def test_a_catalog_that_is_no_catalog_is_one_sentence() -> None:
    file = settings().catalog_file
    file.parent.mkdir(parents=True)
    file.write_bytes(b"this is not SQLite" * 100)
    with pytest.raises(LakeUnreadable, match="cannot be opened"):
        connect()
