"""The classes of click's that make a command's help, its refusals and its failures ours."""

from __future__ import annotations

import inspect
from typing import Any

import click

from pairlake.lake import progress
from pairlake.lake.errors import BadRequest, PairlakeError, is_text
from pairlake.lake.interruption import explained_interruptions
from pairlake.lake.project import where_dbt_builds

# Names of files may have any bytes.
_ANY_BYTES = {"paths", "file"}


class Command(click.Command):
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


class Commands(click.Group):
    """Lists them in the order of the path, not of the alphabet; what fails is a sentence."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            with explained_interruptions():
                from pairlake.lake.failures import explained_failures

                with explained_failures():
                    return super().invoke(ctx)
        except PairlakeError as error:
            if "run: dbt build" in error.message and (where := where_dbt_builds()):
                raise PairlakeError(error.message + where) from error
            raise
        finally:
            progress.show("")
