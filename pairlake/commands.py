"""The command `pairlake`: nothing but click, and calls into the rooms."""

from __future__ import annotations

import inspect
import io
import os
import shlex
import shutil
import signal
import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click

from pairlake.lake import plan as plans
from pairlake.lake import progress
from pairlake.lake.errors import BadRequest, JobFailed, PairlakeError, is_text
from pairlake.lake.interruption import explained_interruptions
from pairlake.lake.project import lay_out, where_dbt_builds

# All else is imported where it is needed: DuckDB alone takes half a second, in which Ctrl-C would
# be a traceback, and who asks for help waits.

Command = TypeVar("Command", bound=Callable[..., object])
# Names of files may have any bytes.
_ANY_BYTES = {"paths", "file"}


class _Command(click.Command):
    """Arguments have to be text, since the lake takes no other; examples stay as they stand."""

    def __init__(self, name: str | None, help: str | None = None, **options: Any) -> None:
        text, found, example = inspect.cleandoc(help or "").partition("Example: ")
        # What follows \b is not filled into a paragraph.
        super().__init__(name, help=f"{text}\n\n\b\n{found}{example}".strip(), **options)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        rest = super().parse_args(ctx, args)
        for name, value in ctx.params.items():
            for text in map(str, value if isinstance(value, tuple) else (value,)):
                if name not in _ANY_BYTES and not is_text(text):
                    shown = text.encode(errors="surrogateescape").decode(errors="backslashreplace")
                    raise BadRequest(f"{shown} has bytes that are no UTF-8; write it in UTF-8.")
        return rest


class _Commands(click.Group):
    """Lists them in the order of the path, not of the alphabet; what fails is a sentence."""

    command_class = _Command

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            with explained_interruptions():
                from pairlake.lake.catalog import explained_failures

                with explained_failures():
                    return super().invoke(ctx)
        except PairlakeError as error:
            if "run: dbt build" in error.message and (where := where_dbt_builds()):
                raise PairlakeError(error.message + where) from error
            raise
        finally:
            progress.show("")


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "show_default": True},
)
@click.version_option(package_name="pairlake")
def main() -> None:
    """Build an open image-text dataset from crawl files, as a SQL lakehouse.

    Settings are environment variables; docs/settings.md lists them.
    """


