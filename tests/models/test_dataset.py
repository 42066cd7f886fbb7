"""The dbt project end to end on a small lake: verdicts, accounts, worklists, what is published."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import mmh3
import pandas
import polars
import pyarrow as pa
import pyarrow.dataset as pads
import pytest
from click.testing import CliRunner

from pairlake.commands import main
from pairlake.lake.backups import back_up
from pairlake.lake.built import dataset_is_current, stamp, state
from pairlake.lake.catalog import connect
from pairlake.lake.dbt_plugin import build_worklists, run_dbt
from pairlake.lake.errors import BadSetting, JobFailed
from pairlake.lake.keys import pair_id, text_id
from pairlake.lake.project import ROOT
from pairlake.lake.recipe import check_built
from pairlake.lake.restore import restore
from pairlake.lake.retention import release_pixels
from pairlake.lake.settings import settings
from tests.models import lacking, landed
from tests.models.landed import CASES, CRAWL, LATER_CRAWL, LIST, LISTED
from tests.reasons import reasons


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a lake that `landed` filled and dbt built, the models' unit tests among it."""
    home = tmp_path_factory.mktemp("built") / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PAIRLAKE_HOME", str(home))
        patch.setenv("PAIRLAKE_RECIPE", "demo")
        landed.land()
        run_dbt("build", "--select", "fqn:*")
    return home


