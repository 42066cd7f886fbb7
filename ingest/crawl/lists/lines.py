"""Reads the text of a list, whatever its encoding, its line ends and its packing."""

from __future__ import annotations

import codecs
import gzip
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BufferedReader, TextIOWrapper
from pathlib import Path
from typing import cast

from pairlake.ingest.crawl.lists.layout import decoded_head, encoding

_MAX_LINE_CHARS = 16 * 2**20
_HEAD_BYTES = 2**16
_GZIP = b"\x1f\x8b"
_LINE_END = re.compile(r"\r*\n|\r")
_DAMAGE = (EOFError, gzip.BadGzipFile, zlib.error)

# A lone surrogate, which no text holds. It stands for what is none, so that its record is found.
NO_TEXT = "\udcff"
codecs.register_error("no text", lambda error: (NO_TEXT, getattr(error, "end", 0)))


def is_packed(file: Path) -> bool:
    """Whether a file is in gzip."""
    with file.open("rb") as raw:
        return raw.read(len(_GZIP)) == _GZIP


@contextmanager
def opened_text(file: Path) -> Iterator[ListText]:
    """The text of a file, plain or in gzip."""
    with gzip.open(file) if is_packed(file) else file.open("rb") as stream:
        yield ListText(cast(BufferedReader, stream))


class ListText:
    """A text that is read once; `taken` are its characters so far, `line` is the number of lines.

    `damage` is what ended it too early. Bytes that are no text, and lines too long for a record,
    are NO_TEXT: what is cut could still be read, as something else than the file holds.
    """

    def __init__(self, stream: BufferedReader) -> None:
        self.taken = 0
        self.line = 0
        self.damage: Exception | None = None
        try:
            head = stream.peek(_HEAD_BYTES)
        except _DAMAGE:
            head = b""
        # Where a file ends its lines with \r\n, a \r alone is part of a caption.
        end = _LINE_END.search(decoded_head(head))
        self._end = "\r" if end and end[0] == "\r" else "\n"
        self._text = TextIOWrapper(stream, encoding(head), errors="no text", newline=self._end)

    def lines(self) -> Iterator[str]:
        """The lines, each with its end."""
        while line := self._read(self._text.readline, _MAX_LINE_CHARS):
            self.line += 1
            if len(line) == _MAX_LINE_CHARS and not line.endswith(self._end):
                while line and not line.endswith(self._end):
                    line = self._read(self._text.readline, _MAX_LINE_CHARS)
                line = NO_TEXT
            yield line

    def read(self, chars: int) -> str:
        """The next characters, as many or fewer; none at the end."""
        return self._read(self._text.read, chars)

    def _read(self, read: Callable[[int], str], chars: int) -> str:
        try:
            text = read(chars)
        except _DAMAGE as error:
            self.damage = error
            return ""
        self.taken += len(text)
        return text
