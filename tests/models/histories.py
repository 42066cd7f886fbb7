"""What happens to a lake between two builds, and what its tables hold after one."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import replace

from pairlake.lake.catalog import connect
from pairlake.lake.dbt_plugin import run_dbt
from pairlake.lake.settings import settings
from tests.models import landed
from tests.models.landed import CASES, CRAWL, LATER_CRAWL, Case

Event = Callable[[], object]
# The rows of tables by their names.
Contents = dict[str, list[tuple[object, ...]]]

_LICENCES = "https://creativecommons.org/licenses"

BY_CAPTION = {case.caption: case for case in CASES}
UNCOMPARED = BY_CAPTION["not yet compared"]
NEW = Case(caption="new in a later crawl", drop_reason=None)
LATE = Case(caption="seen late", drop_reason=None)
LAZY = Case(caption="first outside src", drop_reason=None)
TITLED = BY_CAPTION["the title of a picture"]
SEEN_RESERVED = Case(
    caption="seen on a reserved page",
    drop_reason="opted_out_tdm_reservation_train",
    page="also-reserved",
    is_found_only=True,
)
FORGOTTEN = BY_CAPTION["eine Beschreibung"]
REFETCHED = replace(BY_CAPTION["a picture"], picture="another picture", day=2)
# So that what happens to others is little of all: much is not worth finding among the rest.
MANY = tuple(Case(caption=f"one of many, {number}", drop_reason=None) for number in range(60))


def late_score() -> None:
    """A pair is compared that was not."""
    landed.land_found(replace(UNCOMPARED, similarity=0.8))


def late_language() -> None:
    """A caption is read that was not."""
    landed.land_found(replace(BY_CAPTION["not yet read"], language="en"))


def refetch() -> None:
    """A URL brings another picture than before, so that its twin is none."""
    landed.land_found(REFETCHED)


def dead_link() -> None:
    """What came once comes no more, and its pixels are let go of."""
    landed.land_images(replace(CASES[0], outcome="not_found", day=3))
    _change("delete from lake.raw.image_pixels where image_id = ?", CASES[0].image_id)


def late_wish() -> None:
    """A picture that an older version landed is asked for again, and says what it did not."""
    landed.hear(BY_CAPTION["a name"], "PROHIBITED-AIMLTRAINING")


def late_site_wish() -> None:
    """A site says of a picture what it did not say before."""
    landed.hear_of_site(BY_CAPTION["an English caption"], "train-ai=n")


def late_directive() -> None:
    """A site says of a picture, with a later answer, what it is not for."""
    landed.hear_of_site(MANY[1], "noai", "X-Robots-Tag")


def left_out() -> None:
    """What came once may not be asked for any more."""
    refused = {"site_property": "robots.txt", "site_wish": "Disallow"}
    landed.land_images(replace(MANY[2], outcome="opted_out_robots_txt", day=3, **refused))


def late_licence_of_file() -> None:
    """A picture names its licence that did not."""
    landed.license_file(BY_CAPTION["a name"], "CC BY-SA 4.0")


def late_licence_of_image() -> None:
    """A page names the licence of an image, which then is another than that of the page."""
    landed.license_image(CASES[0], f"{_LICENCES}/by/4.0/", creator="Ann")


def late_licence_of_page() -> None:
    """A page on which a pair was seen first says what its licence is."""
    url = "https://creativecommons.org/publicdomain/zero/1.0/"
    landed.hear_page("CRAWL-1b", "late.warc", license_url=url, language="en-GB")


def licence_in_a_later_crawl() -> None:
    """Pairs are seen again on a page that links to a licence."""
    landed.land_file(
        (CASES[1], LAZY), "CRAWL-5", "licensed.wat", license_url=f"{_LICENCES}/by-nc/3.0/de/"
    )


def late_page_wish() -> None:
    """A page on which pairs were seen is crawled again, and reserves what it did not."""
    landed.hear_of_page("not-listed", ("robots", "noai"), day=2)


def page_wish_taken_back() -> None:
    """A page is crawled again, and what it reserved it reserves no more."""
    landed.hear_of_page("reserved", day=3)


def seen_on_a_reserved_page() -> None:
    """A pair that is kept turns up on a page that reserves its text."""
    landed.hear_of_page("also-reserved", ("tdm-reservation", "1"))
    landed.land_file((replace(MANY[0], page="also-reserved"), SEEN_RESERVED), "CRAWL-5", "one.wat")
    landed.land_found(SEEN_RESERVED)


def forgotten_page() -> None:
    """Pages are to be forgotten, and so is what they say."""
    for page in ("no-pictures", "CRAWL-5/licensed.wat"):
        _change(
            "insert into lake.raw.takedowns by name "
            "select 'page' as kind, md5(?)::uuid as value_id, 'asked' as reason",
            f"https://page.example/{page}",
        )


def takedown() -> None:
    """A caption is to be forgotten."""
    landed.take_down(FORGOTTEN.caption)


def taken_back() -> None:
    """What was to be forgotten is to be there again."""
    _change("delete from lake.raw.takedowns")


def blocked_picture() -> None:
    """A picture is to be forgotten, whatever shows it."""
    _change(
        "insert into lake.raw.takedowns by name "
        "select 'image_sha256' as kind, ?::uuid as value_id, 'asked' as reason",
        BY_CAPTION["its twin"].image_id,
    )


def new_crawl() -> None:
    """A crawl brings a pair, and some that are known."""
    landed.land_file((*CASES[:4], NEW), "CRAWL-3", "one.wat")
    landed.land_found(NEW)


def late_old_crawl() -> None:
    """A pair that a later crawl brought first turns up in an earlier one too."""
    landed.land_file((CASES[0], LATE), CRAWL, "late.wat")


def later_in_src() -> None:
    """What was loaded late on the first page stands in `src` on a later one, and once more late."""
    landed.land_file((LAZY,), "CRAWL-3", "src.wat", image_source="src")
    landed.land_file((LAZY,), CRAWL, "again.wat", image_source="data-src")


def later_as_alt() -> None:
    """What one page has as a title another has as alt text, first as loaded late, then in `src`."""
    alt = replace(TITLED, caption_source="alt", language="en", outcome="ok")
    landed.land_file((alt,), "CRAWL-3", "alt late.warc", image_source="data-src")
    landed.land_file((alt,), LATER_CRAWL, "alt.wat", image_source="src")
    landed.land_found(alt)


def better_attempt() -> None:
    """A file that was cut off is read again, and what it brought before counts no more.

    So the incremental tables are emptied by themselves.
    """
    landed.land_file(CASES[:6], LATER_CRAWL, "one.wat")


def image_without_its_row() -> None:
    """A pair whose picture has been seen and not been judged."""
    case = Case(caption=f"late picture {uuid.uuid4()}", drop_reason=None)
    landed.land_file((case,), "CRAWL-4", f"{case.caption}.wat")
    landed.download(case)


EVENTS: list[Event] = [
    late_score,
    late_language,
    refetch,
    late_wish,
    late_site_wish,
    late_directive,
    left_out,
    late_licence_of_file,
    late_licence_of_image,
    late_licence_of_page,
    licence_in_a_later_crawl,
    late_page_wish,
    page_wish_taken_back,
    seen_on_a_reserved_page,
    forgotten_page,
    dead_link,
    takedown,
    taken_back,
    blocked_picture,
    new_crawl,
    late_old_crawl,
    later_in_src,
    later_as_alt,
    better_attempt,
    image_without_its_row,
]


def _change(sql: str, *parameters: object) -> None:
    with connect() as con:
        con.execute(sql, parameters)


def first() -> None:
    """What is there before any of these."""
    landed.land()
    landed.land_file(MANY, CRAWL, "many.wat")
    landed.land_found(*MANY)
    # A pair that is in a later crawl alone.
    landed.land_file((LATE,), "CRAWL-2b", "one.wat")
    landed.land_found(LATE)
    landed.land_file((LAZY,), "CRAWL-1b", "late.warc", image_source="data-src")
    landed.land_found(LAZY)


def build(*arguments: str) -> None:
    """All models, without what tests them."""
    run_dbt("run", *arguments)


def models(asking_for: str) -> list[str]:
    """The tables whose models ask for something in their configuration, as schema and name."""
    manifest = json.loads((settings().home / "dbt" / "target" / "manifest.json").read_text())
    return [
        f"{node['schema']}.{node['alias']}"
        for node in manifest["nodes"].values()
        if node["config"].get(asking_for)
    ]


def identities() -> dict[str, int]:
    """Of each table by which it is; one that is made anew is another."""
    query = """
        select schema_name || '.' || table_name, table_id
        from __ducklake_metadata_lake.ducklake_table
        inner join __ducklake_metadata_lake.ducklake_schema using (schema_id)
        where ducklake_table.end_snapshot is null
    """
    with connect(read_only=True) as con:
        return dict(con.execute(query).fetchall())


def contents() -> Contents:
    """The rows of all tables that dbt makes, in one order."""
    query = """
        select table_schema || '.' || table_name from information_schema.tables
        where table_schema in ('intermediate', 'marts') and table_type = 'BASE TABLE'
        and table_name != 'int_build_failures'
    """
    with connect(read_only=True) as con:
        return {
            name: sorted(con.execute(f"from lake.{name}").fetchall(), key=repr)
            for (name,) in con.execute(query).fetchall()
        }