@pytest.fixture
def con(built: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to that lake, which is also the lake of the settings."""
    monkeypatch.setenv("PAIRLAKE_HOME", str(built))
    monkeypatch.setenv("PAIRLAKE_RECIPE", "demo")
    connection = connect()
    connection.execute("use lake.marts")
    yield connection
    connection.close()


def _rows(con: duckdb.DuckDBPyConnection, query: str) -> list[tuple[Any, ...]]:
    return con.execute(query).fetchall()


def _verdicts(con: duckdb.DuckDBPyConnection) -> dict[str, str | None]:
    query = """
        select caption, drop_reason
        from lake.intermediate.int_pairs_judged
        inner join lake.intermediate.int_pairs_deduplicated using (pair_id)
    """
    return dict(_rows(con, query))


def test_every_case_has_the_verdict_that_was_planted(con: duckdb.DuckDBPyConnection) -> None:
    assert _verdicts(con) == {case.caption: case.drop_reason for case in CASES}


def test_pairs_are_what_is_kept_in_its_split(con: duckdb.DuckDBPyConnection) -> None:
    kept = {(case.caption, case.split) for case in CASES if case.drop_reason is None}
    assert set(_rows(con, "select caption, split from pairs")) == kept
    for split in ("en", "multi", "nolang"):
        in_split = {caption for caption, name in kept if name == split}
        assert {row[0] for row in _rows(con, f"select caption from pairs_{split}")} == in_split


def test_a_pair_carries_its_first_page_all_sightings_and_laions_hash(
    con: duckdb.DuckDBPyConnection,
) -> None:
    case = CASES[0]
    row = con.execute(
        "select hash, page_url, occurrences, crawl_id, similarity_model_id, phash, width, md5 "
        "from pairs where caption = ?",
        [case.caption],
    ).fetchone()
    page = f"https://page.example/{CRAWL}/one.wat"
    hash_ = mmh3.hash64(case.image_url + case.caption)[0]
    md5 = text_id(case.caption)
    # Twice in each of three crawl files, and once in a list.
    assert row == (hash_, page, 7, CRAWL, "mini_clip@s", 0, 320, md5)


def test_the_funnel_counts_each_sighting_pair_and_kept_pair_once(
    con: duckdb.DuckDBPyConnection,
) -> None:
    query = "select crawl_id, sum(sightings), sum(pairs), sum(kept) from filter_funnel group by all"
    kept = sum(case.drop_reason is None for case in CASES)
    # One file has all cases, another the first three; each pair was seen twice on each page. Of
    # the later crawl there is only a file that was cut off: what could be read of it counts.
    first = (CRAWL, 2 * (len(CASES) + 3), len(CASES), kept)
    listed = (LIST, len(LISTED), 0, 0)
    assert sorted(_rows(con, query)) == [first, (LATER_CRAWL, 6, 0, 0), listed]
    reasons = (
        "select drop_reason, sum(pairs)::int from filter_funnel group by all having sum(pairs) > 0"
    )
    assert dict(_rows(con, reasons)) == Counter(case.drop_reason for case in CASES)


def test_every_way_that_a_download_fails_is_a_known_reason(con: duckdb.DuckDBPyConnection) -> None:
    kinds = dict(_rows(con, "select outcome, kind from seeds.download_outcomes"))
    named = {name if kind == "opt_out" else f"download_{name}" for name, kind in kinds.items()}
    known = {reason for (reason,) in _rows(con, "select reason from drop_reasons")}
    meanings = _rows(con, "select signal, use from seeds.wish_meanings where says = 'disallow'")
    wished = {f"opted_out_{signal}_{use}" for signal, use in meanings}
    by_download = {name for name in known if name.startswith(("download_", "opted_out"))}
    assert by_download == named - {"download_ok", "download_blocked"} | wished
    listed = "select reason, kind, meaning from drop_reasons order by position"
    assert _rows(con, listed) == [(each.reason, each.kind, each.meaning) for each in reasons()]


def test_recipes_are_compared_on_the_same_pairs(con: duckdb.DuckDBPyConnection) -> None:
    query = (
        "select recipe, is_selected, pairs, kept, undecided from recipe_comparison order by recipe"
    )
    kept = sum(case.drop_reason is None for case in CASES)
    compared = {row[0]: row[1:] for row in _rows(con, query)}
    assert compared["demo"] == (True, len(CASES), kept, 3)
    assert compared["demo_near"] == (False, len(CASES), kept, 3)
    # Their models have made no score here, so nothing can be kept.
    assert compared["laion_400m"][:3] == (False, len(CASES), 0)
    assert compared["laion_5b"][:3] == (False, len(CASES), 0)
    # What has been fetched and read, duplicates and all.
    fetched = ("similarity_too_low", "similarity_missing", "image_too_small", "duplicate_image")
    unfiltered = sum(case.drop_reason in fetched for case in CASES)
    assert compared["no_filter"][2] == kept + unfiltered


def test_statistics_count_the_same_pairs(con: duckdb.DuckDBPyConnection) -> None:
    blocked = ("images.blocked.example", 1, 1, 0, 0, 0, 0, 0, 0)
    kept = sum(case.drop_reason is None for case in CASES)
    fetched = sum(case.outcome == "ok" for case in CASES)
    host = ("host.example", len(CASES) - 1, len(CASES) - 1, fetched, 3, 2, 0, 0, kept)
    assert _rows(con, "from domain_stats order by pairs") == [blocked, host]
    languages = _rows(con, "select language, pairs, kept from language_stats order by language")
    english = sum(case.split == "en" for case in CASES)
    assert languages == [("de", 1, 1), ("en", english, kept - 2), ("none", 1, 1)]


def test_shares_and_gains_are_of_the_same_pairs(con: duckdb.DuckDBPyConnection) -> None:
    kept = sum(case.drop_reason is None for case in CASES)
    shares = _rows(
        con,
        "select split, this_dataset, pairs from conformance where measure = 'pairs_share'",
    )
    english = ("en", (kept - 2) / kept, kept - 2)
    assert sorted(shares) == [english, ("multi", 1 / kept, 1), ("nolang", 1 / kept, 1)]
    (languages,) = _rows(con, "select sum(kept_share_of_split) from language_stats")
    assert languages == (3,)
    gains = dict(_rows(con, "select reason, pairs_first from filter_gains"))
    assert gains == Counter(case.drop_reason for case in CASES if case.drop_reason)
    # Nothing was asked for again.
    assert _rows(con, "from link_rot") == []


def test_the_documentation_can_be_made(con: duckdb.DuckDBPyConnection, built: Path) -> None:
    con.close()
    run_dbt("docs", "generate")
    catalog = json.loads((built / "dbt" / "target" / "catalog.json").read_text())
    assert {"model.pairlake.conformance", "model.pairlake.pairs_en"} <= set(catalog["nodes"])
    assert "source.pairlake.raw.downloads" in catalog["sources"]
    assert catalog["errors"] is None


def test_listed_pairs_are_filtered_by_their_lists_scores_without_a_download(
    con: duckdb.DuckDBPyConnection,
) -> None:
    query = "select caption, crawl_id, source_id, width, drop_reason from listed_pairs "
    assert set(_rows(con, query + "where similarity >= 0.7")) == {
        (case.caption, LIST, f"listed {case.caption}", 640, case.drop_reason) for case in LISTED
    }
    assert _rows(con, query + "where similarity > 0.8") == []


def _why(asked: str) -> str:
    return CliRunner().invoke(main, ["why", asked]).output


def test_why_tells_all_that_is_known_of_a_dropped_pair(con: duckdb.DuckDBPyConnection) -> None:
    case = CASES[9]
    key = pair_id(case.image_url, case.caption)
    # As it stands, as people type it, by its caption, and by its id in two spellings.
    spelled = ("HTTP://host.example:80/another%2Dthing.jpg#1", "host.example/another-thing.jpg")
    asked = (case.image_url, *spelled, case.caption, str(key), key.hex)
    told = {_why(each) for each in asked}
    assert len(told) == 1, told
    (text,) = told
    for known in (
        f"pair {key} is out: similarity_too_low",
        "reasons    similarity_too_low: image and caption are less alike than the recipe wants",
        f"caption    {case.caption}",
        "min_similarity 0.27: 0.1",
        "similarity 0.1 by mini_clip@s",
        "2026-01-01 00:00:00, ok",
        "2 times",
        f"https://page.example/{CRAWL}/one.wat in {CRAWL}, one.wat",
    ):
        assert known in text


def test_why_tells_what_a_picture_says_of_its_use(con: duckdb.DuckDBPyConnection) -> None:
    said = "xmp: plus:DataMining=DMI-PROHIBITED-GENAIMLTRAINING"
    assert f"its picture says disallow train_generative, {said}\n" in _why("not for generators")
    said = "2026-01-01 00:00:00, its site says allow search, Content-Usage: search=y"
    assert f"wishes     {said}\n" in _why("a name")


def test_why_tells_what_is_found_only_and_what_its_page_says(
    con: duckdb.DuckDBPyConnection,
) -> None:
    text = _why("of a reserved page")
    reason = "opted_out_tdm_reservation_train"
    assert f" is found only, and not exported: {reason}\n" in text
    assert f"reasons    {reason}: its picture, its page or its site says" in text
    assert "2026-01-01 00:00:00, a page says disallow train, TDM-Reservation: 1\n" in text
    copy = _why("found once")
    assert f" is out: {reason}\n" in copy
    assert "lost to " in copy
    assert ": of a reserved page\n" in copy


def test_what_is_found_only_is_in_its_own_mart_and_in_no_figure_of_what_is_kept(
    con: duckdb.DuckDBPyConnection,
) -> None:
    found = {case.caption for case in CASES if case.is_found_only}
    assert {caption for (caption,) in _rows(con, "select caption from pairs_found_only")} == found
    kept = sum(case.drop_reason is None for case in CASES)
    counts = (
        "select count(*) from pairs",
        "select sum(kept) from filter_funnel",
        "select sum(kept) from domain_stats",
        "select sum(kept) from language_stats",
        "select sum(kept) from similarity_histogram",
        "select kept from recipe_comparison where is_selected",
    )
    assert [_rows(con, count) for count in counts] == [[(kept,)]] * len(counts)
    copies = "select sum(pairs) from duplicate_stats where kind in ('url', 'image', 'near')"
    assert _rows(con, copies) == [(1,)]


def test_what_is_kept_and_not_to_be_found_has_that_for_its_reason(
    con: duckdb.DuckDBPyConnection,
) -> None:
    for caption, signal in (
        ("not to be found", "content_usage"),
        ("of a page without pictures", "page_robots"),
        # Also what is out for another reason: what hides it is told.
        ("not for anything", "data_mining"),
    ):
        (case,) = (case for case in CASES if case.caption == caption)
        key = pair_id(case.image_url, caption)
        reason = f"opted_out_{signal}_search"
        told = f"pair {key} is hidden: {reason}; nothing else of it is told\n"
        assert _why(caption) == told


def test_why_tells_of_a_duplicate_which_pair_is_kept(con: duckdb.DuckDBPyConnection) -> None:
    keeper = CASES[12]
    text = _why("its twin")
    assert "out: duplicate_image" in text
    assert f"lost to    {pair_id(keeper.image_url, keeper.caption)}: {keeper.caption}" in text
    assert "is kept" in _why(keeper.caption)


def test_why_tells_of_what_is_blocked_or_opted_out_the_reason_alone(
    con: duckdb.DuckDBPyConnection,
) -> None:
    for case in (CASES[4], CASES[7]):
        key = pair_id(case.image_url, case.caption)
        told = f"pair {key} is hidden: {case.drop_reason}; nothing else of it is told\n"
        assert _why(case.image_url) == told
    hidden = "select * from pair_histories where is_hidden"
    (row, *_) = con.execute(hidden).to_arrow_table().to_pylist()
    known = {name for name, value in row.items() if value is not None}
    ids, verdict = {"pair_id", "url_id", "caption_id"}, {"drop_reason", "drop_reasons"}
    assert known == ids | verdict | {"recipe", "is_undecided", "is_found_only", "is_hidden"}


def test_why_tells_what_is_nearest_but_nothing_of_what_is_hidden(
    con: duckdb.DuckDBPyConnection,
) -> None:
    assert "nearest:\n  another thing\n" in _why("another thin")
    assert "nearest:\n  https://host.example/another-thing.jpg\n" in _why(
        "https://host.example/another-thing.jpeg"
    )
    assert "opt" not in _why("with an opt-ou").replace("with an opt-ou", "")
    assert "blocked" not in _why("images.blocked.example/b.jpg")
    assert "pairlake crawl" in _why(str(uuid.uuid4()))


def test_why_goes_by_what_is_to_be_forgotten_now(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(built, tmp_path / "copy")
    # A lake of its own.
    (tmp_path / "copy" / "lake.json").unlink()
    monkeypatch.setenv("PAIRLAKE_HOME", str(tmp_path / "copy"))
    keeper = CASES[12]
    landed.take_down(keeper.caption)
    assert _why(keeper.image_url).endswith("is hidden: takedown; nothing else of it is told\n")
    assert keeper.caption not in _why("its twin")
    assert keeper.caption not in _why("a pictures")
    new = replace(CASES[0], caption="another caption")
    landed.land_file((new,), LATER_CRAWL, "new.wat")
    assert "A pair has landed" in _why(new.caption)
    assert "dbt build" in _why(new.caption)


def test_worklists_hold_what_can_still_change_a_verdict(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("use lake.intermediate")
    urls = _rows(con, "select image_url from int_urls_awaiting_download")
    assert urls == [("https://host.example/not-yet-fetched.jpg",)]
    captions = _rows(con, "select caption, model, model_id from int_captions_awaiting_language")
    assert captions == [("not yet read", "cld3", "cld3@1")]
    assert len(_rows(con, "from int_images_awaiting_hash")) == 1
    # No embedding has been landed, and the pair that lacks its language waits for that first.
    worth_comparing = {
        case.caption: case.image_id
        for case in CASES
        if case.drop_reason in (None, "similarity_too_low", "similarity_missing", "duplicate_image")
        # What is not for training is scored as well, to be found, if that is not refused too.
        or (
            str(case.drop_reason).endswith("_train")
            and case.wish != "PROHIBITED"
            and case.site_property != "TDM-Reservation"
        )
    }
    captions = _rows(con, "select caption from int_captions_awaiting_embedding")
    assert {caption for (caption,) in captions} == set(worth_comparing)
    images = _rows(con, "select image_id from int_images_awaiting_embedding")
    assert sorted(image for (image,) in images) == sorted(set(worth_comparing.values()))
    assert _rows(con, "from int_pairs_awaiting_similarity") == []


def test_no_worklist_names_a_row_twice(con: duckdb.DuckDBPyConnection) -> None:
    # Not a test of each build: the views are live, and at scale to read one is a job of its own.
    worklists = _rows(
        con, "select view_name from duckdb_views() where view_name like 'int_%_awaiting_%'"
    )
    filled = set()
    for (name,) in worklists:
        found = con.sql(f"from lake.intermediate.{name}")
        keys = {"kind", "url_id", "image_id", "caption_id", "model"} & set(found.columns)
        rows = found.select(*sorted(keys)).fetchall()
        assert len(rows) == len(set(rows)), name
        filled |= {name} if rows else set()
    assert filled >= {"int_urls_awaiting_download", "int_images_awaiting_embedding"}


def test_the_published_parquet_holds_the_pairs(con: duckdb.DuckDBPyConnection) -> None:
    published = pads.dataset(f"{settings().published}/pairs", partitioning="hive").to_table()
    captions = {row[0] for row in _rows(con, "select caption from pairs")}
    assert set(published["caption"].to_pylist()) == captions
    assert set(published["split"].to_pylist()) == {"en", "multi", "nolang"}


def test_all_read_the_published_parquet_alike(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    kept = _rows(con, "select pair_id, md5, sha256, caption from pairs")
    expected = sorted((pair.hex, md5.hex, sha256.hex(), text) for pair, md5, sha256, text in kept)
    folder, columns = f"{settings().published}/pairs", ["pair_id", "md5", "sha256", "caption"]
    # Spark and others know no type of Arrow's own, such as its uuid.
    types = {field.type for field in pads.dataset(folder).schema}
    assert types <= {pa.string(), pa.int32(), pa.int64(), pa.float32(), pa.timestamp("us")}
    files = [str(path) for path in Path(folder).rglob("*.parquet")]
    read = {
        "datasets": datasets.load_dataset(
            "parquet", data_files=files, split="train", cache_dir=str(tmp_path)
        )
        .select_columns(columns)
        .to_list(),
        "polars": polars.read_parquet(files, columns=columns).to_dicts(),
        "pandas": pandas.read_parquet(folder, columns=columns).to_dict("records"),
    }
    for reader, rows in read.items():
        assert sorted(tuple(row[name] for name in columns) for row in rows) == expected, reader


def test_an_unknown_recipe_ends_the_build_and_changes_nothing(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    dbt = Path(sys.executable).with_name("dbt")
    paths = ["--target-path", str(tmp_path), "--log-path", str(tmp_path)]
    select = ["--select", "int_selected_recipe", "int_pairs_judged"]
    done = subprocess.run(
        [dbt, "build", *select, *paths],
        cwd=ROOT,
        env={**os.environ, "PAIRLAKE_RECIPE": "laion_6b"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    sentence = "There is no recipe 'laion_6b' in models/seeds/recipes.csv"
    assert f"{sentence}; choose one of cc_open, datacomp_basic, " in done.stdout
    assert _verdicts(con) == {case.caption: case.drop_reason for case in CASES}


def test_a_view_is_replaced_when_its_sql_changed_and_only_then(
    con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def replaced(recipe: str) -> list[str]:
        """Run two views for another recipe, which is named in one; returns what was created."""
        with connect() as before:
            (last,) = _rows(before, "select max(snapshot_id) from ducklake_snapshots('lake')")
        views = ("int_pairs_flagged_live", "int_urls_resolved_live")
        monkeypatch.setenv("PAIRLAKE_RECIPE", recipe)
        run_dbt("run", "--select", *views)
        with connect() as after:
            changes = after.execute(
                "select changes::varchar from ducklake_snapshots('lake') where snapshot_id > ?",
                list(last),
            ).fetchall()
            (sql,) = _rows(after, f"select sql from duckdb_views() where view_name = '{views[0]}'")
        assert f"'{recipe}'" in sql[0]
        return [name for name in views if name in str(changes)]

    con.close()
    assert replaced("no_filter") == ["int_pairs_flagged_live"]
    assert replaced("no_filter") == []
    assert replaced("demo") == ["int_pairs_flagged_live"]


def test_a_line_of_a_hash_list_that_is_none_ends_the_build_and_leaves_the_table(
    con: duckdb.DuckDBPyConnection,
) -> None:
    query = "from lake.intermediate.int_takedowns_in_force order by all"
    before = _rows(con, query)
    con.execute("insert into lake.seeds.blocked_hashes values ('md5', 'abc', 'a list')")
    with pytest.raises(JobFailed, match=r"blocked_hashes\.csv: md5, abc is no md5"):
        run_dbt("run", "--select", "int_takedowns_in_force")
    con.execute("delete from lake.seeds.blocked_hashes")
    assert _rows(con, query) == before


# Last, since it adds to the lake that the tests above read.
def test_new_facts_change_worklists_at_once_and_verdicts_at_the_next_run(
    con: duckdb.DuckDBPyConnection,
) -> None:
    (unfetched,) = (case for case in CASES if case.drop_reason == "not_downloaded")
    landed.download(unfetched)
    landed.take_down(CASES[0].caption)
    assert _rows(con, "from lake.intermediate.int_urls_awaiting_download") == []
    con.close()

    run_dbt("run")

    changed = {unfetched.caption: "similarity_missing", CASES[0].caption: "takedown"}
    with connect() as after:
        verdicts = {case.caption: case.drop_reason for case in CASES} | changed
        assert _verdicts(after) == verdicts
        assert CASES[0].caption not in _published_captions()
        listed = dict(_rows(after, "select caption, drop_reason from lake.marts.listed_pairs"))
        assert listed == {case.caption: verdicts[case.caption] for case in LISTED[1:]}
        # Its ids stay in the account, so that the levels still add up.
        assert _rows(after, "select sum(pairs) from lake.marts.filter_funnel") == [(len(CASES),)]


def test_the_parquet_copy_is_of_the_table_after_a_restore_too(
    con: duckdb.DuckDBPyConnection,
) -> None:
    con.close()
    backup, folder = back_up(settings(), keep=9), Path(settings().published) / "pairs"
    with connect() as after:
        after.execute("delete from lake.raw.takedowns")
    run_dbt("run", "--select", "+pairs")
    shown = _published_captions()
    restore(backup)

    run_dbt("run", "--select", "pairs")
    with connect() as after:
        captions = {caption for (caption,) in _rows(after, "select caption from lake.marts.pairs")}
    assert shown - captions == {CASES[0].caption}
    assert _published_captions() == captions
    shutil.rmtree(folder)
    run_dbt("run", "--select", "pairs")
    assert _published_captions() == captions
    before = sorted(path.stat().st_mtime_ns for path in folder.rglob("*.parquet"))
    run_dbt("run", "--select", "pairs")
    assert sorted(path.stat().st_mtime_ns for path in folder.rglob("*.parquet")) == before


def _published_captions() -> set[str]:
    published = pads.dataset(f"{settings().published}/pairs", partitioning="hive").to_table()
    return set(published["caption"].to_pylist())


def test_what_failed_is_noted_until_it_succeeds(con: duckdb.DuckDBPyConnection) -> None:
    noted = (
        "select split_part(node, '.', 3) from lake.intermediate.int_build_failures order by node"
    )
    before = set(_rows(con, noted))
    pairs = _rows(con, "from pairs order by pair_id")
    with pytest.raises(JobFailed, match=r"With --empty .*leave it out"):
        run_dbt("build", "--empty")
    assert (len(pairs) > 0, _rows(con, "from pairs order by pair_id")) == (True, pairs)
    assert set(_rows(con, noted)) - before == {("--empty",)}
    con.execute("update filter_gains set reason = null")
    with pytest.raises(JobFailed, match="not_null_filter_gains_reason") as failed:
        run_dbt("test", "--select", "filter_gains,test_type:data")
    log = Path(failed.value.message.rpartition("See ")[2].rstrip(".")) / "dbt.log"
    assert "not_null_filter_gains_reason" in log.read_text(), "what it says to see is there"
    assert set(_rows(con, noted)) - before == {("not_null_filter_gains_reason",)}
    run_dbt("test", "--select", "pairs_en,test_type:data")
    assert len(_rows(con, noted)) == len(before) + 1
    run_dbt("build", "--select", "filter_gains", "--exclude-resource-type", "unit_test")
    assert set(_rows(con, noted)) == before


# Last of all, since it takes pixels away.
def test_pixels_stay_while_a_verdict_or_a_worklist_waits_for_them(
    con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    lacking.land()
    con.close()
    run_dbt("run", "--select", "+int_pairs_judged")
    seen_again = lacking.SEEN_AGAIN.case
    late = replace(seen_again, caption="another caption of it", url=seen_again.image_url)
    landed.land_file((late,), CRAWL, "late.wat")
    pairs = lacking.PAIRS
    images = {pair.case.image_id for pair in pairs}
    with connect() as after:
        judged, named = _verdicts(after), _named_for_pixels(after)
        for pair in pairs:
            assert judged[pair.case.caption] == pair.case.drop_reason
            assert named.get(pair.case.image_id) == pair.worklist, pair
        for keep, gone in (
            ("all", []),
            ("kept", [lacking.DROPPED]),
            ("none", [lacking.DROPPED, lacking.KEPT]),
        ):
            monkeypatch.setenv("PAIRLAKE_KEEP_PIXELS", keep)
            assert (release_pixels() > 0) == (keep != "all")
            assert release_pixels() == 0
            left = {
                image for (image,) in _rows(after, "select image_id from lake.raw.image_pixels")
            }
            assert images - left == {pair.case.image_id for pair in gone}, keep
            assert named.keys() <= left


def _named_for_pixels(con: duckdb.DuckDBPyConnection) -> dict[uuid.UUID, str]:
    """The worklist that names a picture for its pixels, by picture."""
    worklists = _rows(
        con,
        "select table_name from duckdb_columns() where schema_name = 'intermediate' "
        "and table_name like 'int_images_awaiting_%' and column_name = 'attempt_id'",
    )
    query = "select image_id from lake.intermediate.{} where attempt_id is not null"
    named = {image: name for (name,) in worklists for (image,) in _rows(con, query.format(name))}
    ratings = _rows(
        con,
        "select image_id, kind from lake.intermediate.int_ratings_awaiting "
        "where attempt_id is not null",
    )
    return named | {image: f"int_ratings_awaiting of {kind}" for image, kind in ratings}


def test_released_pixels_are_asked_for_once_where_a_verdict_waits_for_them(
    con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked() -> set[str]:
        """The captions of those whose URLs are to be asked for, for their pixels."""
        urls = _rows(
            con,
            "select image_url from lake.intermediate.int_urls_awaiting_download where lacks_pixels",
        )
        return {pair.case.caption for pair in lacking.PAIRS if (pair.case.image_url,) in urls}

    con.execute("delete from lake.raw.image_pixels")
    waiting = {pair.case.caption for pair in lacking.PAIRS if pair.is_undecided and pair.worklist}
    assert len(waiting) == 5
    assert asked() == waiting
    same, other, none = (
        replace(pair.case, day=2, **answer)
        for pair, answer in (
            (lacking.UNEMBEDDED, {}),
            (lacking.UNRATED, {"picture": "another"}),
            (lacking.UNMARKED, {"outcome": "not_found"}),
        )
    )
    landed.land_images(same, other, none)
    assert asked() == waiting - {same.caption, other.caption, none.caption}
    assert _named_for_pixels(con)[same.image_id] == lacking.UNEMBEDDED.worklist
    query = (
        "select caption, image_id, reasons, is_undecided "
        "from lake.intermediate.int_pairs_flagged_live"
    )
    live = {caption: found for caption, *found in _rows(con, query)}
    assert live[same.caption] == [same.image_id, ["similarity_missing"], True]
    assert live[other.caption] == [other.image_id, ["similarity_missing"], True]
    gone = [none.image_id, ["download_not_found", "pwatermark_missing"], False]
    assert live[none.caption] == gone
    # What has come again stays until its scores are made.
    monkeypatch.setenv("PAIRLAKE_KEEP_PIXELS", "none")
    release_pixels()
    left = {image for (image,) in _rows(con, "select image_id from lake.raw.image_pixels")}
    assert {same.image_id, other.image_id} <= left


def test_a_dataset_is_current_until_something_lands_or_another_recipe_is_asked_for(
    con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    con.close()
    assert not dataset_is_current(), "much has landed since it was built"
    # As if it had been built after that.
    stamp().write_text(state())
    assert dataset_is_current()

    monkeypatch.setenv("PAIRLAKE_RECIPE", "demo_near")
    assert not dataset_is_current()
    with pytest.raises(BadSetting, match="built under the recipe demo"):
        check_built()
    build_worklists()
    assert not dataset_is_current(), "the marts are still those of the other recipe"
    check_built()


def test_a_model_that_cannot_be_had_is_named_and_fails_the_command(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    con.close()
    monkeypatch.setenv("PAIRLAKE_MODELS", str(tmp_path))
    monkeypatch.setenv("PAIRLAKE_RECIPE", "demo_near")
    jobs = ("caption_embeddings", "image_aesthetics")
    done = subprocess.run(
        [sys.executable, "-m", "pairlake", "enrich", *jobs],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "No CLIP model is called 'mini_clip'" in done.stderr
    assert "Traceback" not in done.stderr
    assert "image_aesthetics: nothing to do" in done.stdout, "the other job is done"


@pytest.mark.slow
def test_an_empty_lake_is_built_and_tested() -> None:
    run_dbt("build", "--exclude-resource-type", "unit_test")
    with connect(read_only=True) as empty:
        assert _rows(empty, "from lake.marts.pairs") == []
