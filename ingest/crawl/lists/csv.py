"""Reads the rows of a CSV file, whichever convention its quotes follow.

Three are in use, and no file says which is its own. A quote that opens and never closes costs its
own line: what it swallowed is read again, so that lines in = rows + unreadable.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from itertools import chain
from operator import itemgetter

import pyarrow as pa

from pairlake.ingest.crawl.lists.layout import (
    CAPTION_IT,
    CAPTIONS,
    DIGITS,
    DOUBLES,
    HTTP,
    SEPARATOR,
    TEXT,
    URLS,
    Columns,
    Layout,
    NotAList,
    find_delimiter,
    mostly,
    split_fields,
    url_place,
)
from pairlake.ingest.crawl.lists.lines import ListText

# What is looked at before the convention is chosen, from the first quote on.
_SAMPLE_CHARS = 4 * 2**20
# No caption spans so much; a quote that opens and never closes does.
_MAX_RECORD_CHARS = 2**20
_QUOTE = '"'
_ESCAPE = re.compile(r'\\(["\\])')
_WRAPPED = re.compile(r'"((?:[^"\\]|""|\\.)*)"', re.DOTALL)
# A quote with letters on both sides, which every writer that quotes would have doubled or escaped.
_LONE = re.compile(r'[^"\\]"[^"]')
_NEEDS_QUOTES = re.compile(r'^\s|[",;|\\]|\s$')

# As pandas writes whole numbers, where one of their column is missing; and what it reads as none.
_DOUBLE = re.compile(r"-?\d+(\.0|(\.\d+)?e\+\d+)")
_MISSING = ("", "nan", "null", "none", "na", "n/a", "<na>", "\\n")

Row = list[str]


class CsvTable:
    """A CSV file with its columns' names: `records` are its rows, None for one that is none.

    A file without a header has two columns, one of them URLs, as CC3M has.
    """

    caption_type = pa.string()
    nothing = "There is no line in it."

    def __init__(self, text: ListText, wanted: Columns) -> None:
        lines = text.lines()
        start = next((line for line in lines if not _is_no_row(line)), "")
        first = start.rstrip("\r\n")
        delimiter = find_delimiter(first, wanted)
        self._names = split_fields(first, delimiter)
        urls = [bool(HTTP.match(field)) for field in self._names]
        if any(urls):
            if len(urls) == 1:
                raise NotAList(f"The list has URLs alone, and a pair has a caption: {CAPTION_IT}")
            if len(urls) != 2 or all(urls):
                raise NotAList(
                    "The list has no header, and not two columns, one of URLs; give it one."
                )
            url, caption = wanted.url or URLS[0], wanted.caption or CAPTIONS[0]
            self._names = [url if is_url else caption for is_url in urls]
            lines = chain([start], lines)
        place = url_place(self._names, wanted)
        self.records = csv_rows(
            lines, Form(delimiter=delimiter, width=len(self._names), url_at=place)
        )

    def kinds(self, records: Sequence[Row]) -> dict[str, str]:
        """The columns, and what kind of values they have in some rows; of one name the first."""
        columns = zip(*records, strict=True) if records else ([] for _ in self._names)
        kinds: dict[str, str] = {}
        for name, values in zip(self._names, columns, strict=True):
            kinds.setdefault(name, _kind(values))
        return kinds

    def picker(self, layout: Layout, kinds: Mapping[str, str]) -> Callable[[Row], Sequence[str]]:
        """Takes the values of a layout out of a row; ids that came as doubles are whole again."""
        names = [*layout.columns.values(), *layout.scores.values()]
        pick = itemgetter(*map(self._names.index, names))
        id_ = layout.columns.get("source_id")
        if id_ is None or kinds[id_] != DOUBLES:
            return pick
        place = names.index(id_)

        def pick_whole(row: Row) -> list[str]:
            values = list(pick(row))
            values[place] = _whole(values[place])
            return values

        return pick_whole


class Quotes(Enum):
    """What a quote means in a file."""

    DOUBLED = '"a ""quoted"" word", as in RFC 4180'
    ESCAPED = r'"a \"quoted\" word", as Spark and MySQL write it'
    TEXT = 'a "quoted" word, as in CC3M and CC12M'


@dataclass(frozen=True, kw_only=True)
class Form:
    """How the rows of a file are laid out: `url_at` is the place of the URL, if that is known."""

    delimiter: str
    width: int
    url_at: int | None


def csv_rows(lines: Iterator[str], form: Form) -> Iterator[Row | None]:
    """The rows of the lines after the header; None for a line that cannot be read."""
    for before, line in enumerate(lines):
        if _QUOTE in line:
            sample = [line, *_up_to(_SAMPLE_CHARS, lines)]
            quotes = find_quotes(sample, form, before)
            yield from _rows(chain(sample, lines), form, quotes)
            return
        yield from _rows(iter([line]), form, Quotes.TEXT)


def find_quotes(sample: Sequence[str], form: Form, before: int = 0) -> Quotes:
    """The convention by which the fewest lines of the sample are at odds with it.

    `before` it were so many lines without any quote. With tabs the quotes are text in case of
    doubt, since hardly anything else needs them there.
    """
    tabs = form.delimiter == "\t"
    habit = 2 * sum(_QUOTE in line for line in sample) > before + len(sample)
    order = [Quotes.DOUBLED, Quotes.ESCAPED]
    order.insert(0 if tabs else 2, Quotes.TEXT)

    def at_odds(quotes: Quotes) -> int:
        rows = _rows(iter(sample), form, quotes)
        unreadable = sum(row is None or not _has_url(row, form) for row in rows)
        if quotes is Quotes.TEXT:
            return unreadable + sum(_looks_quoted(line, form) for line in sample)
        return unreadable + (tabs and sum(_looks_like_text(line, form, habit) for line in sample))

    return min(order, key=at_odds)


def _up_to(chars: int, lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        yield line
        chars -= len(line)
        if chars <= 0:
            return


def _rows(lines: Iterator[str], form: Form, quotes: Quotes) -> Iterator[Row | None]:
    if quotes is Quotes.ESCAPED:
        lines = (_ESCAPE.sub(_doubled, line) if "\\" in line else line for line in lines)
    line = next(lines, None)
    while line is not None:
        taken: list[str] = []
        row = _row(line, lines, taken, form, quotes)
        again = None
        if row is None and len(taken) > 1:
            # The first line opened a quote in vain, the last is where that came out.
            yield None
            for swallowed in taken[1:-1]:
                yield from _filled(_row(swallowed, iter(()), [], form, quotes))
            again = taken[-1]
        else:
            yield from _filled(row)
        line = next(lines, None) if again is None else again


def _filled(row: Row | None) -> Iterator[Row | None]:
    """All but a line with nothing in it."""
    if row != []:
        yield row


def _row(
    line: str, more: Iterator[str], taken: list[str], form: Form, quotes: Quotes
) -> Row | None:
    """The row that begins with `line`; `taken` gets the lines that it took."""
    if quotes is Quotes.TEXT or _QUOTE not in line:
        taken.append(line)
        bare = line.rstrip("\r\n")
        row = bare.split(form.delimiter) if bare else []
    else:
        try:
            record = _taking(chain([line], more), taken)
            row = next(csv.reader(record, delimiter=form.delimiter, strict=True))
        except csv.Error:
            return None
    return row if not row or (len(row) == form.width and not _swallows(taken, form)) else None


def _taking(lines: Iterator[str], taken: list[str]) -> Iterator[str]:
    chars = 0
    for line in lines:
        taken.append(line)
        chars += len(line)
        if chars > _MAX_RECORD_CHARS and len(taken) > 1:
            raise csv.Error("The record is too long.")
        yield line


def _swallows(taken: Sequence[str], form: Form) -> bool:
    """Whether half of the lines of a record, but for the first, could be rows on their own."""
    if len(taken) == 1 or form.url_at is None:
        return False
    rows = [line.rstrip("\r\n").split(form.delimiter) for line in taken[1:]]
    whole = [row for row in rows if len(row) == form.width]
    return 2 * sum(bool(HTTP.match(row[form.url_at].lstrip(_QUOTE))) for row in whole) >= len(rows)


def _has_url(row: Row, form: Form) -> bool:
    return form.url_at is None or not row[form.url_at] or bool(HTTP.match(row[form.url_at]))


def _looks_quoted(line: str, form: Form) -> int:
    """1 if a field of it stands in quotes, 2 if in there are quotes too, and as they may be."""
    fields = line.rstrip("\r\n").split(form.delimiter)
    return max(
        (1 + (_QUOTE in found[1]) for found in map(_WRAPPED.fullmatch, fields) if found), default=0
    )


def _looks_like_text(line: str, form: Form, habit: bool) -> bool:
    """Whether a field of it has quotes that no writer would have put there.

    Within a field that is not quoted; or around one that needs none, unless that is the `habit`.
    """
    for field in line.rstrip("\r\n").split(form.delimiter):
        wrapped = _WRAPPED.fullmatch(field)
        if wrapped and not habit and not _NEEDS_QUOTES.search(wrapped[1]):
            return True
        if not wrapped and _LONE.search(field):
            return True
    return False


def _is_no_row(line: str) -> bool:
    return line.isspace() or bool(SEPARATOR.fullmatch(line))


def _doubled(escaped: re.Match[str]) -> str:
    return _QUOTE * 2 if escaped[1] == _QUOTE else escaped[1]


def _kind(values: Sequence[str]) -> str:
    filled = [value for value in values if value.strip().lower() not in _MISSING]
    if filled and all(map(_DOUBLE.fullmatch, filled)):
        return DOUBLES
    return DIGITS if mostly(filled, _is_number) else TEXT


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _whole(id_: str) -> str:
    # Not by way of a double, which has fewer digits than ids may have.
    return str(int(Decimal(id_))) if _DOUBLE.fullmatch(id_) else id_
