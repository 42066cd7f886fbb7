"""What the last build drops as `takedown` is blanked in every table, however it got there."""

from __future__ import annotations

from uuid import UUID

import pyarrow as pa
import pytest

from pairlake.lake.append import append
from pairlake.lake.catalog import rows, writing
from pairlake.lake.erasure import erase_takedowns, note_erased, requests_due, takedowns_recorded
from pairlake.lake.errors import TableMissing
from pairlake.lake.keys import pair_id, text_id
from pairlake.lake.maintain import erasure_is_unfinished, tidy
from pairlake.lake.receipts import receipts
from pairlake.lake.tables import IDS, TABLES, ids_of
from pairlake.lake.takedowns import record_takedowns
from tests.keyed import with_pair_keys

pytestmark = pytest.mark.usefixtures("lake_without_rows")

# What the models would say of the pairs that `_land` lands.
_BUILT = """
create schema lake.intermediate; create schema lake.staging;
create table lake.staging.stg_raw__crawl_files as
    select distinct attempt_id from lake.raw.image_text_pairs;
create table lake.intermediate.int_pairs_deduplicated as
    select pair_id, image_url, 'host' as host from lake.raw.image_text_pairs;
create table lake.intermediate.int_hosts_excluded as
    select 'other' as host, true as is_taken_down;
create table lake.intermediate.int_pairs_judged as
    select pair_id, pairs.url_id, caption_id, downloads.image_id,
    case when caption = 'gone' then 'takedown' end as drop_reason,
    coalesce(caption = 'gone', false) as is_taken_down
    from lake.raw.image_text_pairs as pairs
    left join lake.raw.downloads on pairs.url_id = downloads.url_id;
"""


def _land(*captions: str) -> None:
    """Land pairs, each with a picture whose id is its url_id, and build around them."""
    urls = [f"http://a.example/{caption}.jpg" for caption in captions]
    pages = [[{"page_url": f"http://page/{caption}"}] for caption in captions]
    pairs = with_pair_keys(pa.table({"image_url": urls, "caption": captions, "sightings": pages}))
    images = pa.table({"image_id": pairs["url_id"]})
    append(
        {
            "raw.image_text_pairs": pairs,
            "raw.images": images,
            "raw.image_pixels": images,
            "raw.downloads": pa.table(
                {"url_id": pairs["url_id"], "image_id": pairs["url_id"], "final_url": urls}
            ),
            "enriched.image_hashes": images,
            "enriched.image_embeddings": images,
            "enriched.caption_embeddings": pa.table({"caption_id": pairs["caption_id"]}),
        }
    )
    _build()


def _build() -> None:
    with writing() as con:
        con.execute(_BUILT)


def _left(column: str, table: str) -> list[object]:
    return [value for (value,) in rows(f"select {column} from lake.{table} order by all")]


def _picture_of(caption: str) -> pa.Array:
    """The image_id of a caption's picture, as a column."""
    ((key,),) = rows("select url_id from lake.raw.image_text_pairs where caption = ?", [caption])
    return pa.array([key.bytes], pa.uuid())


def test_a_pair_leaves_its_ids_and_nothing_else() -> None:
    _land("gone", "stays")
    assert erase_takedowns() > 0
    assert _left("caption", "raw.image_text_pairs") == ["stays", None]
    assert _left("final_url", "raw.downloads") == ["http://a.example/stays.jpg"]
    for table in ("raw.images", "raw.image_pixels", "enriched.image_hashes"):
        assert len(_left("image_id", table)) == 1, table
    assert len(_left("caption_id", "enriched.caption_embeddings")) == 1


def test_verdicts_of_an_earlier_version_are_built_anew_first() -> None:
    _land("gone")
    with writing() as con:
        con.execute("alter table lake.intermediate.int_pairs_judged drop column is_taken_down")
    with pytest.raises(TableMissing, match=r"is_taken_down.*run: dbt build"):
        erase_takedowns()
    assert _left("caption", "raw.image_text_pairs") == ["gone"]


# Ids that are no thing's own, and what may stand only in a row that has an id.
_NO_THING = {"attempt_id", "value_id"}
_HASHES = {"md5", "sha256", "phash"}


def test_every_id_and_hash_is_in_a_table_that_an_erasure_reaches() -> None:
    """A table that is added tomorrow fails here until `lake.tables.IDS` knows its ids."""
    for table, columns in TABLES.items():
        ids = {column for column, type_ in columns.items() if type_ == "UUID"}
        assert ids - _NO_THING - _HASHES <= IDS.keys(), table
        assert ids_of(table) or not _HASHES & columns.keys(), table


_SCHEMA = pa.schema(
    {
        **dict.fromkeys((*IDS, "md5"), pa.uuid()),
        "sha256": pa.binary(),
        "sightings": pa.list_(pa.struct({"page_url": pa.string()})),
        **dict.fromkeys(("image_url", "final_url", "caption", "error"), pa.string()),
    }
)


