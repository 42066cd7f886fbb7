"""The whole path with files and vectors in an S3 that now and then has no room for a request."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import boto3
import pytest

from benchmarks.harness.stores import BUCKET, CREDENTIALS, S3
from pairlake.demo.stage import environment
from pairlake.demo.wat import CRAWL_ID
from pairlake.demo.web import base_url, serving
from pairlake.demo.world import build_world
from pairlake.encoders import opened_search
from pairlake.lake.catalog import rows
from tests.traces import found

PICTURES = 40
REFUSED_EVERY = 9  # requests


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, free_port: int) -> Iterator[int]:
    """A small web of drawings, which is served at a port."""
    folder = tmp_path_factory.mktemp("world")
    build_world(folder, base_url(free_port), PICTURES)
    with serving(folder, free_port):
        yield free_port


def _settle(world: int, home: Path, data: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings of an empty lake."""
    monkeypatch.setenv("PAIRLAKE_DEMO_PORT", str(world))
    for name, value in environment(None).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PAIRLAKE_HOME", str(home))
    monkeypatch.setenv("PAIRLAKE_DATA", data)
    monkeypatch.setenv("PAIRLAKE_FETCH_TIMEOUT_S", "2")


def _pairlake(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pairlake", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    for secret in CREDENTIALS.values():
        assert secret not in done.stdout + done.stderr
    return done


def _run() -> str:
    done = _pairlake("run", "--crawl", CRAWL_ID, "--files", "all")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _shown() -> list[tuple[UUID, bytes | None]]:
    """What the page finds, with thumbnails."""
    search = opened_search()
    hits = search.by_text("a fruit", limit=5)
    return [(hit.pair_id, search.thumbnail(hit.image_id)) for hit in hits]


def _copied(folder: Path) -> Path:
    """All objects of the bucket, as files."""
    bucket = boto3.resource("s3").Bucket(BUCKET)
    for entry in bucket.objects.all():
        place = folder / entry.key
        place.parent.mkdir(parents=True, exist_ok=True)
        bucket.download_file(entry.key, str(place))
    return folder


@pytest.mark.slow
def test_it_holds_all_and_forgets_all(
    world: int,
    store: S3,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home = tmp_path / "home"
    _settle(world, home, f"s3://{BUCKET}/one", monkeypatch)
    requests = itertools.count(1)
    store.refuses = lambda _: next(requests) % REFUSED_EVERY == 0
    _run()
    assert all(thumbnail for _, thumbnail in _shown())
    assert next(requests) > 10 * REFUSED_EVERY

    ((caption,),) = rows("select caption from lake.marts.pairs order by pair_id limit 1")
    trace = {"caption": caption.encode()}
    bucket = _copied(tmp_path / "before")
    kinds = {path.relative_to(bucket / "one").parts[0] for path in found(bucket, trace)["caption"]}
    assert kinds == {"tables", "published", "search"}
    secrets = {name: value.encode() for name, value in CREDENTIALS.items()}
    assert found(home, {**trace, **secrets}).keys() <= {"caption"}
    assert not list(home.rglob("*.parquet"))

    assert "hidden" in _pairlake("forget", "--caption", caption).stdout
    assert _pairlake("maintain").returncode == 0
    assert found(home, trace) == {}
    assert found(_copied(tmp_path / "after"), trace) == {}
