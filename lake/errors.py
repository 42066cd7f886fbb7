"""What can go wrong on the ground floor, each as one sentence with the next step.

PairlakeError
├── BadSetting         a setting has a value that cannot be used
├── BadRequest         an argument names something that cannot be used
├── LakeUnreadable     the catalog exists but cannot be opened
├── SchemaMismatch     a table has another type than this version writes
├── TableMissing       a table or worklist that dbt builds is not there yet
├── BadJob             a file of udfs/ does not declare what a job has to
└── JobFailed          a job met something it cannot go on from
"""

from __future__ import annotations

import click

from pairlake.lake.passwords import without_passwords


class PairlakeError(click.ClickException):
    """A failure that a user can act on; the command line prints its sentence and exits with 1."""

    def __init__(self, message: str) -> None:
        super().__init__(without_passwords(message))


class BadSetting(PairlakeError):
    """A setting has a value that cannot be used."""


class BadRequest(PairlakeError):
    """An argument names something that cannot be used."""


class LakeUnreadable(PairlakeError):
    """The catalog exists but cannot be opened."""


class SchemaMismatch(PairlakeError):
    """A table of the lake has another type than this version writes."""


class TableMissing(PairlakeError):
    """A table or worklist that dbt builds is not there yet."""


class BadJob(PairlakeError, RuntimeError):
    """A file of udfs/ does not declare what a job has to.

    It may be met as soon as dbt imports its plugin, and of another than a RuntimeError dbt prints
    the stack.
    """


class JobFailed(PairlakeError):
    """A job met something that it cannot go on from."""


MAX_TEXT_CHARS = 500
# More than that is cut first: what a stranger may send has no end.
_MAX_READ_CHARS = 20_000


def first_line(error: BaseException) -> str:
    """What an error says, without the lines in which DuckDB and others repeat the query."""
    return str(error).strip().partition("\n")[0]


def is_text(text: str) -> bool:
    """Whether it can be written as UTF-8: bytes that are none arrive as surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def as_text(text: str) -> str:
    """Text of strangers, cut, without passwords and the surrogates that broken bytes leave."""
    bare = without_passwords(text[:_MAX_READ_CHARS])
    return bare[:MAX_TEXT_CHARS].encode(errors="replace").decode()


def in_words(error: BaseException) -> str:
    """An error that nobody foresaw, as a row keeps it: its type and its text."""
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - what makes the text may be what is broken
        text = "its text is unreadable"
    return as_text(f"{type(error).__name__}: {text}")
