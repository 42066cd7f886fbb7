"""The command `pairlake`: nothing but click, and calls into the rooms.

What a room needs is imported where it is called: DuckDB alone takes half a second, in which Ctrl-C
would be a traceback, and who asks for help waits.
"""

from __future__ import annotations

import click

from pairlake.commands.group import Commands
from pairlake.commands.path import build, crawl, demo, enrich, fetch, init, publish, run
from pairlake.commands.questions import export, models, plan, serve, sql, why
from pairlake.commands.removal import forget
from pairlake.commands.upkeep import maintain, recipes, restore, verify

# As help lists them: in the order of the path.
_IN_ORDER = (
    init,
    recipes,
    crawl,
    fetch,
    enrich,
    build,
    publish,
    serve,
    export,
    forget,
    maintain,
    restore,
    verify,
    models,
    sql,
    why,
    run,
    plan,
    demo,
)


@click.group(
    cls=Commands,
    commands=_IN_ORDER,
    context_settings={"help_option_names": ["-h", "--help"], "show_default": True},
)
@click.version_option(package_name="pairlake")
def main() -> None:
    """Build an open image-text dataset from crawl files, as a SQL lakehouse.

    Settings are environment variables; docs/settings.md lists them.
    """
