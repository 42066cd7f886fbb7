"""The index holds exactly the kept pairs, readers see whole publications, erased bytes are gone."""

from __future__ import annotations

import fcntl
import io
import json
import os
import shutil
import signal
from dataclasses import asdict
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import lancedb
import pytest
from PIL import Image

from pairlake.lake.catalog import writing
from pairlake.lake.errors import JobFailed, PairlakeError, TableMissing
from pairlake.serve.publish import from_marts, publish
from pairlake.serve.publish.from_marts import Searchable
from pairlake.serve.publish.publish import PublishSummary, compact
from pairlake.serve.publish.thumbnails import thumbnail
from pairlake.serve.search import index
from pairlake.serve.search import published as published_by
from pairlake.serve.search.index import PAIRS, THUMBNAILS, NothingPublished
from pairlake.serve.search.published import Published
from pairlake.serve.search.search import Search
from tests.serve.conftest import (
    APPLE,
    CAT,
    ENCODERS,
    POMME,
    SEA,
    Blurred,
    Mart,
    Pair,
    picture,
)


def _publish() -> PublishSummary:
    return publish.publish(progress=lambda _: None)


def _captions(home: Path) -> set[str]:
    table = Published(home / "search", PAIRS).reader().table
    return set(table.to_arrow()["caption"].to_pylist())


def _thumbnails(home: Path) -> int:
    return int(Published(home / "search", THUMBNAILS).reader().table.count_rows())


def _shown_images(home: Path) -> set[UUID]:
    table = Published(home / "search", THUMBNAILS).reader().table
    return {UUID(bytes=key) for key in table.to_arrow()["image_id"].to_pylist()}


def test_before_dbt_has_run_the_next_step_is_named() -> None:
    with pytest.raises(TableMissing, match="run: dbt build"):
        _publish()


def test_marts_that_failed_a_test_are_not_published(mart: Mart, home: Path) -> None:
    mart.keep(APPLE)
    _publish()
    mart.keep(APPLE, CAT)
    with writing(mart.con) as con:
        con.execute(
            "create table lake.intermediate.int_build_failures as "
            "select 'test.pairlake.assert_funnel_adds_up' as node, now()::timestamp as failed_at"
        )
    with pytest.raises(JobFailed, match=r"1 places \(assert_funnel_adds_up\).*run: dbt build"):
        _publish()
    assert _captions(home) == {APPLE.caption}


def test_an_empty_mart_publishes_nothing(mart: Mart, home: Path) -> None:
    assert _publish().rows == 0
    with pytest.raises(NothingPublished, match="pairlake publish"):
        Published(home / "search", PAIRS).reader()


def test_only_differences_are_written(mart: Mart, home: Path) -> None:
    mart.keep(APPLE, POMME, CAT)
    first = _publish()
    assert (first.added, first.updated, first.deleted, first.rows) == (3, 0, 0, 3)
    assert _thumbnails(home) == 2

    better = Pair(caption=CAT.caption, picture=CAT.picture, similarity=0.4)
    mart.keep(APPLE, better, SEA)
    second = _publish()
    assert (second.added, second.updated, second.deleted, second.rows) == (1, 1, 1, 3)
    assert _captions(home) == {APPLE.caption, CAT.caption, SEA.caption}
    rows = Published(home / "search", PAIRS).reader().table.to_arrow().to_pylist()
    assert {row["caption"]: row["similarity"] for row in rows}[CAT.caption] == pytest.approx(0.4)


def test_nothing_new_changes_nothing(mart: Mart, home: Path) -> None:
    mart.keep(APPLE, CAT)
    _publish()
    before = Published(home / "search", PAIRS).reader().table.version

    again = _publish()

    assert (again.added, again.updated, again.deleted) == (0, 0, 0)
    assert str(again) == "Nothing new: 2 pairs are published."
    assert Published(home / "search", PAIRS).reader().table.version == before


