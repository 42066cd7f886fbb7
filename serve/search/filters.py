"""Filters on the columns of published pairs, as text: `aesthetic_score >= 5`, `language in en,fr`.

A value may stand in quotes, as in SQL, where a quote within is written twice.

One filter means the same to the search index (LanceDB) and to the lake (DuckDB): a null matches no
comparison. No text of a value stands in SQL: DuckDB takes values as parameters, LanceDB takes texts
as the hex digits of their bytes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pyarrow as pa

from pairlake.lake.errors import BadRequest
from pairlake.serve.search.facts import Column, Kind

LARGEST = 3.4e38  # of a score, which has 32 bits
MOST_VALUES = 1_000
_FORM = re.compile(
    r"\s*(?P<column>\w+)\s*"
    r"(?:(?P<null>is\s+(?:not\s+)?null)\s*"
    r"|(?P<operator>!=|<>|<=|>=|==|=|<|>|\bin\b|\bcontains\b)\s*(?P<value>.*?)\s*)",
    re.IGNORECASE | re.DOTALL,
)
_ALSO = {"==": "=", "<>": "!="}
_FLAGS = {"true": True, "false": False}
# Possessive, so that doubled quotes can be read in one way only.
_QUOTED = r"""(?:'(?:[^']|'')*+'|"(?:[^"]|"")*+")"""
# Of a list: a value, and what parts it from the next.
_EACH = re.compile(rf"\s*({_QUOTED}(?=\s*(?:,|$))|[^,]*)\s*(,|$)", re.DOTALL)
_IN_BRACKETS = re.compile(rf"\(((?:{_QUOTED}|[^()'\"])*+)\)", re.DOTALL)


class BadFilter(BadRequest):
    """A filter that cannot be read, or that its column does not take."""


@dataclass(frozen=True)
class Filter:
    """One condition: `operator` is one of = != < <= > >= in contains null notnull."""

    column: str
    operator: str
    values: tuple[Any, ...]


def parse(texts: Sequence[str], columns: Mapping[str, Column]) -> list[Filter]:
    """Filters of their texts, all of which are to hold, on the columns that there are.

    BadFilter says which cannot be read.
    """
    return [_parsed(text, columns) for text in texts]


def lance(filters: Sequence[Filter]) -> str | None:
    """The filters as one condition of the search index; None if there are none."""
    return " and ".join(f"({_lance(each)})" for each in filters) or None


def sql(filters: Sequence[Filter], *, of: str = "pairs") -> tuple[str, list[Any]]:
    """The filters as a condition of DuckDB on a relation with their columns, and its parameters."""
    conditions, parameters = ["true"], list[Any]()
    for each in filters:
        # Scores are kept in 32 bits: 0.3 is to be the same number on both sides, as in the index.
        holes = ", ".join("?::float" if isinstance(v, float) else "?" for v in each.values)
        name = f"{of}.{each.column}"
        conditions.append(_SQL[each.operator].format(name=name, holes=holes))
        parameters += each.values
    return " and ".join(conditions), parameters


_SQL = {
    **{
        operator: "{name} " + operator + " {holes}"
        for operator in ("=", "!=", "<", "<=", ">", ">=")
    },
    "in": "{name} in ({holes})",
    "contains": "contains({name}, {holes})",
    "null": "{name} is null",
    "notnull": "{name} is not null",
}


def _parsed(text: str, columns: Mapping[str, Column]) -> Filter:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise BadFilter(f"The filter {text!a} holds bytes that are no UTF-8.") from error
    found = _FORM.fullmatch(text)
    if found is None:
        raise BadFilter(
            f"The filter {text!r} cannot be read; write it as: aesthetic_score >= 5, or "
            "language in en,fr, or license_url is null"
        )
    column = found["column"].lower()
    if column not in columns:
        names = ", ".join(columns)
        raise BadFilter(f"There is no column {column!r} to filter by; there are: {names}.")
    if found["null"]:
        return Filter(column, "notnull" if "not" in found["null"].lower() else "null", ())
    operator, value = found["operator"].lower(), found["value"]
    operator = _ALSO.get(operator, operator)
    kind, type_ = columns[column]
    if operator == "contains" and kind != "text":
        raise BadFilter(f"{column} is no text, so that it contains nothing; compare it with =.")
    if kind == "uuid" and operator not in ("=", "!=", "in"):
        raise BadFilter(f"{column} is an id; compare it with =, != or in.")
    if kind == "flag" and operator not in ("=", "!="):
        raise BadFilter(f"{column} is true or false; compare it with = or !=.")
    texts = [_unquoted(each) for each in (_listed(value) if operator == "in" else [value])]
    if len(texts) > MOST_VALUES:
        raise BadFilter(f"{column} is held against {len(texts):,} values; {MOST_VALUES:,} at most.")
    return Filter(column, operator, tuple(_value(column, kind, type_, each) for each in texts))


def _listed(text: str) -> list[str]:
    """The values of a list, which may stand in brackets."""
    within = _IN_BRACKETS.fullmatch(text)
    values = _EACH.findall(within[1] if within else text)
    # What follows the last value is the end, once more.
    return [value.strip() for value, _ in values[: 1 + [end for _, end in values].index("")]]


def _unquoted(text: str) -> str:
    """A value without its quotes; BadFilter where something follows them."""
    quoted = re.match(_QUOTED, text, re.DOTALL)
    if quoted is None:
        return text
    if quoted.end() < len(text):
        raise BadFilter(
            f"After the text {quoted[0]} comes more than a filter has ({text[quoted.end() :]!r}); "
            "write a quote within twice, and each condition as a filter of its own."
        )
    return text[1:-1].replace(text[0] * 2, text[0])


def _value(column: str, kind: Kind, type_: pa.DataType, text: str) -> Any:
    try:
        if kind == "uuid":
            return UUID(text)
        if kind == "number":
            return _whole(text, type_) if pa.types.is_integer(type_) else _score(text)
        if kind == "flag":
            return _FLAGS[text.lower()]
    except (ValueError, KeyError) as error:
        what = {"uuid": "an id", "flag": "true or false"}.get(kind, "a number that it can be")
        raise BadFilter(f"{column} is held against {text!r}, which is not {what}.") from error
    return text


def _whole(text: str, type_: pa.DataType) -> int:
    value = int(text)
    # One of the bits is its sign.
    if abs(value) >= 2 ** (type_.bit_width - 1):
        raise ValueError(text)
    return value


def _score(text: str) -> float:
    value = float(text)
    # Not so for nan either.
    if not abs(value) <= LARGEST:
        raise ValueError(text)
    return value


def _lance(each: Filter) -> str:
    holes = ", ".join(map(_literal, each.values))
    return _SQL[each.operator].format(name=each.column, holes=holes)


def _literal(value: Any) -> str:
    """A value as SQL of the search index, in which nothing of a text can be taken for SQL.

    Lance reads a backslash before a quote as part of the text, others do not: digits mean the same
    to all.
    """
    if isinstance(value, UUID):
        return f"X'{value.hex}'"
    return f"cast(X'{value.encode().hex()}' as string)" if isinstance(value, str) else repr(value)
