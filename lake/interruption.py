"""Ctrl-C ends a command with one line and exit code 130, whatever was at work."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import click

from pairlake.lake.errors import PairlakeError

# What a shell gives a command that ended by SIGINT.
_EXIT_CODE = 130
# By then Python has left what ignored it.
_AGAIN_SECONDS = 0.05


class Interrupted(PairlakeError):
    """Ctrl-C came; what had landed is kept."""

    exit_code = _EXIT_CODE

    def show(self, file: IO[Any] | None = None) -> None:
        """Say so, without the word Error: it is what was asked for."""
        click.echo(self.format_message(), file=file, err=file is None)


@contextmanager
def explained_interruptions() -> Iterator[None]:
    """Turns a KeyboardInterrupt, and every error that one was the cause of, into Interrupted."""
    before = sys.unraisablehook

    def unraisable(ignored: sys.UnraisableHookArgs) -> None:
        # In a destructor, or where a process forks, Python only says that one came, and goes on.
        if ignored.exc_type is KeyboardInterrupt:
            _interrupt_again()
        else:
            before(ignored)

    sys.unraisablehook = unraisable
    try:
        yield
    except BaseException as error:
        if not isinstance(error, Interrupted) and was_interrupted(error):
            raise Interrupted("Interrupted; what had landed is kept.") from error
        raise
    finally:
        sys.unraisablehook = before


def _interrupt_again() -> None:
    main = threading.main_thread().ident
    again = threading.Timer(_AGAIN_SECONDS, signal.pthread_kill, (main, signal.SIGINT))
    again.daemon = True
    again.start()


def was_interrupted(error: BaseException) -> bool:
    """Whether a KeyboardInterrupt stands somewhere behind an error.

    DuckDB and dbt make of it errors of their own, and so does what is cleared up after it.
    """
    behind, seen = [error], set[int]()
    while behind:
        each = behind.pop()
        if isinstance(each, KeyboardInterrupt):
            return True
        if id(each) not in seen:
            seen.add(id(each))
            behind += filter(None, (each.__cause__, each.__context__))
    return False
