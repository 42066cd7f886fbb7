"""What is shown of work under way: one line on standard error, as wide as the terminal."""

from __future__ import annotations

import os
import sys
import time

import click

_USUAL_WIDTH = 80


def bar(
    done: int,
    total: int | None,
    started: float,
    *,
    prefix: str,
    unit: str,
    postfix: str = "",
    scaled: bool = False,
) -> str:
    """A progress bar of work that `started` at a time of time.monotonic; `scaled` says 1.2M."""
    from tqdm import tqdm

    line: str = tqdm.format_meter(
        done,
        total,
        time.monotonic() - started,
        ncols=_width(),
        prefix=prefix,
        unit=unit,
        postfix=postfix,
        unit_scale=scaled,
    )
    return line


def show(line: str) -> None:
    """Put a line in the place of the one before it; an empty one clears it.

    Only where someone watches: a log needs the summaries, not the ticking.
    """
    if sys.stderr.isatty():
        click.echo(f"\r\x1b[K{line[: _width()]}", nl=False, err=True)


def _width() -> int:
    try:
        columns = os.get_terminal_size(sys.stderr.fileno()).columns
    except (OSError, ValueError):
        columns = 0  # no terminal, or one that does not say
    # In the last column some terminals break the line.
    return (columns or _USUAL_WIDTH) - 1
