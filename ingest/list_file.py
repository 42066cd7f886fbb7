"""Tells what a ready-made list is, and which of its columns is what."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

# In order of preference, whatever their case: LAION, DataComp, COYO, img2dataset, CC12M, …
URLS = ("url", "image_url", "img_url", "image_link")
CAPTIONS = ("caption", "text", "alt", "alt_text", "txt", "title", "description")
_IDS = ("sample_id", "uid", "id", "key", "hash")
_LICENSES = ("license_url", "license")

# Numeric columns that pandas adds when it writes its index.
_INDEX = re.compile(r"__index_level_\d+__|unnamed: \d+|index|")
_MAX_SCORES = 200
_MAX_LISTED_CHARS = 300

BOM = b"\xef\xbb\xbf"
HTTP = re.compile(r"https?://", re.IGNORECASE)
_DELIMITERS = (",", "\t", ";", "|")
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")


class NotAList(Exception):
    """The file cannot be read as a list of URLs and captions; says why in one sentence."""


@dataclass(frozen=True, kw_only=True)
class Columns:
    """The names that the user gives for a list's columns; None: found by the names known."""

    url: str | None = None
    caption: str | None = None


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Which column of a list is what.

    `columns` are by role: url, caption and, where there are such, source_id, page_url,
    license_url, width and height. `scores` are by the name that they land under.
    """

    columns: Mapping[str, str]
    scores: Mapping[str, str]


def list_kind(head: bytes, columns: Columns | None = None) -> str | None:
    """`parquet`, `jsonl` or `csv` from the first bytes of a file, after gunzip; None: no list.

    CSV is told by its first line: it has a column that seems to hold URLs, or the one given.
    """
    if head.startswith(b"PAR1"):
        return "parquet"
    text = head.removeprefix(BOM).lstrip()
    if text.startswith(b"{"):
        return "jsonl"
    try:
        line = text.partition(b"\n")[0].decode().rstrip("\r")
    except UnicodeDecodeError:
        return None
    return "csv" if _is_csv(line, columns or Columns()) else None


def find_layout(numeric: Mapping[str, bool], wanted: Columns) -> Layout:
    """What is what among columns of which is known whether they hold numbers.

    Every numeric column is a score, but for ids, hashes and pandas' index. Raises NotAList if the
    columns of URL and caption are not among them.
    """
    lowered: dict[str, str] = {}
    for name in numeric:
        lowered.setdefault(name.lower(), name)

    def found(*names: str) -> str | None:
        return next((lowered[name] for name in names if name in lowered), None)

    def wanted_or(given: str | None, known: Sequence[str]) -> str | None:
        if given is None:
            return found(*known)
        return given if given in numeric else found(given.lower())

    url, caption = wanted_or(wanted.url, URLS), wanted_or(wanted.caption, CAPTIONS)
    if url is None or caption is None:
        raise NotAList(
            f"The list has columns {_listed(numeric)}; name those of the URL and the caption with "
            "--url-column and --caption-column."
        )
    # img2dataset's width and height are those of its resized copy.
    original = "original_" if found("original_width") and found("original_height") else ""
    roles = {
        "url": url,
        "caption": caption,
        "source_id": found(*_IDS),
        "page_url": found("page_url"),
        "license_url": found(*_LICENSES),
        "width": found(f"{original}width"),
        "height": found(f"{original}height"),
    }
    others = {url, caption, roles["source_id"]}
    return Layout(
        columns={role: name for role, name in roles.items() if name is not None},
        scores=_scores([name for name in numeric if numeric[name] and name not in others]),
    )


def find_delimiter(line: str, wanted: Columns) -> str:
    """The delimiter that makes a URL column of this line, or else the most columns."""

    def fitness(delimiter: str) -> tuple[bool, int]:
        fields = split_fields(line, delimiter)
        known = any(f.lower() in URLS or f == wanted.url or HTTP.match(f) for f in fields)
        return known and len(fields) > 1, len(fields)

    return max(_DELIMITERS, key=fitness)


def split_fields(line: str, delimiter: str) -> list[str]:
    """The fields of one line of CSV; with its quotes, where they do not close."""
    try:
        return next(csv.reader([line], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return line.split(delimiter)


def _is_csv(line: str, wanted: Columns) -> bool:
    """Whether it seems to be the first line of CSV: with a column of URLs, or the one given."""
    if line.startswith("<") or _CONTROLS.search(line):
        return False
    fields = split_fields(line, find_delimiter(line, wanted))
    return len(fields) > 1 and any(
        re.search("url|link", field, re.IGNORECASE) or HTTP.match(field) or field == wanted.url
        for field in fields
    )


def _scores(names: Iterable[str]) -> dict[str, str]:
    scores: dict[str, str] = {}
    for name in names:
        lower = name.lower()
        if lower not in _IDS and name.isprintable() and not _INDEX.fullmatch(lower):
            scores.setdefault(lower, name)
    if len(scores) > _MAX_SCORES:
        raise NotAList(
            f"The list has {len(scores)} columns of numbers, and at most {_MAX_SCORES} can be "
            "scores; leave some out of it."
        )
    return scores


def _listed(names: Iterable[str]) -> str:
    shown = ", ".join(name.encode(errors="replace").decode() for name in names)
    return shown if len(shown) <= _MAX_LISTED_CHARS else shown[:_MAX_LISTED_CHARS] + "…"
