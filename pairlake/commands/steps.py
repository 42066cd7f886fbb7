"""The steps that commands consist of: calls into the rooms, and a line of what came of each."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable

import click

from pairlake.lake import progress
from pairlake.lake.errors import BadRequest, JobFailed


def crawl(
    paths: tuple[str, ...] = (),
    crawl_id: str | None = None,
    files: str | None = None,
    seed: int | None = None,
    name: str | None = None,
    url_column: str | None = None,
    caption_column: str | None = None,
    with_bytes: bool = False,
    robots: str | None = None,
) -> list[str]:
    """Land crawl files; returns what went wrong, as sentences."""
    from pairlake.ingest.crawl.job import crawl as crawl_files
    from pairlake.ingest.crawl.lists.layout import Columns
    from pairlake.ingest.crawl.sources import crawl_paths, named_files

    if [bool(paths), bool(crawl_id), bool(robots)].count(True) != 1:
        raise BadRequest("Name either files or a crawl: pairlake crawl --crawl CC-MAIN-2026-43")
    kind, crawl_id = ("robotstxt", robots) if robots else ("wat", crawl_id)
    if paths and not (files is None and seed is None):
        raise BadRequest(
            "--files and --sample choose among the files of a --crawl; leave them out."
        )
    if crawl_id and name is not None:
        raise BadRequest("--as names PATHS; the files of a --crawl land under its own name.")
    if name is not None and not name.strip():
        raise BadRequest("--as is empty; give the name under which PATHS land.")
    if crawl_id:
        locations = crawl_paths(crawl_id, _number(files or "1"), seed=seed, kind=kind)
    else:
        # Names of files may have any bytes.
        names = io.TextIOWrapper(sys.stdin.buffer, errors="surrogateescape")
        locations = named_files(paths, names)
    summary = crawl_files(
        locations,
        crawl_id=crawl_id or name,
        columns=Columns(url=url_column, caption=caption_column),
        with_bytes=with_bytes,
        progress=progress.show,
    )
    progress.show("")
    click.echo(f"crawl    {summary}")
    if not summary.failed:
        return []
    query = (
        "select path, outcome, error from crawl_files "
        "where path not in (select path from crawl_files where outcome = 'ok')"
    )
    return [
        f"{summary.failed} crawl files could not be read, or not whole; "
        f'to see why: pairlake sql "{query}"'
    ]


def _number(files: str) -> int | None:
    if files == "all":
        return None
    if not (files.isascii() and files.isdecimal() and int(files)):
        raise BadRequest(f"--files is {files!r}; give a number, or all.")
    return int(files)


def fetch(limit: int | None, minutes: float | None) -> list[str]:
    """Download what awaits it; returns what failed, as sentences."""
    from pairlake.ingest.fetch.job import fetch as fetch_images
    from pairlake.lake.recipe import check_built

    check_built()
    summary = fetch_images(
        limit=limit,
        minutes=minutes,
        announce=lambda ahead: click.echo(f"fetch    {ahead}"),
        progress=progress.show,
    )
    progress.show("")
    click.echo(f"fetch    {summary}")
    problems = _unforeseen(summary.failed, "downloads", "downloads")
    return [*problems, summary.problem] if summary.problem else problems


def _unforeseen(failed: int, what: str, table: str) -> list[str]:
    """The sentence on errors that have no name, if there were any."""
    if not failed:
        return []
    query = f"select error, count(*) from {table} where outcome = 'failed' group by all"
    return [f'{failed:,} {what} failed as nobody foresaw; to see why: pairlake sql "{query}"']


def enrich(names: Iterable[str], *, settled: bool = False) -> list[str]:
    """Run column jobs, all where none is named; returns what they could not do, as sentences."""
    from pairlake.lake.recipe import check_built
    from pairlake.udfs.jobs import AFTER_FETCH, BEFORE_FETCH, NAMES, find, unlike_its_entry
    from pairlake.udfs.running import run_job

    names = list(names) or [*BEFORE_FETCH, *AFTER_FETCH]
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        raise BadRequest(f"There is no column job {unknown[0]!r}; there are {', '.join(NAMES)}.")
    check_built()
    problems: list[str] = []
    for name in names:
        job = find(name)
        if said := unlike_its_entry(job):
            problems.append(said)
            continue
        summary = run_job(job, progress=progress.show, settled=settled)
        progress.show("")
        click.echo(f"enrich   {name}: {summary}")
        problems += summary.unavailable.values()
        problems += _unforeseen(summary.outcomes["failed"], f"rows of {name}", name)
    return problems


def publish() -> None:
    """Bring the search index up to date with what was built, and note that it is."""
    from pairlake.lake.built import dataset_is_current, note, state
    from pairlake.lake.recipe import check_built
    from pairlake.serve.publish.publish import publish as publish_pairs

    check_built()
    now = state()
    summary = publish_pairs(progress=progress.show)
    progress.show("")
    if dataset_is_current(now):
        note("published", now)
    click.echo(f"publish  {summary}")


def build(*arguments: str, anew: bool = False) -> None:
    """Build what has changed, or `anew` all of it; `arguments` are dbt's own."""
    from pairlake.lake.dbt_plugin import build_dataset
    from pairlake.lake.settings import settings

    built = build_dataset(*arguments, anew=anew, progress=progress.show)
    progress.show("")
    click.echo(f"build    recipe {settings().recipe}: {built}")
    say_why_nothing()


def say_why_nothing() -> None:
    """Say what is missing where no pair could be kept."""
    from pairlake.lake.recipe import why_nothing

    if sentence := why_nothing():
        click.echo(sentence, err=True)


def maintain() -> None:
    """Erase what is to be forgotten, release pixels, and make the lake and its index small."""
    from pairlake.lake.built import dataset_is_current
    from pairlake.lake.erasure import (
        erase_takedowns,
        note_erased,
        requests_due,
        takedowns_recorded,
    )
    from pairlake.lake.maintain import erasure_is_unfinished, tidy
    from pairlake.lake.retention import release_pixels
    from pairlake.lake.settings import settings
    from pairlake.lake.verify import check_files
    from pairlake.lake.workspace import clear_workspaces
    from pairlake.serve.publish.publish import compact

    erased, due = 0, requests_due()
    if not due and not erasure_is_unfinished():
        # Upkeep of a lake that has lost something would push out the backups of before.
        check_files()
    if takedowns_recorded():
        if not dataset_is_current():
            build()
        progress.show("maintain: what was to be forgotten is erased")
        erased = erase_takedowns()
        progress.show("")
        click.echo(f"maintain {erased} rows erased")
    erasing = erased > 0 or bool(due) or erasure_is_unfinished()
    if erasing:
        clear_workspaces()
        build(anew=True)
        publish()
    if settings().keep_pixels != "all":
        if not dataset_is_current():
            build()
        progress.show("maintain: pixels that need not be kept are released")
        released = release_pixels()
        progress.show("")
        click.echo(f"maintain pixels of {released:,} images released")
    progress.show("maintain: the search index is compacted")
    compact(erase=erasing)
    progress.show(
        "maintain: small files are merged, old snapshots expire, the catalog is backed up"
    )
    tidied = tidy(leave_no_trace=erasing)
    progress.show("")
    click.echo(f"maintain {tidied}")
    if due and (noted := note_erased(due)):
        click.echo(f"maintain all that {noted:,} hashes in raw.takedowns reached is erased")


def end(problems: list[str]) -> None:
    """Everything that could be done is done: say what could not, and exit with 1."""
    if problems:
        raise JobFailed("\n".join(dict.fromkeys(problems)))