@pytest.mark.parametrize("step", ["fresh_rows", "show"])
def test_readers_keep_the_last_publication_until_the_next_is_whole(
    mart: Mart, home: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    mart.keep(APPLE, CAT)
    _publish()
    mart.keep(APPLE, SEA)
    with monkeypatch.context() as killed:
        # The process ends after the deletes, or after the last write and before readers see it.
        killed.setattr(publish, step, _die)
        with pytest.raises(KeyboardInterrupt):
            _publish()
    assert _captions(home) == {APPLE.caption, CAT.caption}
    assert _shown_images(home) == {APPLE.image_id, CAT.image_id}
    with pytest.raises(JobFailed, match="run: pairlake publish"):
        compact(erase=True)

    _publish()

    assert _captions(home) == {APPLE.caption, SEA.caption}
    assert _shown_images(home) == {APPLE.image_id, SEA.image_id}


def test_what_commits_meanwhile_waits_for_the_next_publication(
    mart: Mart, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mart.keep(APPLE, CAT)
    listed = from_marts.searchable

    def overtaken(con: duckdb.DuckDBPyConnection, **how: Any) -> Searchable:
        wanted = listed(con, **how)
        mart.keep(APPLE, SEA)
        return wanted

    with monkeypatch.context() as busy:
        busy.setattr(publish, "searchable", overtaken)
        assert _publish().added == 2
    assert _captions(home) == {APPLE.caption, CAT.caption}
    assert _shown_images(home) == {APPLE.image_id, CAT.image_id}

    _publish()

    assert _captions(home) == {APPLE.caption, SEA.caption}


def _die(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_reader_follows_the_next_publication(mart: Mart, home: Path) -> None:
    mart.keep(APPLE)
    _publish()
    published = Published(home / "search", PAIRS)
    assert published.reader().table.count_rows() == 1
    mart.keep(APPLE, CAT)
    _publish()
    assert published.reader().table.count_rows() == 2
    assert published.reader().publication.splits == {"en": 2}


def test_a_reader_goes_on_with_an_index_that_was_made_anew(
    mart: Mart, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = Search(home / "search", ENCODERS)

    def found() -> list[str]:
        return [hit.caption for hit in search.by_text("cat", limit=2)]

    mart.keep(APPLE)
    _publish()
    assert (found(), search.thumbnail(CAT.image_id)) == ([APPLE.caption], None)
    # It has the same version as the one before, and readers have just looked.
    with monkeypatch.context() as patches:
        patches.setattr(published_by, "LOOK_EVERY_S", 3_600.0)
        shutil.rmtree(home / "search")
        with pytest.raises(NothingPublished):
            found()
        mart.keep(CAT)
        _publish()
        assert found() == [CAT.caption]
    assert search.thumbnail(CAT.image_id) is not None
    # Nor does it matter that the old files are still there.
    (home / "search").rename(home / "old")
    mart.keep(SEA)
    _publish()
    assert found() == [SEA.caption]


def test_another_width_of_vectors_replaces_the_table(mart: Mart, home: Path) -> None:
    mart.keep(APPLE, CAT)
    _publish()
    mart.forget_vectors()
    mart.dimensions = 16
    mart.keep(APPLE, CAT)

    assert _publish().added == 2

    schema = Published(home / "search", PAIRS).reader().table.schema
    assert schema.field("image_vector").type.list_size == 16


def test_pairs_without_vectors_are_counted(mart: Mart) -> None:
    mart.keep(APPLE, CAT)
    with writing(mart.con) as con:
        con.execute("delete from lake.enriched.image_embeddings where image_id = ?", [CAT.image_id])

    summary = _publish()

    assert (summary.rows, summary.unsearchable) == (1, 1)
    assert "1 pairs have no vectors" in str(summary)


def test_a_second_writer_is_told_to_wait(mart: Mart, home: Path) -> None:
    (home / "search").mkdir(parents=True)
    with (home / "search.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        with pytest.raises(PairlakeError, match="another process"):
            _publish()


def test_a_picture_that_cannot_be_decoded_is_tried_once(mart: Mart, home: Path) -> None:
    mart.keep(CAT)
    mart.keep(CAT, APPLE, pixels={"apple": b"\x89PNG\r\n\x1a\n and no more"})
    first = _publish()
    assert (first.broken_thumbnails, _publish().broken_thumbnails) == (1, 0)
    search = Search(home / "search", ENCODERS)
    assert search.thumbnail(APPLE.image_id) is None
    assert search.thumbnail(CAT.image_id) is not None


def test_thumbnails_are_small_and_on_white() -> None:
    file = io.BytesIO()
    Image.new("RGBA", (900, 300), (0, 0, 0, 0)).save(file, "PNG")
    jpeg = thumbnail(file.getvalue())
    assert jpeg is not None
    with Image.open(io.BytesIO(jpeg)) as image:
        assert (image.format, image.size, image.getpixel((0, 0))) == (
            "JPEG",
            (256, 85),
            (255, 255, 255),
        )


def _want_memory(uri: str, configs: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_an_index_that_needs_too_much_memory_says_so(
    mart: Mart, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mart.keep(APPLE)
    _publish()
    mart.keep(APPLE, CAT)
    with monkeypatch.context() as patch:
        patch.setattr(index, "_make", _want_memory)
        patch.setattr(index, "INDEX_FROM_ROWS", 2)
        with pytest.raises(
            JobFailed, match=r"2 rows could not be made.*then run: pairlake publish"
        ):
            _publish()
    assert _captions(home) == {APPLE.caption}
    _publish()
    assert _captions(home) == {APPLE.caption, CAT.caption}


def test_an_index_of_an_older_pairlake_says_what_to_do(mart: Mart, home: Path) -> None:
    mart.keep(APPLE)
    _publish()
    with index.writing(home / "search") as db:
        old = index.newest(db, PAIRS)
        assert old is not None
        old.drop_columns(["facts"])
        index.show(old)
    with pytest.raises(PairlakeError, match="older pairlake; run: pairlake publish"):
        Published(home / "search", PAIRS).reader()
    _publish()
    assert Published(home / "search", PAIRS).reader().table.count_rows() == 1


def test_an_index_without_a_list_of_scores_says_what_to_do(mart: Mart, home: Path) -> None:
    mart.keep(APPLE, CAT)
    _publish()
    with index.writing(home / "search") as db:
        old = index.newest(db, PAIRS)
        assert old is not None
        said = json.loads(old.schema.metadata[b"publication"])
        del said["scores"]
        old.to_lance().update_schema_metadata({"publication": json.dumps(said)})
        old.checkout_latest()
        index.show(old)
    with pytest.raises(PairlakeError, match="older pairlake; run: pairlake publish"):
        Published(home / "search", PAIRS).reader()
    # Its rows are as they would be now.
    assert str(_publish()) == "Nothing new: 2 pairs are published."
    assert Published(home / "search", PAIRS).reader().table.count_rows() == 2


def test_another_list_of_scores_replaces_the_table(mart: Mart, home: Path) -> None:
    mart.keep(APPLE)
    _publish()
    mart.rate("blurriness")
    mart.keep(Blurred(**(asdict(APPLE) | {"blurriness": 0.25})))
    assert _publish().added == 1
    reader = Published(home / "search", PAIRS).reader()
    assert reader.table.to_arrow()["blurriness"].to_pylist() == [0.25]
    known = {each.score: each.pairs for each in reader.publication.scores}
    assert (known["blurriness"], known["punsafe"]) == (1, 0)
    # What a score hides, and is called, is no part of a pair.
    with writing(mart.con) as con:
        con.execute("update lake.marts.ratings set label = 'blurred' where kind = 'blurriness'")
    assert str(_publish()) == "Nothing new: 1 pairs are published."
    assert Published(home / "search", PAIRS).reader().publication.scores[-1].label == "blurred"


def test_erasing_leaves_no_byte_of_what_was_deleted(mart: Mart, home: Path) -> None:
    mart.keep(APPLE, CAT)
    _publish()
    jpeg = thumbnail(picture("cat"))
    assert jpeg is not None
    secrets = {
        "caption": CAT.caption.encode(),
        "word": b"black",
        "pair": CAT.pair_id.bytes,
        "picture": jpeg,
    }
    # The check itself must be able to find them.
    assert _found(home, secrets) == set(secrets)

    mart.keep(APPLE)
    _publish()
    assert _found(home, secrets) == set(secrets)
    compact(erase=True)

    assert _found(home, secrets) == set()
    assert _captions(home) == {APPLE.caption}
    assert _thumbnails(home) == 1


def _found(home: Path, secrets: dict[str, bytes]) -> set[str]:
    files = [path.read_bytes() for path in (home / "search").rglob("*") if path.is_file()]
    return {name for name, secret in secrets.items() if any(secret in file for file in files)}


def test_a_large_table_is_indexed_and_still_finds_the_nearest(
    mart: Mart, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "INDEX_FROM_ROWS", 300)
    crowd = [Pair(caption=f"number {i}", picture=f"picture {i}") for i in range(300)]
    mart.keep(*crowd, APPLE)
    _publish()
    mart.keep(*crowd, APPLE, CAT)
    _publish()

    table = lancedb.connect(home / "search").open_table(PAIRS)
    indexed = {index.columns[0]: index.num_unindexed_rows for index in table.list_indices()}
    assert {"pair_id", "image_vector", "caption_vector", "caption"} < set(indexed)
    assert set(indexed.values()) == {0}
    search = Search(home / "search", ENCODERS)
    for pair in (APPLE, CAT):
        assert search.by_text(pair.picture, limit=1)[0].pair_id == pair.pair_id
