"""Erases what is to be forgotten from the tables that Python owns. Part of `pairlake maintain`.

`lake.maintain.tidy` then takes it out of the files.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import duckdb

from pairlake.lake.catalog import connect, rows, writing
from pairlake.lake.errors import TableMissing, first_line
from pairlake.lake.forgotten import PAGE_ID, forgotten, on_forgotten_host
from pairlake.lake.maintain import begin_erasure
from pairlake.lake.settings import settings
from pairlake.lake.tables import TABLES, ids_of
from pairlake.lake.tombstones import DOWNLOADS, IMAGES, PAIRS, SITE_RULES


def takedowns_recorded() -> bool:
    """Whether anything was ever to be forgotten, by a request or by a hash list."""
    con = connect(read_only=True)
    try:
        found = con.execute(f"select 1 from ({forgotten(con)}) limit 1").fetchone()
    finally:
        con.close()
    return found is not None or bool(settings().hash_lists)


def requests_due() -> list[UUID]:
    """The attempts that recorded requests of which something may be left yet; for `note_erased`.

    What an erasure records of the pairs that it erased is no request.
    """
    due = (
        "select distinct attempt_id from lake.raw.takedowns "
        "where erased_at is null and kind != 'pair'"
    )
    return [attempt_id for (attempt_id,) in rows(due, read_only=True)]


def note_erased(attempts: Sequence[UUID]) -> int:
    """Note of what `attempts` recorded that nothing of it is left; returns how many there are.

    Called when all that was to be done has been done: a receipt says erased from then on.
    """
    with writing() as con:
        row = con.execute(
            "update lake.raw.takedowns set erased_at = ?::timestamp "
            "where erased_at is null and list_contains(?::uuid[], attempt_id)",
            [datetime.now(UTC).replace(tzinfo=None), list(map(str, attempts))],
        ).fetchone()
    return row[0] if row else 0


def erase_takedowns() -> int:
    """Blank what int_pairs_judged has as taken down; returns how many rows changed.

    Goes by the last `dbt build`, which must have seen the takedowns. The marts still hold what is
    blanked here until the next build, and old files until `tidy`. Raises TableMissing where the
    build was not by the models of this version.
    """
    con = connect()
    try:
        with writing(con):
            con.execute(f"create temp table forgotten as {forgotten(con)}")
            for statement in _GONE:
                con.execute(statement)
            found = [con.execute(statement).fetchone() for statement in (*_ERASE, *_SWEEP)]
            changed = sum(int(row[0]) for row in found if row)
            if changed:
                # Before it is committed: who dies after has it in older files and backups.
                begin_erasure()
            return changed
    except (duckdb.CatalogException, duckdb.BinderException) as error:
        raise TableMissing(
            f"What is to be erased is not known as this version has it ({first_line(error)}); "
            "run: dbt build"
        ) from error
    finally:
        con.close()


# A pair that was taken down keeps its ids, so that the accounts still add up, and loses what it
# says. A URL, a caption or a picture goes when no pair is left that has it, and with it all that
# was computed of it. A picture that was asked for by its hash goes whatever has it.
_GONE = (
    """
    create temp table gone as
    select pair_id, url_id, caption_id, image_id
    from lake.intermediate.int_pairs_judged
    where is_taken_down
    """,
    """
    create temp table gone_urls as
    (
        select url_id from gone
        union
        select value_id from forgotten where kind = 'url'
    )
    except
    select url_id from lake.intermediate.int_pairs_judged
    where not is_taken_down
    """,
    # A URL may have brought several pictures, one after the other.
    """
    create temp table gone_images as
    (
        select image_id from gone where image_id is not null
        union
        select image_id from lake.raw.downloads
        where image_id is not null and url_id in (select url_id from gone_urls)
        except
        select image_id from lake.intermediate.int_pairs_judged
        where not is_taken_down
    )
    union
    select image_id from (
        select image_id, md5 from lake.raw.images
        union all
        select image_id, md5 from lake.raw.downloads
    )
    where
        image_id in (select value_id from forgotten where kind = 'image_sha256')
        or (
            image_id is not null
            and md5 in (select value_id from forgotten where kind = 'image_md5')
        )
    """,
    """
    set variable gone_pages = coalesce(
        (select list(value_id) from lake.raw.takedowns where kind = 'page'), []::uuid[]
    )
    """,
    # A later landing is known again by its URL, its caption or its host; one that went for its
    # picture or for its pages, by its own id only.
    """
    insert into lake.raw.takedowns by name
    select
        'pair' as kind,
        gone.pair_id as value_id,
        'erased for its picture or pages' as reason,
        (now() at time zone 'UTC')::timestamp as requested_at,
        uuid() as attempt_id,
        (now() at time zone 'UTC')::timestamp as landed_at
    from gone
    inner join lake.intermediate.int_pairs_deduplicated as pairs
        on gone.pair_id = pairs.pair_id
    where
        pairs.image_url is not null
        and gone.url_id not in (select value_id from lake.raw.takedowns where kind = 'url')
        and gone.caption_id not in (
            select value_id from lake.raw.takedowns where kind = 'caption'
        )
        and gone.pair_id not in (select value_id from lake.raw.takedowns where kind = 'pair')
        and pairs.host not in (
            select host from lake.intermediate.int_hosts_excluded where is_taken_down
        )
    """,
)
_ERASE = (
    # What a lesser attempt at a crawl file brought counts nowhere, and so has no verdict either.
    """
    delete from lake.raw.image_text_pairs
    where attempt_id not in (select attempt_id from lake.staging.stg_raw__crawl_files)
    """,
    """
    update lake.raw.image_text_pairs
    set image_url = null, caption = null, source_id = null, sightings = null
    where pair_id in (select pair_id from gone) and image_url is not null
    """,
    # A page's takedown reaches what it says of pairs that were seen elsewhere too. The sighting
    # goes as a whole: by its place in the crawl file the page could be found.
    f"""
    update lake.raw.image_text_pairs
    set sightings = list_transform(sightings, lambda sighting: case
        when not coalesce(
            list_contains(getvariable('gone_pages'), {PAGE_ID}), false
        )
            then sighting
    end)
    where list_bool_or(list_transform(
        sightings,
        lambda sighting: coalesce(
            list_contains(getvariable('gone_pages'), {PAGE_ID}), false
        )
    ))
    """,
    # Another URL may have led to one that is to be forgotten. The hashes of a body of which no
    # picture could be made stand here alone.
    f"""
    update lake.raw.downloads
    set
        final_url = null,
        error = null,
        opt_out_evidence = null,
        md5 = case when image_id is not null then md5 end,
        sha256 = case when image_id is not null then sha256 end
    where
        (
            final_url is not null or error is not null or opt_out_evidence is not null
            or (image_id is null and (md5 is not null or sha256 is not null))
        )
        and (
            url_id in (select url_id from gone_urls)
            or coalesce(
                md5(final_url)::uuid in (select value_id from forgotten where kind = 'url'), false
            )
            or {on_forgotten_host("final_url", "lake.raw.downloads")}
            or md5 in (select value_id from forgotten where kind = 'image_md5')
            or hex(sha256)[:32]::uuid in (
                select value_id from forgotten where kind = 'image_sha256'
            )
        )
    """,
    f"""
    delete from lake.{SITE_RULES} where {on_forgotten_host("origin", f"lake.{SITE_RULES}")}
    """,
    # With its download gone too, an image that another pair comes to need is fetched again.
    "delete from lake.raw.downloads where image_id in (select image_id from gone_images)",
    "delete from lake.raw.images where image_id in (select image_id from gone_images)",
)
# What is left, in every other table that has ids, of what is gone: even where a job that was under
# way has landed it since an earlier erasure.
_LEFT = {
    "pair": f"select pair_id from lake.{PAIRS} where image_url is not null",
    "url": f"select url_id from lake.{PAIRS} where image_url is not null",
    "caption": f"select caption_id from lake.{PAIRS} where caption is not null",
    "page": f"""
        select distinct {PAGE_ID}
        from (select unnest(sightings) as sighting from lake.{PAIRS})
        where sighting is not null and sighting.page_url is not null
    """,
    "image": f"select image_id from lake.{IMAGES} where image_id is not null",
}
_SWEEP = tuple(
    f"delete from lake.{table} where {column} not in ({_LEFT[kind]})"
    for table in TABLES
    if table not in (PAIRS, DOWNLOADS, IMAGES)
    for column, kind in ids_of(table).items()
)
