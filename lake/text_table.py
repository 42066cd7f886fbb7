"""Draws rows as a table of text that fits a terminal: wrapped where it must be, never cut."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

# A column that is given less than this is too narrow to be read.
_LEAST_WIDTH = 16
# Of a file or a pipe: whatever it takes.
_ANY_WIDTH = 1_000_000
# What a terminal obeys, or what turns the direction of the text around it; line breaks, and what
# joins letters of Persian and parts of emoji, are shown as they are.
_OBEYED = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_HARMLESS = "\n\u200c\u200d"

Row = Sequence[str | None]


def drawn(
    names: Sequence[str], is_number: Sequence[bool], rows: Sequence[Row], width: int | None
) -> str:
    """A table of the rows, in at most `width` characters a line where that is given.

    Where the columns would be too narrow, each row stands below the one before it, a line a column.
    Characters that a terminal would obey are shown by their escapes.
    """
    wide = _text(_across(names, is_number, rows), _ANY_WIDTH)
    if width is None or wide.index("\n") <= width:
        return wide
    if len(names) * _LEAST_WIDTH <= width:
        return _text(_across(names, is_number, rows), width)
    return _text(_below(names, rows), width)


def _across(names: Sequence[str], is_number: Sequence[bool], rows: Sequence[Row]) -> Table:
    table = Table(box=box.SQUARE)
    for name, number in zip(names, is_number, strict=True):
        table.add_column(
            _shown(name), justify="right" if number else "left", overflow="fold", min_width=1
        )
    for row in rows:
        table.add_row(*map(_shown, row))
    return table


def _below(names: Sequence[str], rows: Sequence[Row]) -> Table:
    table = Table(box=box.SQUARE, show_header=False)
    table.add_column(overflow="fold")
    table.add_column(overflow="fold")
    for row in rows:
        for name, value in zip(names, row, strict=True):
            table.add_row(_shown(name), _shown(value))
        table.add_section()
    return table


def _shown(value: str | None) -> Text:
    text = "NULL" if value is None else value
    return Text("".join(repr(c)[1:-1] if _is_obeyed(c) else c for c in text))


def _is_obeyed(character: str) -> bool:
    return unicodedata.category(character) in _OBEYED and character not in _HARMLESS


def _text(table: Table, width: int) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None, legacy_windows=False)
    with console.capture() as captured:
        console.print(table)
    return captured.get().rstrip("\n")
