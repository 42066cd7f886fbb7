"""Joins pictures with what is told of them beside: captions, URLs, scores; makes a list of it.

The list is read as any other, so that a pair with its picture lands as one without it does.
"""

from __future__ import annotations

import csv
import io
import json
import posixpath
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from pairlake.ingest.crawl.captioned.folders import CAPTIONS, FACTS, METADATA, PICTURES, ending
from pairlake.ingest.crawl.lists.json import json_lines
from pairlake.ingest.crawl.lists.layout import CAPTIONS as CAPTION_NAMES
from pairlake.ingest.crawl.lists.layout import HTTP, URLS, Columns, column_key, encoding
from pairlake.lake.errors import as_text

# A pair without a URL stands under the sha256 of its picture.
URN = "urn:sha256:"
# Of all captions and facts of one file; some millions of usual ones.
MOST_TOLD_BYTES = 256 * 2**20
_MOST_TEXT_BYTES, _MOST_METADATA_BYTES = 2**20, 64 * 2**20
# Columns of a list; those that most pictures have.
_MOST_COLUMNS = 100
_FILE_NAMES = ("filename",)

Facts = dict[str, Any]
Place = tuple[int, str]


class Picture(NamedTuple):
    """A picture by its number among the members, its name, and its bytes' sha256."""

    number: int
    name: str
    sha256: bytes

    @property
    def place(self) -> Place:
        """By both, since a tar may have a name twice, and a folder may change meanwhile."""
        return self.number, self.name


class Told:
    """What is told of the pictures of one tar or folder, gathered as its members come.

    `others` counts what is of no use: `no caption`, `no picture`, `unreadable text`.
    """

    def __init__(self, columns: Columns) -> None:
        self._urls = URLS if columns.url is None else (column_key(columns.url),)
        self._captions = (
            CAPTION_NAMES if columns.caption is None else (column_key(columns.caption),)
        )
        self._texts: dict[str, str] = {}
        self._facts: dict[str, bytes] = {}
        self._metadata: dict[str, list[bytes]] = {}
        self.pictures: list[Picture] = []
        self.others: Counter[str] = Counter()
        self._bytes = 0

    def has_room(self, body: bytes) -> bool:
        """Whether some more text may be kept in mind."""
        self._bytes += len(body)
        return self._bytes <= MOST_TOLD_BYTES

    def add(self, name: str, body: bytes) -> None:
        """Take the text of a member that tells of pictures."""
        try:
            if PurePosixPath(name).name in METADATA:
                self._add_metadata(name, body)
            elif ending(name) in CAPTIONS:
                self._texts[_stem(name)] = _without_line_end(body.decode(encoding(body)))
            else:
                self._facts[_stem(name)] = body
        except (UnicodeDecodeError, csv.Error):
            self.others["unreadable text"] += 1

    def _add_metadata(self, name: str, body: bytes) -> None:
        text = body.decode(encoding(body))
        rows: Iterable[Any]
        if ending(name) == ".csv":
            rows = csv.DictReader(io.StringIO(text, newline=""))
        else:
            rows = json_lines(text.split("\n"))
        for row in rows:
            file = _first(row or {}, _FILE_NAMES)
            if row is None or not isinstance(file, str):
                self.others["unreadable text"] += 1
                continue
            told = {key: value for key, value in row.items() if key != "file_name"}
            picture = posixpath.normpath(posixpath.join(posixpath.dirname(name), file))
            self._metadata.setdefault(picture, []).append(json.dumps(told).encode())

    def write_list(self, target: Path) -> dict[Place, str]:
        """Write the pictures that have a caption to a list of JSON; the URL of each, by place."""
        counted = Counter(key for _, facts, _ in self._joined(Counter()) for key in facts)
        kept = {key for key, _ in counted.most_common(_MOST_COLUMNS)}
        urls: dict[Place, str] = {}
        with target.open("w") as file:
            for picture, facts, caption in self._joined(self.others):
                url = self._url(facts, picture)
                others = {key: value for key, value in facts.items() if key in kept}
                row = {"url": url, "caption": caption, "key": as_text(_stem(picture.name))}
                # The keys of the row come first, so that they are found first.
                file.write(json.dumps(row | {k: v for k, v in others.items() if k not in row}))
                file.write("\n")
                urls[picture.place] = url
        return urls

    def _joined(self, others: Counter[str]) -> Iterator[tuple[Picture, Facts, str | list[str]]]:
        """Each picture with its facts and its caption; counts what goes with no other."""
        told = set[str]()
        for picture in self.pictures:
            stem, found = _stem(picture.name), False
            rows = self._metadata.get(posixpath.normpath(picture.name), [])
            for body in rows or [self._facts.get(stem, b"{}")]:
                facts = next(json_lines([body.decode(errors="replace")]), None)
                if facts is None:
                    others["unreadable text"] += 1
                caption = self._texts.get(stem) or _caption(facts or {}, self._captions)
                if caption:
                    found = True
                    yield picture, _plain(facts or {}), caption
            others["no caption"] += not found
            told |= {stem, posixpath.normpath(picture.name)}
        texts = self._texts.keys() | self._facts.keys() | self._metadata.keys()
        others["no picture"] += len(texts - told)

    def _url(self, facts: Mapping[str, Any], picture: Picture) -> str:
        found = _first(facts, self._urls)
        if isinstance(found, str) and HTTP.match(found.strip()):
            return found.strip(" \t\r\n")
        return URN + picture.sha256.hex()


def most_text_bytes(name: str) -> int | None:
    """How long a member may be that tells of pictures; None if it does not."""
    if PurePosixPath(name).name in METADATA:
        return _MOST_METADATA_BYTES
    return _MOST_TEXT_BYTES if ending(name) in CAPTIONS | FACTS else None


def is_picture(name: str) -> bool:
    """Whether a member is a picture, by its name."""
    return ending(name) in PICTURES


def _stem(name: str) -> str:
    return name[: len(name) - len(PurePosixPath(name).suffix)]


def _without_line_end(text: str) -> str:
    """A caption as it was before an editor ended its line."""
    return text.removesuffix("\n").removesuffix("\r")


def _first(facts: Mapping[str, Any], names: Sequence[str]) -> object:
    """The value of the first of these columns, however their names are written, that has one."""
    by_key: dict[str, object] = {}
    for name, value in facts.items():
        if value not in (None, ""):
            by_key.setdefault(column_key(str(name)), value)
    return next((by_key[name] for name in names if name in by_key), None)


def _caption(facts: Mapping[str, Any], names: Sequence[str]) -> str | list[str] | None:
    found = _first(facts, names)
    if isinstance(found, list):
        return [text for text in found if isinstance(text, str)]
    return found if isinstance(found, str) else None


def _plain(facts: Mapping[str, Any]) -> Facts:
    """What is a value by itself, under a name that is one."""
    return {
        str(name): value
        for name, value in facts.items()
        if isinstance(value, str | int | float) and name is not None
    }
