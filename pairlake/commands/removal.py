"""The command that takes something out of the dataset, at once and for good."""

from __future__ import annotations

import signal
import sys
from functools import partial
from pathlib import Path
from typing import Any

import click

from pairlake.commands import steps
from pairlake.commands.group import Command
from pairlake.lake import progress
from pairlake.lake.errors import BadRequest, JobFailed, PairlakeError


@click.command(cls=Command)
@click.option("--url", multiple=True, help="An image's address.")
@click.option("--domain", multiple=True, help="A domain, with all below it.")
@click.option("--page", multiple=True, help="A page: what was seen on it only.")
@click.option("--image-hash", multiple=True, help="md5 or sha256 of an image's bytes.")
@click.option("--caption", multiple=True, help="A caption, word for word.")
@click.option(
    "--file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="More of these, as CSV with the header kind,value.",
)
@click.option(
    "--among",
    type=click.IntRange(min=0),
    default=0,
    help="Forget so many others for each, by chance, so that none stands out.",
)
@click.option("--this-scheme", is_flag=True, help="A URL means http or https, as it is written.")
@click.option("--reason", help="Why, for the record.")
@click.option("--dry-run", is_flag=True, help="Only say what it matches.")
@click.option("--yes", is_flag=True, help="Do not ask first, as is done on a terminal.")
def forget(
    file: Path | None,
    among: int,
    this_scheme: bool,
    reason: str | None,
    dry_run: bool,
    yes: bool,
    **kinds: tuple[str, ...],
) -> None:
    """Take something out of the dataset, the search and later exports, at once.

    Each request is answered: what it matches, or what is nearest to it.

    `pairlake maintain` then erases it from every file.
    Example: pairlake forget --url https://photos.example/me.jpg
    """
    from pairlake.ingest.crawl.spellings import found_in_lake, spellings
    from pairlake.lake.receipts import receipts
    from pairlake.lake.requests import read_requests
    from pairlake.lake.takedowns import look_up, record_takedowns

    named = read_requests(file) if file else {}
    requests = {kind: [*values, *named.get(kind, [])] for kind, values in kinds.items()}
    if not any(requests.values()):
        raise BadRequest("Name what to forget: pairlake forget --url https://photos.example/me.jpg")
    known: dict[str, Any] = {
        "among": among,
        "spell": partial(spellings, any_scheme=not this_scheme),
        "find": found_in_lake,
    }
    # One who cannot be asked has decided already. The question goes to where errors go.
    asks = not yes and sys.stdin.isatty() and sys.stderr.isatty()
    if dry_run or asks:
        for receipt in receipts(look_up(requests, **known), is_recorded=False):
            click.echo(f"forget   {receipt}")
    if dry_run:
        click.echo("forget   this was a dry run: nothing is recorded")
        return
    if asks and not _confirmed("Forget it for good?"):
        click.echo("forget   nothing is recorded")
        raise click.exceptions.Exit(1)
    progress.show("Recording; if a job or a build writes now, when it has ended")
    asked = record_takedowns(requests, reason=reason, **known)
    progress.show("")
    for receipt in receipts(asked):
        click.echo(f"forget   {receipt}")
    _rebuild_without_it()


def _confirmed(question: str) -> bool:
    """Whether a user at a terminal says yes."""
    # What polars does on Ctrl-C lets reading go on, as if nothing had come.
    signal.siginterrupt(signal.SIGINT, True)
    return click.confirm(question, err=True)


def _rebuild_without_it() -> None:
    """Make tables and index anew without what was to be forgotten, which is hidden already."""
    from pairlake.lake.query import count

    try:
        steps.build()
        steps.publish()
    except PairlakeError as error:
        raise JobFailed(
            "What is above holds: the search, exports and publish leave it out. But the tables, "
            "their Parquet copies and the index could not be made anew "
            f"({error.format_message()}); when that is mended, run: dbt build && pairlake publish"
        ) from error
    hidden = count("select count(*) from int_pairs_judged where is_taken_down")
    click.echo(
        f"forget   {hidden:,} pairs are hidden in all; to erase them, run: pairlake maintain"
    )