def _options(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """One decorator of several, which stand in the help in their order."""

    def decorate(command: Command) -> Command:
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


@main.command()
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


@main.command()
@click.argument("file", type=click.Path(path_type=Path))
def recipes(file: Path) -> None:
    """Rewrite a recipes.csv of before, with a column for each rule, to a row for each rule.

    FILE is kept beside it as it was. Its recipes come to the same; shipped ones that you have not
    changed are written as they are shipped now.
    Example: pairlake recipes models/seeds/recipes.csv
    """
    from pairlake.lake.wide_recipes import rewrite

    click.echo(f"recipes  {file}: {rewrite(file)}")


@main.command()
@_crawl_arguments
@click.option("--with-bytes", is_flag=True, help="Also the images that web archives hold.")
def crawl(**arguments: Any) -> None:
    """Land the image-text pairs of crawl files: PATHS, or those of a crawl.

    PATHS are WAT, WARC, ARC or WACZ files, lists of URLs and captions (Parquet, CSV, JSONL), or
    tars and folders of pictures with their captions: files, folders, globs or URLs; - reads their
    names from standard input.

    Example: pairlake crawl --crawl CC-MAIN-2026-43 --files 100 --sample 7
             pairlake crawl laion2B-en/*.parquet
             pairlake crawl pictures/
             pairlake crawl archive/ --with-bytes
    """
    _end(_crawl(**arguments))


@main.command()
@_fetch_limits
def fetch(limit: int | None, minutes: float | None) -> None:
    """Download the images that the worklist names.

    Example: pairlake fetch --limit 10000
    """
    _end(_fetch(limit, minutes))


@main.command()
@click.argument("names", nargs=-1)
def enrich(names: tuple[str, ...]) -> None:
    """Add columns: all of them, or the NAMES given, such as image_hashes.

    Example: pairlake enrich caption_languages image_hashes
    """
    _end(_enrich(names))


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def build(arguments: tuple[str, ...]) -> None:
    """Build what has changed and test the data: `dbt build`, with ARGUMENTS of dbt's own.

    With PAIRLAKE_ENGINE=ray the processes of the cluster make the large tables.
    Example: pairlake build --select int_pairs_judged+
    """
    _build(*arguments)


@main.command()
def publish() -> None:
    """Bring the search index up to date with the mart `pairs`.

    Example: pairlake publish
    """
    _publish()


@main.command()
@click.option(
    "--port",
    type=click.IntRange(min=0, max=65_535),
    help="Another than that of PAIRLAKE_PORT; 0 takes any free one.",
)
def serve(port: int | None) -> None:
    """Serve the search page and its API on 127.0.0.1.

    Example: pairlake serve --port 8080
    """
    from pairlake.encoders import opened_search
    from pairlake.ingest.crawl.spellings import spellings
    from pairlake.lake.settings import settings
    from pairlake.serve.web.app import serve as serve_page

    if port is None:
        port = settings().port
    serve_page(opened_search(), port=port, progress=click.echo, spell=spellings)


@main.command()
@click.argument("destination", type=click.Path(path_type=Path))
@click.option(
    "--format",
    type=click.Choice(
        ["parquet", "csv", "jsonl", "webdataset", "embeddings", "release", "joined", "datacomp"]
    ),
    help="What to write; else the ending says it: .parquet, .csv, .jsonl, .npy.",
)
@click.option(
    "--from",
    "source",
    type=click.Choice(["pairs", "listed_pairs"]),
    default="pairs",
    help="Kept pairs, or those of ready-made lists, by the lists' own scores.",
)
@click.option("--split", type=click.Choice(["en", "multi", "nolang"]), help="One split only.")
@click.option("--where", multiple=True, help="Only what a filter keeps: 'aesthetic_score >= 5'.")
@click.option("--sql", help="Only the pair_ids that a query over the lake answers with.")
@click.option("--search", help="Those whose pictures are nearest to a text, with --limit.")
@click.option("--limit", type=click.IntRange(min=1), help="So many pairs at most.")
@click.option("--snapshot", type=click.IntRange(min=0), help="As the lake was, by snapshot id.")
def export(destination: Path, format: str | None, snapshot: int | None, **selected: Any) -> None:
    """Write pairs as a list, with their pictures or vectors, or as LAION's and DataComp's files.

    DESTINATION is a file, or a folder for webdataset, embeddings, release and joined;
    docs/export.md says what reads each of them.

    Example: pairlake export pairs_en.parquet --split en --where "width >= 512"
             pairlake export apples --format webdataset --search "a red apple" --limit 1000
             pairlake export subset.npy --from listed_pairs --where "similarity >= 0.3"
    """
    from pairlake.encoders import caption_encoder
    from pairlake.serve.export.export import export as export_pairs
    from pairlake.serve.export.selection import Selection

    exported = export_pairs(
        destination,
        Selection(**selected),
        format=format,
        snapshot=snapshot,
        encoder=caption_encoder,
        progress=progress.show,
    )
    progress.show("")
    click.echo(f"{destination}: {exported}")
    if not exported.rows and selected["source"] == "pairs":
        _say_why_nothing()


@main.command()
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
        _build()
        _publish()
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


@main.command()
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
def maintain(dry_run: bool) -> None:
    """Merge small files, erase takedowns, expire snapshots, back the catalog up.

    Files that nothing names any more go by way of DATA/trash, where they lie for a week.
    Example: pairlake maintain --dry-run
    """
    if dry_run:
        _say_what_would_go()
    else:
        _maintain()


@main.command()
@click.argument("backup", required=False, type=click.Path(path_type=Path))
def restore(backup: Path | None) -> None:
    """Put a BACKUP of the catalog back: one of HOME/backups by its name, or a file.

    Without BACKUP it says which there are; on Postgres it takes what pg_restore has put there.
    Example: pairlake restore catalog-20261130T120000000000.sqlite
    """
    from pairlake.lake.restore import listed
    from pairlake.lake.restore import restore as restore_backup
    from pairlake.lake.settings import settings

    if backup is None and not settings().on_postgres:
        click.echo("\n".join(listed()))
    else:
        click.echo(f"restore  {restore_backup(backup)}")


@main.command()
@click.argument("exports", nargs=-1, type=click.Path(exists=True, path_type=Path))
def verify(exports: tuple[Path, ...]) -> None:
    """See whether the lake's files, or EXPORTS, are as they were written.

    All pixels are read; those that landed before pixels_sha256 was there have no sum.
    Example: pairlake verify cats.parquet
    """
    from pairlake.lake.verify import verify as verify_lake
    from pairlake.serve.export.provenance import altered

    if exports:
        problems = [problem for export in exports for problem in altered(export)]
        click.echo(f"verify   {len(exports):,} exports looked at")
    else:
        verified = verify_lake()
        problems = verified.problems
        click.echo(f"verify   {verified}")
    _end(problems)


@main.command()
@click.option(
    "--fetch", "name", help="Bring a model onto the disk, by its name; or all that are wanted."
)
def models(name: str | None) -> None:
    """List the models there are: what for, under which licence, on disk or not, at work or not.

    Example: pairlake models --fetch ViT-B-32/openai
             pairlake models --fetch wanted
    """
    from pairlake.udfs.listing import fetch_model, fetch_wanted, listed

    if name is None:
        lines = listed()
    elif name == "wanted":
        lines = fetch_wanted(progress.show)
    else:
        lines = fetch_model(name, progress.show)
    for line in lines:
        progress.show("")
        click.echo(line)


@main.command()
@click.argument("query")
@click.option(
    "--format",
    type=click.Choice(["table", "csv", "json", "parquet"]),
    default="table",
    help="A table of the first 200 rows, or all rows.",
)
def sql(query: str, format: str) -> None:
    """Answer a QUERY over the lake; tables go by their names in any schema of it.

    Nothing can be changed by it. docs/sql.md has the same from Python.

    Example: pairlake sql "select drop_reason, count(*) from int_pairs_judged group by all"
             pairlake sql "from pairs" --format parquet > pairs.parquet
    """
    from pairlake.lake.query import table, write

    if format == "table":
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        click.echo(table(query, width=width))
        return
    if format == "parquet" and sys.stdout.isatty():
        raise BadRequest("Parquet is not for a terminal; write it to a file: … > answer.parquet")
    write(query, format, sys.stdout.buffer)


@main.command()
@click.argument("pair")
def why(pair: str) -> None:
    """Tell why a PAIR is kept or out: all that is known of it, by its URL, pair_id or caption.

    Of one that was taken down, whose domain is blocked or whose site has opted out, only that.
    Example: pairlake why https://photos.example/cat.jpg
             pairlake why "a photo of a cat"
    """
    from pairlake.ingest.crawl.spellings import found_in_lake, spellings
    from pairlake.serve.search.why import why as explained

    for line in explained(pair, spell=spellings, find=found_in_lake):
        click.echo(line)


@main.command()
@_crawl_arguments
@_fetch_limits
def run(limit: int | None, minutes: float | None, **arguments: Any) -> None:
    """Do all of it in order: crawl, fetch, enrich, build, publish, maintain.

    Run it again after an interruption: what is done is not done twice.
    Example: pairlake run --crawl CC-MAIN-2026-43 --files 1 --minutes 30
    """
    _run(limit, minutes, **arguments)


@main.command()
@click.option("--files", type=float, help="WAT files; a crawl has some 90,000.")
@click.option("--pairs", type=float, help="Distinct pairs, instead; LAION-5B had 50e9.")
@click.option("--distinct", type=float, default=plans.DISTINCT, help="Share that lands first.")
@click.option("--arrives", type=float, default=0.85, help="Share of the images that come.")
@click.option(
    "--kept", type=float, default=round(plans.LAION_KEPT, 3), help="Share of the pairs kept."
)
@click.option("--gpu-rate", type=float, default=plans.GPU_RATE, help="Images a second and GPU.")
@click.option("--core-hour", type=float, default=0.04, help="Dollars.")
@click.option("--gpu-hour", type=float, default=3.0, help="Dollars.")
@click.option("--gb-month", type=float, default=0.023, help="Dollars a GB stored.")
@click.option("--gb-in", type=float, default=0.0, help="Dollars a GB that comes in.")
def plan(
    files: float | None, pairs: float | None, distinct: float, arrives: float, kept: float,
    gpu_rate: float, **prices: float,
) -> None:  # fmt: skip
    """Say what a crawl will take: hours, storage, network and money, stage by stage.

    Nothing is read: the rates are those that the benchmarks have printed (docs/plan.md).
    Example: pairlake plan --files 90000
    """
    stages = plans.plan(
        files=files, pairs=pairs, distinct=distinct, arrives=arrives, kept=kept, gpu_rate=gpu_rate
    )
    click.echo(plans.as_text(stages, plans.Prices(**prices)))


@main.command()
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


def _crawl(
    paths: tuple[str, ...] = (),
    crawl_id: str | None = None,
    files: str | None = None,
    seed: int | None = None,
    name: str | None = None,
    url_column: str | None = None,
    caption_column: str | None = None,
    with_bytes: bool = False,
) -> list[str]:
    """Land crawl files; returns what went wrong, as sentences."""
    from pairlake.ingest.crawl.job import crawl as crawl_files
    from pairlake.ingest.crawl.lists.layout import Columns
    from pairlake.ingest.crawl.sources import crawl_paths, named_files

    if bool(paths) == bool(crawl_id):
        raise BadRequest("Name either files or a crawl: pairlake crawl --crawl CC-MAIN-2026-43")
    if paths and not (files is None and seed is None):
        raise BadRequest(
            "--files and --sample choose among the files of a --crawl; leave them out."
        )
    if crawl_id and name is not None:
        raise BadRequest("--as names PATHS; the files of a --crawl land under its own name.")
    if name is not None and not name.strip():
        raise BadRequest("--as is empty; give the name under which PATHS land.")
    if crawl_id:
        locations = crawl_paths(crawl_id, _number(files or "1"), seed=seed)
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


def _fetch(limit: int | None, minutes: float | None) -> list[str]:
    """Download what awaits it; returns what failed, as sentences."""
    from pairlake.ingest.fetch.job import fetch as fetch_images
    from pairlake.ingest.fetch.job import images_ahead
    from pairlake.lake.recipe import check_built

    check_built()
    click.echo(f"fetch    {images_ahead()}")
    summary = fetch_images(limit=limit, minutes=minutes, progress=progress.show)
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


def _enrich(names: Iterable[str], *, settled: bool = False) -> list[str]:
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


def _publish() -> None:
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


def _build(*arguments: str, anew: bool = False) -> None:
    from pairlake.lake.dbt_plugin import build_dataset
    from pairlake.lake.settings import settings

    built = build_dataset(*arguments, anew=anew, progress=progress.show)
    progress.show("")
    click.echo(f"build    recipe {settings().recipe}: {built}")
    _say_why_nothing()


def _say_why_nothing() -> None:
    from pairlake.lake.recipe import why_nothing

    if sentence := why_nothing():
        click.echo(sentence, err=True)


def _maintain() -> None:
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
            _build()
        progress.show("maintain: what was to be forgotten is erased")
        erased = erase_takedowns()
        progress.show("")
        click.echo(f"maintain {erased} rows erased")
    erasing = erased > 0 or bool(due) or erasure_is_unfinished()
    if erasing:
        clear_workspaces()
        _build(anew=True)
        _publish()
    if settings().keep_pixels != "all":
        if not dataset_is_current():
            _build()
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


def _say_what_would_go() -> None:
    from pairlake.lake.erasure import requests_due
    from pairlake.lake.maintain import erasure_is_unfinished, would_go

    erasing = bool(requests_due()) or erasure_is_unfinished()
    if erasing:
        click.echo("maintain would erase what is to be forgotten, with all that is older:")
    for line in would_go(leave_no_trace=erasing):
        click.echo(f"maintain {line}")


def _run(limit: int | None = None, minutes: float | None = None, **arguments: Any) -> None:
    from pairlake.lake.built import dataset_is_current, is_noted, note, state
    from pairlake.lake.recipe import check_known
    from pairlake.lake.settings import settings
    from pairlake.udfs.jobs import AFTER_FETCH, BEFORE_FETCH

    check_known()
    problems = _crawl(**arguments)
    if not dataset_is_current():
        from pairlake.lake.dbt_plugin import build_worklists

        # The worklists are views: built once over the new pairs, they follow what the jobs land.
        build_worklists(progress=progress.show)
        progress.show("")
    problems += _enrich(BEFORE_FETCH)
    problems += _fetch(limit, minutes)
    before = state()
    settled = is_noted("settled", before)
    problems += _enrich(AFTER_FETCH, settled=settled)
    now = state()
    if not dataset_is_current(now):
        _build()
        _publish()
        _maintain()
        return _end(problems)
    click.echo("build    nothing has changed")
    if is_noted("published", now) and _is_there(settings().search):
        click.echo("publish  Nothing new: what was built is published.")
    else:
        _publish()
    if now == before and not problems:
        # No job landed anything, and none was without its model.
        note("settled", now)
    return _end(problems)


def _is_there(place: str) -> bool:
    """Whether a folder is there; of one in a store nobody looks."""
    from pairlake.lake.storage import is_remote

    return not is_remote(place) and Path(place).exists()


def _end(problems: list[str]) -> None:
    """Everything that could be done is done: say what could not, and exit with 1."""
    if problems:
        raise JobFailed("\n".join(dict.fromkeys(problems)))