def _row(caption: str, picture: bytes, neighbour: bytes) -> dict[str, object]:
    """What any table may say of a pair."""
    url = f"http://a.example/{caption}.jpg"
    page = f"http://a.example/{caption}.html"
    ids = (pair_id(url, caption).bytes, *(text_id(text).bytes for text in (url, caption, page)))
    hashes = (picture[:16], neighbour[:16], picture[16:], picture)
    texts = ([{"page_url": page}], url, url, caption, url)
    return dict(zip(_SCHEMA.names, (*ids, *hashes, *texts), strict=True))


def _told_of(caption: str, picture: bytes, table: str) -> bool:
    """Whether a table has words of a pair, its picture's hashes, or ids of what is not kept."""
    told = [f"{caption}.jpg", *(str(UUID(bytes=half)) for half in (picture[:16], picture[16:]))]
    if table not in ("raw.image_text_pairs", "raw.downloads"):
        # There they are a tombstone's, and an outcome's, so that the accounts add up.
        told += [str(UUID(bytes=key)) for key in list(_row(caption, picture, picture).values())[:4]]
    says = " or ".join("contains(said::varchar, ?)" for _ in told)
    bytes_ = "" if "sha256" not in TABLES[table] else f" or sha256 = unhex('{picture.hex()}')"
    return bool(rows(f"select 1 from lake.{table} as said where {says}{bytes_}", told))


def test_an_erasure_reaches_every_table_that_has_ids() -> None:
    gone, stays = bytes(range(65, 97)), bytes(range(97, 129))
    tables = [table for table in TABLES if ids_of(table)]
    landed = [_row("gone", gone, stays), _row("stays", stays, gone), _row("stays", stays, stays)]
    whole = pa.Table.from_pylist(landed, _SCHEMA)
    for table in tables:
        append({table: whole.select([name for name in _SCHEMA.names if name in TABLES[table]])})
    # A body of which no picture could be made.
    no_picture = {"image_id": None, "final_url": None, "error": None}
    failed = [{**_row("gone", gone, gone), **no_picture}]
    columns = [name for name in _SCHEMA.names if name in TABLES["raw.downloads"]]
    append({"raw.downloads": pa.Table.from_pylist(failed, _SCHEMA).select(columns)})
    assert all(_told_of("gone", gone, table) for table in tables)
    _build()

    erase_takedowns()

    assert [table for table in tables if _told_of("gone", gone, table)] == []
    assert all(_told_of("stays", stays, table) for table in tables)


def test_what_a_late_job_says_of_a_forgotten_pair_lands_in_no_table() -> None:
    gone, stays = bytes(range(65, 97)), bytes(range(97, 129))
    record_takedowns(
        {
            "url": ["http://a.example/gone.jpg"],
            "page": ["http://a.example/gone.html"],
            "caption": ["gone"],
            "image_hash": [gone.hex()],
        }
    )
    landed = [_row("gone", gone, stays), _row("stays", stays, gone), _row("stays", stays, stays)]
    whole = pa.Table.from_pylist(landed, _SCHEMA)
    tables = [table for table in TABLES if ids_of(table)]
    append(
        {
            table: whole.select([name for name in _SCHEMA.names if name in TABLES[table]])
            for table in tables
        }
    )
    assert [table for table in tables if _told_of("gone", gone, table)] == []
    assert all(_told_of("stays", stays, table) for table in tables)


@pytest.mark.parametrize("request_", ["url", "image_hash"])
def test_a_picture_goes_that_its_url_no_longer_brings(request_: str) -> None:
    """A URL may bring another picture later; pairs are judged by that one."""
    _land("stays", *(["gone"] if request_ == "url" else []))
    caption = "gone" if request_ == "url" else "stays"
    first = bytes(range(65, 97))
    url_id = text_id(f"http://a.example/{caption}.jpg").bytes
    picture = {"image_id": [first[:16]], "sha256": [first]}
    for table, row in {
        "raw.images": picture,
        "raw.downloads": picture | {"url_id": [url_id]},
    }.items():
        append({table: pa.table(row, pa.schema([_SCHEMA.field(name) for name in row]))})
    if request_ == "image_hash":
        record_takedowns({"image_hash": [first.hex()]})
    erase_takedowns()
    assert not _told_of("nothing", first, "raw.images")
    assert not _told_of("nothing", first, "raw.downloads")
    assert len(_left("image_id", "raw.images")) == 1


def test_an_erased_pair_is_known_when_it_lands_again() -> None:
    """Whatever it went for: its picture is not to be seen in its ids."""
    _land("gone", "stays")
    erase_takedowns()
    (pair,) = rows("select kind, value_id from lake.raw.takedowns")
    assert pair == (
        "pair",
        *rows("select md5('http://a.example/gone.jpg' || chr(31) || 'gone')::uuid")[0],
    )
    # Once is enough, and the second time nothing is left to do.
    with writing() as con:
        con.execute("update lake.intermediate.int_pairs_deduplicated set image_url = null")
    assert erase_takedowns() == 0
    assert len(_left("kind", "raw.takedowns")) == 1


