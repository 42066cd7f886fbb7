"""Commands that change nothing in the lake: the page, exports, and questions to it and about it."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import click

from pairlake.commands import steps
from pairlake.commands.group import Command
from pairlake.lake import plan as plans
from pairlake.lake import progress
from pairlake.lake.errors import BadRequest


@click.command(cls=Command)
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


@click.command(cls=Command)
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
        steps.say_why_nothing()


@click.command(cls=Command)
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


@click.command(cls=Command)
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


@click.command(cls=Command)
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


@click.command(cls=Command)
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
