"""Erases what is to be forgotten from the tables that Python owns. Part of `pairlake maintain`.

`lake.maintain.tidy` then takes it out of the files.
"""

from __future__ import annotations

from lake.catalog import connect, writing
from lake.forgotten import PAGE_ID, forgotten, on_forgotten_host
from lake.settings import settings


def takedowns_recorded() -> bool:
    """Whether anything was ever to be forgotten, by a request or by a hash list."""
    con = connect(read_only=True)
    try:
        found = con.execute(f"select 1 from ({forgotten(con)}) limit 1").fetchone()
    finally:
        con.close()
    return found is not None or bool(settings().hash_lists)


def older_snapshot_remains() -> bool:
    """Whether a snapshot from before the last takedown is still there.

    So an erasure shows that was interrupted before `lake.maintain.tidy`, which notes its own.
    """
    con = connect(read_only=True)
    try:
        row = con.execute(
            "select min(snapshot_time)::timestamp < (select max(requested_at) "
            "from lake.raw.takedowns) from ducklake_snapshots('lake')"
        ).fetchone()
    finally:
        con.close()
    return bool(row and row[0])


def erase_takedowns() -> int:
    """Blank what int_pairs_judged drops as `takedown`; returns how many rows changed.

    Goes by the last `dbt build`, which must have seen the takedowns. The marts still hold what is
    blanked here until the next build, and old files until `tidy`.
    """
    con = connect()
    try:
        with writing(con):
            con.execute(f"create temp table forgotten as {forgotten(con)}")
            for statement in _GONE:
                con.execute(statement)
            rows = [con.execute(statement).fetchone() for statement in (*_ERASE, *_SWEEP)]
            return sum(row[0] for row in rows if row)
    finally:
        con.close()


# A pair that was taken down keeps its ids, so that the accounts still add up, and loses what it
# says. A picture goes when no pair is left that may show it; a caption likewise.
_GONE = (
    """
    create temp table gone as
    select pair_id, url_id, caption_id, image_id
    from lake.intermediate.int_pairs_judged
    where drop_reason = 'takedown'
    """,
    """
    create temp table gone_images as
    select distinct image_id from gone where image_id is not null
    except
    select image_id from lake.intermediate.int_pairs_judged
    where drop_reason is distinct from 'takedown'
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
    # Another URL may have led to one that is to be forgotten.
    f"""
    update lake.raw.downloads
    set final_url = null, error = null, opt_out_evidence = null
    where
        (
            final_url is not null or error is not null or opt_out_evidence is not null
        )
        and (
            url_id in (select url_id from gone)
            or coalesce(
                md5(final_url)::uuid in (select value_id from forgotten where kind = 'url'), false
            )
            or {on_forgotten_host("final_url", "lake.raw.downloads")}
        )
    """,
    # With its download gone too, an image that another pair comes to need is fetched again.
    "delete from lake.raw.downloads where image_id in (select image_id from gone_images)",
    "delete from lake.raw.images where image_id in (select image_id from gone_images)",
)
# What is left of pictures and captions that are gone, even where a job that was under way has
# landed it since an earlier erasure.
_SWEEP = (
    *(
        f"""
        delete from lake.{table}
        where image_id not in (select image_id from lake.raw.images where image_id is not null)
        """
        for table in ("raw.image_pixels", "enriched.image_embeddings", "enriched.image_hashes")
    ),
    """
    delete from lake.enriched.caption_embeddings
    where caption_id not in (
        select caption_id from lake.raw.image_text_pairs where caption is not null
    )
    """,
)
