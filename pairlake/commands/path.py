"""Commands on the path from crawl files to a dataset: each step of it, and all of them in order."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from pairlake.commands import steps
from pairlake.commands.group import Command
from pairlake.commands.steps import end
from pairlake.lake import progress
from pairlake.lake.errors import BadRequest
from pairlake.lake.project import lay_out

Decorated = TypeVar("Decorated", bound=Callable[..., object])


def _options(*options: Callable[[Decorated], Decorated]) -> Callable[[Decorated], Decorated]:
    """One decorator of several, which stand in the help in their order."""

    def decorate(command: Decorated) -> Decorated:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


_crawl_arguments = _options(
    click.argument("paths", nargs=-1),
    click.option("--crawl", "crawl_id", help="A crawl by its name."),
    click.option("--files", help="How many files of the crawl, or all; 1 unless told."),
    click.option("--sample", "seed", type=int, help="Choose them by chance, with this seed."),
    click.option("--as", "name", help="Name under which PATHS land; else their folder's."),
    click.option("--url-column", help="A list's column of image URLs, if it has another name."),
    click.option("--caption-column", help="A list's column of captions, if it has another name."),
)
_fetch_limits = _options(
    click.option("--limit", type=click.IntRange(min=1), help="Stop after this many images."),
    click.option(
        "--minutes",
        type=click.FloatRange(min=0, min_open=True),
        help="Start no download after so many minutes.",
    ),
)


@click.command(cls=Command)
@click.argument("folder")
def init(folder: str) -> None:
    """Lay out the dbt project in a FOLDER of your own: models, macros and seeds to change.

    There `dbt build` and every command go by it, and keep what they make in its `data`.
    Example: pairlake init cats && cd cats && pairlake run --crawl CC-MAIN-2026-43
    """
    if not folder:
        raise BadRequest("Name a folder for the project: pairlake init cats")
    lay_out(Path(folder))
    click.echo(f"init     {folder}: its models, macros and seeds are yours to change")


@click.command(cls=Command)
@_crawl_arguments
@click.option("--with-bytes", is_flag=True, help="Also the images that web archives hold.")
@click.option("--robots", help="A crawl whose sites' robots.txt are to be read, by its name.")
def crawl(**arguments: Any) -> None:
    """Land the image-text pairs of crawl files: PATHS, or those of a crawl.

    PATHS are WAT, WARC, ARC or WACZ files, lists of URLs and captions (Parquet, CSV, JSONL), or
    tars and folders of pictures with their captions: files, folders, globs or URLs; - reads their
    names from standard input.

    Example: pairlake crawl --crawl CC-MAIN-2026-43 --files 100 --sample 7
             pairlake crawl laion2B-en/*.parquet
             pairlake crawl pictures/
             pairlake crawl archive/ --with-bytes
             pairlake crawl --robots CC-MAIN-2026-43 --files all
    """
    end(steps.crawl(**arguments))


@click.command(cls=Command)
@_fetch_limits
def fetch(limit: int | None, minutes: float | None) -> None:
    """Download the images that the worklist names.

    Example: pairlake fetch --limit 10000
    """
    end(steps.fetch(limit, minutes))


@click.command(cls=Command)
@click.argument("names", nargs=-1)
def enrich(names: tuple[str, ...]) -> None:
    """Add columns: all of them, or the NAMES given, such as image_hashes.

    Example: pairlake enrich caption_languages image_hashes
    """
    end(steps.enrich(names))


@click.command(cls=Command, context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def build(arguments: tuple[str, ...]) -> None:
    """Build what has changed and test the data: `dbt build`, with ARGUMENTS of dbt's own.

    With PAIRLAKE_ENGINE=ray the processes of the cluster make the large tables.
    Example: pairlake build --select int_pairs_judged+
    """
    steps.build(*arguments)


@click.command(cls=Command)
def publish() -> None:
    """Bring the search index up to date with the mart `pairs`.

    Example: pairlake publish
    """
    steps.publish()


@click.command(cls=Command)
@_crawl_arguments
@_fetch_limits
def run(limit: int | None, minutes: float | None, **arguments: Any) -> None:
    """Do all of it in order: crawl, fetch, enrich, build, publish, maintain.

    Run it again after an interruption: what is done is not done twice.
    Example: pairlake run --crawl CC-MAIN-2026-43 --files 1 --minutes 30
    """
    _run(limit, minutes, **arguments)


@click.command(cls=Command)
@click.option("--pictures", type=click.Path(path_type=Path), help="A folder of captioned pictures.")
@click.option("--env", "show_env", is_flag=True, help="Print the demo's settings for a shell.")
def demo(pictures: Path | None, show_env: bool) -> None:
    """Build a dataset from a miniature crawl and web on loopback.

    Example: eval "$(pairlake demo --env)" && pairlake serve
    """
    try:
        from pairlake.demo.report import report
        from pairlake.demo.stage import environment, world_served
        from pairlake.demo.wat import CRAWL_ID
    except ModuleNotFoundError as error:
        raise BadRequest(
            f"The demo needs the package {error.name}; run: pip install -e '.[demo]'"
        ) from error

    from pairlake.encoders import opened_search

    variables = environment(pictures)
    if show_env:
        for name, value in variables.items():
            click.echo(f"export {name}={shlex.quote(value)}")
        return
    os.environ.update(variables)
    with world_served(pictures) as world:
        _run(crawl_id=CRAWL_ID, files="all")
    for line in report(world, opened_search().by_text):
        click.echo(line)


def _run(limit: int | None = None, minutes: float | None = None, **arguments: Any) -> None:
    from pairlake.lake.built import dataset_is_current, is_noted, note, state
    from pairlake.lake.meanings import wanted_uses
    from pairlake.lake.recipe import check_known
    from pairlake.lake.settings import settings
    from pairlake.udfs.jobs import AFTER_FETCH, BEFORE_FETCH

    check_known()
    wanted_uses()
    problems = steps.crawl(**arguments)
    if not dataset_is_current():
        from pairlake.lake.dbt_plugin import build_worklists

        # The worklists are views: built once over the new pairs, they follow what the jobs land.
        build_worklists(progress=progress.show)
        progress.show("")
    problems += steps.enrich(BEFORE_FETCH)
    problems += steps.fetch(limit, minutes)
    before = state()
    settled = is_noted("settled", before)
    problems += steps.enrich(AFTER_FETCH, settled=settled)
    now = state()
    if not dataset_is_current(now):
        steps.build()
        steps.publish()
        steps.maintain()
        return end(problems)
    click.echo("build    nothing has changed")
    if is_noted("published", now) and _is_there(settings().search):
        click.echo("publish  Nothing new: what was built is published.")
    else:
        steps.publish()
    if now == before and not problems:
        # No job landed anything, and none was without its model.
        note("settled", now)
    return end(problems)


def _is_there(place: str) -> bool:
    """Whether a folder is there; of one in a store nobody looks."""
    from pairlake.lake.storage import is_remote

    return not is_remote(place) and Path(place).exists()
