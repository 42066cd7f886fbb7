"""A lake whose files are in S3: outages at any moment, and what cannot be opened at all."""

from __future__ import annotations

import itertools
import subprocess
import sys
import time
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import duckdb
import pyarrow as pa
import pytest

from benchmarks.harness.stores import BUCKET, CREDENTIALS, S3
from pairlake.lake import sweep
from pairlake.lake.append import append
from pairlake.lake.catalog import connect, rows
from pairlake.lake.dbt_plugin import run_dbt
from pairlake.lake.errors import BadSetting, PairlakeError
from pairlake.lake.maintain import tidy
from tests.lake import writers
from tests.lake.writers import MODELS_ALONE, WRITERS
from tests.marts import contents
from tests.models import landed


@pytest.mark.slow
def test_outages_lose_nothing_and_double_nothing(
    store: S3, undisturbed: dict[str, dict[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAIRLAKE_DATA", f"s3://{BUCKET}/outages")
    monkeypatch.setenv("PAIRLAKE_RECIPE", "demo")
    landed.land_models()
    for answered in (3, 40):
        requests = itertools.count(1)
        store.refuses = lambda _: next(requests) > answered  # noqa: B023
        with pytest.raises((PairlakeError, duckdb.Error), match="503"):
            _land_and_build()
    store.refuses = lambda _: False
    _land_and_build()
    assert contents() == undisturbed


def test_a_store_that_does_not_take_what_lands_is_said(
    store: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAIRLAKE_DATA", f"s3://{BUCKET}/refused")
    lines = [f"http://a.example/{number}.jpg,picture {number}" for number in range(1_000)]
    (tmp_path / "list.csv").write_text("\n".join(["url,caption", *lines]))
    command = [sys.executable, "-m", "pairlake", "crawl", str(tmp_path / "list.csv")]
    store.refuses = lambda request: request["REQUEST_METHOD"] == "PUT"
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "503" in done.stderr
    assert "run it again" in done.stderr
    store.refuses = lambda _: False
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    assert rows("select count(*) from lake.raw.image_text_pairs") == [(1_000,)]


def _land_and_build() -> None:
    for number in range(WRITERS):
        list(writers.land(number))
    run_dbt("build", *MODELS_ALONE)


def test_a_lake_there_is_known_and_its_orphans_go_by_way_of_the_trash(
    store: S3, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAIRLAKE_DATA", f"s3://{BUCKET}/lake")
    append({"raw.crawl_files": pa.table({"path": [str(row) for row in range(20)]})})
    bucket = boto3.resource("s3").Bucket(BUCKET)
    (landed,) = _keys(bucket, "lake/tables")
    stray, theirs = f"ducklake-{uuid.uuid4()}.parquet", "lake/tables/raw/crawl_files/mine.parquet"
    for key in (f"lake/tables/raw/crawl_files/{stray}", theirs):
        bucket.copy({"Bucket": BUCKET, "Key": landed}, key)
    monkeypatch.setattr(sweep, "GRACE", timedelta(0))
    time.sleep(1)  # the store's times have no fractions
    assert tidy(leave_no_trace=False).files_trashed == 1
    assert sorted(_keys(bucket, "lake/tables")) == sorted([landed, theirs])
    (trashed,) = _keys(bucket, "lake/trash")
    assert trashed.endswith(f"/raw/crawl_files/{stray}")
    tidy(leave_no_trace=True)
    assert _keys(bucket, "lake/trash") == []
    # A second machine, with the place and without the catalog.
    monkeypatch.setenv("PAIRLAKE_HOME", str(home.parent / "second"))
    with pytest.raises(BadSetting, match="name the lake's own with PAIRLAKE_CATALOG"):
        connect()
    assert theirs in _keys(bucket, "lake/tables")


def _keys(bucket: Any, prefix: str) -> list[str]:
    return [entry.key for entry in bucket.objects.filter(Prefix=prefix) if entry.size]


@pytest.mark.parametrize(
    ("variables", "data", "said"),
    [
        ({}, "s3://no-such-bucket/one", "see that the bucket is there"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, f"s3://{BUCKET}/one", "AWS_ENDPOINT_URL"),
        ({}, "gs://bucket/one", "s3://BUCKET/PREFIX"),
        ({}, "s3://", "s3://BUCKET/PREFIX"),
        ({}, "s3://a-secret-key@lakes/one", "s3://BUCKET/PREFIX"),
        ({}, "s3://lakes/one?s3_secret_access_key=a-secret-key", "s3://BUCKET/PREFIX"),
    ],
)
def test_what_cannot_be_opened_is_said(
    variables: dict[str, str],
    data: str,
    said: str,
    store: S3,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PAIRLAKE_DATA", data)
    with pytest.raises(BadSetting, match=said) as caught:
        connect()
    assert "a-secret-key" not in str(caught.value)


def test_no_query_reads_the_credentials(store: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAIRLAKE_DATA", f"s3://{BUCKET}/asked")
    said = str(rows("select value from duckdb_settings()") + rows("from duckdb_secrets()"))
    assert CREDENTIALS["AWS_SECRET_ACCESS_KEY"] not in said
