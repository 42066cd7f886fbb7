"""The synthetic lake of the benchmark: true keys, the shares it promises, and dbt takes it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from benchmarks.dataset import job
from benchmarks.dataset.world import land, land_later
from pairlake.lake.catalog import connect
from pairlake.lake.dbt_plugin import run_dbt
from pairlake.lake.keys import pair_id, text_id

PAIRS = 12_000


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a lake with so many pairs, and nothing built."""
    home = tmp_path_factory.mktemp("world") / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PAIRLAKE_HOME", str(home))
        land(PAIRS)
    return home


@pytest.fixture
def con(world: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to that lake, which is also the lake of the settings."""
    monkeypatch.setenv("PAIRLAKE_HOME", str(world))
    connection = connect(read_only=True)
    yield connection
    connection.close()


def _row(con: duckdb.DuckDBPyConnection, query: str) -> tuple[Any, ...]:
    row = con.execute(query).fetchone()
    assert row is not None
    return row


def test_keys_are_those_of_the_lake(con: duckdb.DuckDBPyConnection) -> None:
    query = "select image_url, caption, pair_id, url_id, caption_id from lake.raw.image_text_pairs"
    for url, caption, pair, url_key, caption_key in con.execute(query).fetchmany(500):
        assert (pair, url_key, caption_key) == (
            pair_id(url, caption),
            text_id(url),
            text_id(caption),
        )
    wrong = "from lake.raw.images where hex(sha256)[:32] != replace(upper(image_id::text), '-', '')"
    assert _row(con, f"select count(*) {wrong}") == (0,)


def test_landings_repeat_pairs_in_the_same_and_in_other_crawls(
    con: duckdb.DuckDBPyConnection,
) -> None:
    table = "lake.raw.image_text_pairs"
    landings, pairs, keys, crawls = _row(
        con,
        "select count(*), count(distinct pair_id), count(distinct (path, pair_id)), "
        f"count(distinct crawl_id) from {table}",
    )
    assert pairs == PAIRS
    # The first of ten files has nothing to repeat.
    assert 1 - pairs / landings == pytest.approx(0.15 * 0.9, abs=0.01)
    assert keys == landings
    assert crawls == 5


def test_urls_share_captions_and_bytes(con: duckdb.DuckDBPyConnection) -> None:
    captions = "select count(distinct caption_id) as n from lake.raw.image_text_pairs"
    (two_captions,) = _row(con, f"select avg((n = 2)::int) from ({captions} group by url_id)")
    assert two_captions == pytest.approx(0.2, abs=0.01)
    shared, most = _row(
        con,
        "select sum(n) filter (where n > 1) / sum(n), max(n) from (select count(*) as n "
        "from lake.raw.downloads where outcome = 'ok' group by image_id)",
    )
    assert shared == pytest.approx(0.12, abs=0.02)
    assert most > 2


def test_lengths_and_scores_are_as_in_the_wild(con: duckdb.DuckDBPyConnection) -> None:
    caption, url = _row(
        con, "select avg(length(caption)), avg(length(image_url)) from lake.raw.image_text_pairs"
    )
    assert (caption, url) == (pytest.approx(60, abs=4), pytest.approx(90, abs=4))
    (arrived,) = _row(con, "select avg((outcome = 'ok')::int) from lake.raw.downloads")
    assert arrived == pytest.approx(0.85, abs=0.02)
    assert _row(
        con, "select avg(similarity), stddev(similarity) from lake.enriched.pair_similarities"
    ) == (pytest.approx(0.2, abs=0.002), pytest.approx(0.06, abs=0.002))


def test_some_pictures_look_alike(con: duckdb.DuckDBPyConnection) -> None:
    hashes = (
        "with hashes as (select distinct image_id, phash from lake.enriched.image_hashes), "
        "alike as (select distinct l.image_id from hashes l inner join hashes r "
        "on l.image_id > r.image_id and bit_count(xor(l.phash, r.phash)) <= 3) "
    )
    (share,) = _row(con, f"{hashes} select count(*) / (select count(*) from hashes) from alike")
    assert 0.05 < share < 0.15


@pytest.mark.slow
def test_the_same_seed_makes_the_same_lake(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = (
        "select bit_xor(hash(image_url, caption, sightings, path)) from lake.raw.image_text_pairs"
    )
    first = _row(con, query)
    monkeypatch.setenv("PAIRLAKE_HOME", str(tmp_path / "again"))
    land(PAIRS)
    other = connect(read_only=True)
    assert _row(other, query) == first
    other.close()


@pytest.mark.slow
def test_dbt_builds_it_and_a_later_crawl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAIRLAKE_HOME", str(tmp_path / "built"))
    land(1_000)
    run_dbt("build", "--select", "+marts", "--exclude", "resource_type:test")
    job.main("make-room")
    land_later(1_000, 500)
    run_dbt("build", "--select", "+marts", "--exclude-resource-type", "unit_test")
    con = connect(read_only=True)
    seen = "select count(*) filter (where crawl_id = 'CRAWL-later')"
    (later,) = _row(con, f"{seen} from lake.raw.image_text_pairs")
    (first_seen,) = _row(con, f"{seen} from lake.intermediate.int_pairs_deduplicated")
    assert (later, first_seen) == (500, 400)
    kept, reasons = _row(
        con,
        "select avg((drop_reason is null)::int), count(distinct drop_reason) "
        "from lake.intermediate.int_pairs_judged",
    )
    assert 0.02 < kept < 0.2
    assert reasons >= 5
    assert _row(con, "select count(distinct split) from lake.marts.pairs") == (3,)
    con.close()