@pytest.mark.parametrize("kind", ["url", "caption"])
def test_a_pair_that_is_known_anyway_needs_no_entry(kind: str) -> None:
    _land("gone")
    record_takedowns({kind: ["http://a.example/gone.jpg" if kind == "url" else "gone"]})
    erase_takedowns()
    assert _left("kind", "raw.takedowns") == [kind]


@pytest.mark.parametrize("page", ["http://page/stays", "<http://page/stays>"])
def test_a_sighting_on_a_page_goes_as_a_whole(page: str) -> None:
    _land("stays")
    with writing() as con:
        con.execute(
            "update lake.raw.image_text_pairs set sightings = [{'page_url': ?}, "
            "{'page_url': 'http://page/'}]::struct(page_url varchar, license_url varchar, "
            "record_offset bigint, width_hint integer, height_hint integer)[]",
            [page],
        )
    record_takedowns({"page": ["http://page/stays"]})
    erase_takedowns()
    (left,) = rows("select sightings[1], sightings[2].page_url from lake.raw.image_text_pairs")
    assert left == (None, "http://page/")


@pytest.mark.parametrize(
    "request_",
    [{"url": ["http://b.example/2.jpg"]}, {"domain": ["b.example"]}],
    ids=["url", "domain"],
)
def test_another_url_no_longer_says_where_it_led(request_: dict[str, list[str]]) -> None:
    _land("stays")
    with writing() as con:
        con.execute("update lake.raw.downloads set final_url = 'http://b.example/2.jpg'")
    record_takedowns(request_)
    erase_takedowns()
    assert _left("final_url", "raw.downloads") == [None]


def test_what_a_late_job_has_landed_goes_too() -> None:
    _land("gone", "stays")
    late = {
        table: pa.table({"image_id": _picture_of("gone")})
        for table in ("raw.image_pixels", "enriched.image_embeddings")
    }
    erase_takedowns()
    append(late)
    with writing() as con:
        # With its download gone, the pair has no picture any more.
        con.execute(
            "update lake.intermediate.int_pairs_judged set image_id = null "
            "where drop_reason = 'takedown'"
        )
    erase_takedowns()
    for table in late:
        assert len(_left("image_id", table)) == 1, table


def test_takedowns_are_recorded_by_a_request_or_a_list(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert not takedowns_recorded()
    monkeypatch.setenv("PAIRLAKE_HASH_LISTS", "a.txt")
    assert takedowns_recorded()
    monkeypatch.delenv("PAIRLAKE_HASH_LISTS")
    record_takedowns({"caption": ["a cat"]})
    assert takedowns_recorded()


def test_an_erasure_is_unfinished_from_its_first_step_on() -> None:
    """What hash lists name is in no request by which that could be seen."""
    _land("gone", "stays")
    assert not erasure_is_unfinished()
    assert erase_takedowns() > 0
    assert erasure_is_unfinished()
    assert erase_takedowns() == 0
    assert erasure_is_unfinished(), "older files, snapshots and backups have it"
    tidy(leave_no_trace=True)
    assert not erasure_is_unfinished()


def test_what_is_erased_is_noted_of_the_requests_that_were_known_then() -> None:
    assert requests_due() == []
    record_takedowns({"url": ["http://a.example/1.png"]})
    due = requests_due()
    assert len(due) == 1
    record_takedowns({"url": ["http://a.example/2.png"]})
    with writing() as con:
        # By a clock that was put back both were before all else, and at once.
        con.execute(
            "update lake.raw.takedowns set requested_at = '1999-01-01', landed_at = '1999-01-01'"
        )
    assert note_erased(due) == 1
    assert len(requests_due()) == 1
    first, second = record_takedowns({"url": ["http://a.example/1.png", "http://a.example/2.png"]})
    assert first.erased_at is not None
    assert second.erased_at is None
    assert [str(receipt).rpartition("; ")[2] for receipt in receipts([first, second])] == [
        f"erased on {first.erased_at:%Y-%m-%d}",
        "kept out from now on, if it lands",
    ]


def test_what_a_forgotten_domain_said_to_robots_is_erased_and_lands_no_more() -> None:
    sites = pa.table({"origin": ["https://www.gone.example:8080", "https://gone.example.org"]})
    _land("stays")
    append({"raw.site_rules": sites})
    record_takedowns({"domain": ["gone.example"]})
    erase_takedowns()
    left = "select origin from lake.raw.site_rules"
    assert rows(left) == [("https://gone.example.org",)]
    append({"raw.site_rules": sites})
    assert rows(left) == [("https://gone.example.org",)] * 2
