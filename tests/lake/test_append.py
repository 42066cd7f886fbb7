"""Data and outcome rows land together or not at all, and writers queue instead of failing."""

from __future__ import annotations

import subprocess
import sys
import threading
import uuid

import duckdb
import pyarrow as pa
import pytest

from pairlake.lake.append import append
from pairlake.lake.catalog import connect, writing
from pairlake.lake.errors import SchemaMismatch
from tests.keyed import with_pair_keys

pytestmark = pytest.mark.usefixtures("lake_without_rows")


def _pairs(*captions: str) -> pa.Table:
    urls = [f"http://pictures.example/{number}.png" for number in range(len(captions))]
    return with_pair_keys(pa.table({"image_url": urls, "caption": list(captions)}))


def _count(table: str) -> int:
    con = connect()
    row = con.execute(f"select count(*) from lake.{table}").fetchone()
    con.close()
    assert row is not None
    return int(row[0])


def test_every_row_carries_its_attempt() -> None:
    attempt_id = append({"raw.image_text_pairs": _pairs("a cat", "a dog")})

    con = connect()
    rows = con.execute(
        "select distinct attempt_id, landed_at is null from lake.raw.image_text_pairs"
    ).fetchall()
    con.close()
    assert rows == [(attempt_id, False)]


def test_a_failure_halfway_leaves_nothing() -> None:
    outcomes = pa.table({"path": ["a.warc.wat.gz"], "records": ["not a number"]})

    with pytest.raises(duckdb.Error):
        append({"raw.image_text_pairs": _pairs("a cat"), "raw.crawl_files": outcomes})

    assert _count("raw.image_text_pairs") == 0
    assert _count("raw.crawl_files") == 0


def test_no_password_lands_in_any_column_that_may_hold_one() -> None:
    url = "https://me:zzz@a.example/1?sig=zzz"
    written = {
        "raw.crawl_files": ["crawl_id", "path", "error"],
        "raw.list_scores": ["source"],
        "raw.downloads": ["final_url", "error", "content_type"],
        "raw.image_text_pairs": ["crawl_id", "path", "source_id"],
        "enriched.image_nsfw": ["error"],
    }
    for name, columns in written.items():
        append({name: pa.table({column: [url] for column in columns})})
    con = connect()
    for name, columns in written.items():
        rows = con.execute(f"select {', '.join(columns)} from lake.{name}").fetchall()
        assert rows == [("https://a.example/1",) * len(columns)]
    con.close()


def test_an_unknown_column_is_refused_by_name() -> None:
    with pytest.raises(SchemaMismatch, match=r"raw\.crawl_files has no column colour"):
        append({"raw.crawl_files": pa.table({"colour": ["red"]})})


def test_keys_survive_the_way_through_arrow() -> None:
    append({"raw.image_text_pairs": _pairs("a cat")})

    con = connect()
    table = con.execute("select pair_id from lake.raw.image_text_pairs").to_arrow_table()
    con.close()
    assert table.schema.field("pair_id").type == pa.uuid()
    assert isinstance(table["pair_id"][0].as_py(), uuid.UUID)


def test_writers_in_threads_and_processes_all_get_through() -> None:
    connect().close()
    program = (
        "import pyarrow as pa\n"
        "from pairlake.lake.append import append\n"
        "for n in range(5): append({'raw.crawl_files': pa.table({'path': [f'process {n}']})})\n"
    )
    others = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(2)]
    threads = [
        threading.Thread(target=append, args=({"raw.crawl_files": pa.table({"path": ["t"]})},))
        for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [other.wait() for other in others] == [0, 0]
    assert _count("raw.crawl_files") == 15


def test_a_writer_that_raises_gives_the_lock_back() -> None:
    with pytest.raises(ZeroDivisionError), writing():
        _ = 1 / 0

    with writing() as con:
        con.execute("insert into lake.raw.crawl_files (path) values ('after')")
    assert _count("raw.crawl_files") == 1
