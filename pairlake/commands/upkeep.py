"""Commands that keep a lake in order: smaller, backed up, as it was written."""

from __future__ import annotations

from pathlib import Path

import click

from pairlake.commands import steps
from pairlake.commands.group import Command
from pairlake.commands.steps import end


@click.command(cls=Command)
@click.argument("file", type=click.Path(path_type=Path))
def recipes(file: Path) -> None:
    """Rewrite a recipes.csv of before, with a column for each rule, to a row for each rule.

    FILE is kept beside it as it was. Its recipes come to the same; shipped ones that you have not
    changed are written as they are shipped now.
    Example: pairlake recipes models/seeds/recipes.csv
    """
    from pairlake.lake.wide_recipes import rewrite

    click.echo(f"recipes  {file}: {rewrite(file)}")


@click.command(cls=Command)
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
def maintain(dry_run: bool) -> None:
    """Merge small files, erase takedowns, expire snapshots, back the catalog up.

    Files that nothing names any more go by way of DATA/trash, where they lie for a week.
    Example: pairlake maintain --dry-run
    """
    if dry_run:
        _say_what_would_go()
    else:
        steps.maintain()


def _say_what_would_go() -> None:
    from pairlake.lake.erasure import requests_due
    from pairlake.lake.maintain import erasure_is_unfinished, would_go

    erasing = bool(requests_due()) or erasure_is_unfinished()
    if erasing:
        click.echo("maintain would erase what is to be forgotten, with all that is older:")
    for line in would_go(leave_no_trace=erasing):
        click.echo(f"maintain {line}")


@click.command(cls=Command)
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


@click.command(cls=Command)
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
    end(problems)
