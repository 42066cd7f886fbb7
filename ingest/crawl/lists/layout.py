"""Tells what a ready-made list is, and which of its columns is what."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

# In order of preference, as column_key has them: LAION, DataComp, COYO, img2dataset, CC12M, YFCC, …
URLS = ("url", "imageurl", "imgurl", "imagelink", "downloadurl")
CAPTIONS = ("caption", "text", "alt", "alttext", "txt", "title", "description")
_IDS = ("sampleid", "uid", "id", "key", "hash")
_LICENSES = ("licenseurl", "license")
# What a column holds. Other types stand in words of their own, and are neither text nor numbers.
NUMBERS, TEXT, TEXTS, OBJECTS = "numbers", "text", "lists of text", "lists of objects"
# In a file that has only text: what reads as numbers, and as whole ones with .0 behind.
DIGITS, DOUBLES = "digits", "doubles"
_TEXT = (TEXT, DIGITS, DOUBLES)
_NUMBERS = (NUMBERS, DIGITS, DOUBLES)
# So many values of a column make it one of numbers; an odd one among them costs itself.
_MOSTLY = 0.9

# Numeric columns that pandas adds when it writes its index.
_INDEX = re.compile(r"__index_level_\d+__|unnamed: \d+|index|")
_MAX_SCORES = 200
_MAX_LISTED_CHARS = 300

# The longer ones first: UTF-32 begins as UTF-16 does.
_BOMS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
CAPTION_IT = (
    "name the column of captions with --caption-column, or caption the pictures first and give a "
    "list of both."
)
HTTP = re.compile(r"https?://", re.IGNORECASE)
_URL_ALONE = re.compile(r"https?://\S+", re.IGNORECASE)
_DELIMITERS = (",", "\t", ";", "|")
# An array, or objects that each take several lines.
_JSON = re.compile(r'\[\s*["\[\]{\d]|\{\s*\n')
# What Excel takes for the delimiter and not for a row.
SEPARATOR = re.compile(r'"?sep=.?"?[\r\n]+', re.IGNORECASE)
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


def encoding(head: bytes) -> str:
    """The encoding of a text by its byte order mark, UTF-8 if it has none."""
    return next((name for mark, name in _BOMS.items() if head.startswith(mark)), "utf-8")


def decoded_head(head: bytes) -> str:
    """The first bytes of a text, of which the last character may be cut."""
    return codecs.getincrementaldecoder(encoding(head))("replace").decode(head)


def list_kind(head: bytes, columns: Columns | None = None) -> str | None:
    """`parquet`, `jsonl`, `json` or `csv` from the first bytes of a file, unpacked; None: no list.

    CSV is told by its first line: it has a column that seems to hold URLs, or the one given.
    """
    if head.startswith(b"PAR1"):
        return "parquet"
    text = SEPARATOR.sub("", decoded_head(head).lstrip(), count=1)
    if _JSON.match(text):
        return "json"
    if text.startswith("{"):
        return "jsonl"
    line = re.split(r"[\r\n]", text, maxsplit=1)[0]
    return "csv" if _is_csv(line, columns or Columns()) else None


def find_layout(kinds: Mapping[str, str], wanted: Columns) -> Layout:
    """What is what among columns of which is known what kind of values they hold.

    Every column of numbers is a score, but for ids, hashes and pandas' index. Raises NotAList if
    the columns of URL and caption are not among them, or hold no text.
    """
    keys: dict[str, list[str]] = {}
    for name in kinds:
        keys.setdefault(column_key(name), []).append(name)

    def found(*known: str, holding: Sequence[str] = _TEXT) -> str | None:
        names = [name for key in known for name in keys.get(key, ())]
        return next((name for name in names if kinds[name] in holding), None)

    def wanted_or(given: str | None, known: Sequence[str], holding: Sequence[str]) -> str | None:
        if given in kinds:
            return given
        any_kind = list(kinds.values())
        known = known if given is None else [column_key(given)]
        return found(*known, holding=holding) or found(*known, holding=any_kind)

    url = wanted_or(wanted.url, URLS, _TEXT)
    caption = wanted_or(wanted.caption, CAPTIONS, (*_TEXT, TEXTS))
    if url is None:
        raise NotAList(_unknown(kinds))
    if caption is None:
        raise NotAList(
            f"The list has URLs ({_listed([url])}) and no captions known by name, and a pair is "
            f"both; there are {_listed(kinds)}: {CAPTION_IT}"
        )
    _refuse(url, kinds[url], _TEXT, "--url-column")
    _refuse(caption, kinds[caption], (*_TEXT, TEXTS), "--caption-column")
    # img2dataset's width and height are those of its resized copy.
    either = (*_TEXT, NUMBERS)
    original = "original" if found("originalwidth", holding=either) else ""
    roles = {
        "url": url,
        "caption": caption,
        "source_id": found(*_IDS, holding=either),
        "page_url": found("pageurl"),
        "license_url": found(*_LICENSES),
        "width": found(f"{original}width", holding=either),
        "height": found(f"{original}height", holding=either),
    }
    others = {url, caption, roles["source_id"]}
    return Layout(
        columns={role: name for role, name in roles.items() if name is not None},
        scores=_scores(name for name in kinds if kinds[name] in _NUMBERS and name not in others),
    )


def column_key(name: str) -> str:
    """A column's name without what differs from list to list: case, spaces and underscores."""
    return re.sub(r"[\W_]+", "", name.lower())


def mostly(values: Sequence[T], test: Callable[[T], bool]) -> bool:
    """Whether there are values, and nearly all of them pass."""
    return bool(values) and sum(map(test, values)) >= _MOSTLY * len(values)


def url_place(names: Sequence[str], wanted: Columns) -> int | None:
    """Which of a file's columns is the one of URLs, if that is known by its name."""
    known = URLS if wanted.url is None else [column_key(wanted.url)]
    places = [place for place, name in enumerate(names) if column_key(name) in known]
    return places[0] if places else None


def _unknown(kinds: Mapping[str, str]) -> str:
    within = next((name for name, kind in kinds.items() if kind == OBJECTS), None)
    if within is not None:
        return f"The list is within {_listed([within])}; write one object a line, as jq -c does."
    return (
        f"The list has columns {_listed(kinds)}; name those of the URL and the caption with "
        "--url-column and --caption-column."
    )


def _refuse(name: str, kind: str, allowed: Sequence[str], option: str) -> None:
    if kind not in allowed:
        raise NotAList(
            f"The column {_listed([name])} holds {_listed([kind])}, not {TEXT}; name another with "
            f"{option}."
        )


def find_delimiter(line: str, wanted: Columns) -> str:
    """The delimiter that makes a URL column of this line, or else the most columns."""

    def fitness(delimiter: str) -> tuple[bool, int]:
        fields = split_fields(line, delimiter)
        known = any(column_key(f) in URLS or f == wanted.url or HTTP.match(f) for f in fields)
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
    if line.startswith("<") or "\ufffd" in line or _CONTROLS.search(line):
        return False
    fields = split_fields(line, find_delimiter(line, wanted))
    if len(fields) == 1:
        # URLs alone, which are refused as such.
        return column_key(line) in URLS or line == wanted.url or bool(_URL_ALONE.fullmatch(line))
    return any(
        re.search("url|link", field, re.IGNORECASE) or HTTP.match(field) or field == wanted.url
        for field in fields
    )


def _scores(names: Iterable[str]) -> dict[str, str]:
    scores: dict[str, str] = {}
    for name in names:
        lower = name.lower()
        if column_key(name) not in _IDS and name.isprintable() and not _INDEX.fullmatch(lower):
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
