"""What is published of the search index, for readers: opened anew when its tag has moved."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import NamedTuple, TypeVar

import lancedb
import msgspec
from lance import LanceDataset
from lance.dataset import Tags
from lancedb.table import Table

from pairlake.lake.errors import PairlakeError
from pairlake.serve.search.facts import Columns
from pairlake.serve.search.index import (
    PAIRS,
    TAG,
    NothingPublished,
    Publication,
    has_table,
    open_index,
)

LOOK_EVERY_S = 1.0  # how long readers may not know that the tag has moved
# What a reader keeps in memory of indexes and of what files hold; Lance's own are 6 GiB and 1 GiB.
CACHES = {"index_cache_size_bytes": 2**30, "metadata_cache_size_bytes": 2**28}
T = TypeVar("T")


class Shown(NamedTuple):
    """What a tag says. A table that was removed and made anew may have the same version."""

    version: int
    since: datetime | None


@dataclass(frozen=True)
class Reader:
    """A published version of a table, as long as somebody reads it."""

    shown: Shown
    table: Table

    @cached_property
    def dataset(self) -> LanceDataset:
        """The same by pylance: its scans take half the time of the table's."""
        return self.table.to_lance(**CACHES)

    @cached_property
    def publication(self) -> Publication:
        """What the version says of itself; PairlakeError where an older pairlake has said it."""
        said = json.loads(self.table.schema.metadata[b"publication"])
        try:
            publication = msgspec.convert(said, Publication)
            if {*publication.columns, "facts"} <= {*self.table.schema.names}:
                return publication
        except msgspec.ValidationError:
            pass
        raise PairlakeError(
            "The search index was published by an older pairlake; run: pairlake publish"
        )

    @property
    def columns(self) -> Columns:
        """What is known of its pairs."""
        return self.publication.columns


class Published:
    """One table as it is published, opened anew when the tag has moved."""

    def __init__(self, place: str | Path, name: str) -> None:
        self._place = place
        self._name = name
        self._lock = Lock()
        self._tags: Tags | None = None
        self._reader: Reader | None = None
        self._looked = -math.inf

    def reader(self, *, at_once: bool = False) -> Reader:
        """The published version, as of LOOK_EVERY_S ago at most; NothingPublished if there is none.

        With `at_once`, as of now. Raises PairlakeError where an older pairlake has published it.
        """
        with self._lock:
            is_old = time.monotonic() - self._looked >= LOOK_EVERY_S
            if self._reader is None or at_once or is_old:
                self._reader = self._look(self._reader)
                self._looked = time.monotonic()
            return self._reader

    def read(self, answer: Callable[[Reader], T]) -> T:
        """What `answer` makes of the published version.

        Once more where that has just gone: `maintain` erased it, or the index was made anew.
        """
        reader = self.reader()
        try:
            return answer(reader)
        except (OSError, RuntimeError, ValueError):
            present = self.reader(at_once=True)
            if present is reader:
                raise
            return answer(present)

    def _look(self, last: Reader | None) -> Reader:
        shown = self._shown()
        if shown is None:
            self._reader = None
            raise NothingPublished
        if last is not None and last.shown == shown:
            return last
        # Another handle: the last one may be in use by another thread.
        table = open_index(self._place, session=lancedb.Session(**CACHES)).open_table(self._name)
        table.checkout(TAG)
        reader = Reader(shown, table)
        if self._name == PAIRS:
            # Said now, not by the first query.
            _ = reader.publication
        return reader

    def _shown(self) -> Shown | None:
        if self._tags is None and has_table(self._place, self._name):
            self._tags = open_index(self._place).open_table(self._name).to_lance().tags
        tag = None if self._tags is None else self._tags.list().get(TAG)
        return None if tag is None else Shown(tag["version"], tag["updated_at"])
