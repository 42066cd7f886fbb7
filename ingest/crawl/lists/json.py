"""Reads the objects of a JSON list: one a line, in an array, or over several lines each."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from pairlake.ingest.crawl.lists.layout import NUMBERS, OBJECTS, TEXT, TEXTS, Layout, mostly
from pairlake.ingest.crawl.lists.lines import ListText

_READ_CHARS = 2**20
_MAX_VALUE_CHARS = 16 * 2**20
_BETWEEN = re.compile(r"[\s,\[\]]*")

Record = dict[str, Any]


class JsonTable:
    """The objects of a JSON list as rows: `records`, None for what cannot be read."""

    caption_type = pa.list_(pa.string())
    nothing = "There is no JSON object of up to 16 MB in it; write one a line, as jq -c does."

    def __init__(self, text: ListText, kind: str) -> None:
        self.records = json_lines(text.lines()) if kind == "jsonl" else json_objects(text)

    def kinds(self, records: Sequence[Record]) -> dict[str, str]:
        """The names in some objects, and what kind of values they have."""
        values: dict[str, list[object]] = {}
        for record in records:
            for name, value in record.items():
                values.setdefault(name, []).append(value)
        return {name: _kind(found) for name, found in values.items()}

    def picker(
        self, layout: Layout, _kinds: Mapping[str, str]
    ) -> Callable[[Record], Sequence[Any] | None]:
        """Takes the values of a layout out of an object; None where URL or caption is none."""
        # The layout has URL and caption first.
        others = [*list(layout.columns.values())[2:], *layout.scores.values()]
        url, caption = layout.columns["url"], layout.columns["caption"]

        def pick(record: Record) -> tuple[Any, ...] | None:
            try:
                pair = _text(record[url]), _captions(record[caption])
            except (KeyError, TypeError):
                return None
            return (*pair, *(_text_or_none(record.get(name)) for name in others))

        return pick


class BrokenJson(Exception):
    """Where the JSON cannot be read, nobody can tell where the next object begins."""


def json_lines(lines: Iterable[str]) -> Iterator[Record | None]:
    """The object of each line; None for a line that is none."""
    for line in lines:
        if line and not line.isspace():
            try:
                yield _object(json.loads(line))
            except (ValueError, RecursionError):
                yield None


def json_objects(text: ListText) -> Iterator[Record | None]:
    """The objects of an array, or of those that follow one another; None for what is no object.

    Raises BrokenJson where the text ends within one, or is no JSON.
    """
    decode = json.JSONDecoder().raw_decode
    rest, at, wanted = "", 0, _READ_CHARS
    while True:
        at = _end_of_gap(rest, at)
        try:
            value, at = decode(rest, at)
        except (ValueError, RecursionError) as error:
            more = text.read(wanted) if len(rest) - at < _MAX_VALUE_CHARS else ""
            if not more and at < len(rest):
                raise BrokenJson(str(error)) from error
            if not more:
                return
            # Twice as much each time, or a long object would be read over and over.
            rest, at, wanted = rest[at:] + more, 0, 2 * wanted
        else:
            wanted = _READ_CHARS
            yield _object(value)


def _end_of_gap(text: str, at: int) -> int:
    gap = _BETWEEN.match(text, at)
    return gap.end() if gap else at


def _object(value: object) -> Record | None:
    return value if isinstance(value, dict) else None


def _kind(values: Sequence[object]) -> str:
    filled = [value for value in values if not _is_missing(value)]
    if mostly(filled, _is_number):
        return NUMBERS
    if not filled or any(isinstance(value, str) for value in filled):
        return TEXT
    lists = [value for value in filled if isinstance(value, list)]
    if any(isinstance(item, str) for value in lists for item in value):
        return TEXTS
    if any(isinstance(item, dict) for value in lists for item in value):
        return OBJECTS
    return f"what JSON calls {type(filled[0]).__name__}"


def _is_missing(value: object) -> bool:
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _captions(value: object) -> list[str] | None:
    """A caption, or each of several; TypeError if one of them is no text."""
    values = value if isinstance(value, list) else [value]
    return [text for text in map(_text, values) if text is not None]


def _text(value: object) -> str | None:
    """Text, a number in digits, or None if there is no value; TypeError for all else."""
    if isinstance(value, str):
        return value
    if _is_missing(value):
        return None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if _is_number(value):
        return str(value)
    raise TypeError(f"{type(value).__name__} is no text.")


def _text_or_none(value: object) -> str | None:
    try:
        return _text(value)
    except TypeError:
        return None
