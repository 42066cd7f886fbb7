"""Keeps from every answer what is to be forgotten, as the lake has it when the answer is given."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from threading import Lock
from typing import NamedTuple

import duckdb
import msgspec
import pyarrow as pa

from pairlake.lake.catalog import connect
from pairlake.lake.denied import denied, gone, kinds_of, put
from pairlake.lake.errors import PairlakeError
from pairlake.lake.forgotten import forgotten
from pairlake.lake.functions import register_functions
from pairlake.lake.settings import settings
from pairlake.serve.search.facts import Facts
from pairlake.serve.search.in_time import turn

_LOG = logging.getLogger("uvicorn.error")
_SCHEMA = {
    "place": pa.int64(),
    "pair_id": pa.uuid(),
    "image_id": pa.uuid(),
    "image_url": pa.string(),
    "caption": pa.string(),
}
_ASKED = """(
    select
        place,
        pair_id,
        image_id,
        null::uuid as md5,
        image_url,
        md5(image_url)::uuid as url_id,
        md5(caption)::uuid as caption_id
    from asked
)"""
# What changes with each request, and not with each of a job's commits.
_MARK = "select count(*), bit_xor(hash(kind, value_id)) from ({forgotten})"
_OTHER_PAGES = """
select asked.place, other_pages.page_url, other_pages.license_url
from asked
inner join other_pages on asked.pair_id = other_pages.pair_id
where other_pages.is_seen_elsewhere
"""


class NoDenyList(PairlakeError):
    """What is to be forgotten cannot be read, so that nothing can be shown."""

    def __init__(self) -> None:
        super().__init__(
            "What is to be forgotten cannot be read, so that nothing is shown now; "
            "see that the lake behind this index answers."
        )


class Known(NamedTuple):
    """What is known of a pair that is about to be shown, ids as their 16 bytes."""

    pair_id: bytes | None = None
    image_id: bytes | None = None
    image_url: str | None = None
    caption: str | None = None


class DenyList:
    """What is to be forgotten: looked up for each answer, read again where it has changed."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._snapshot: tuple[int, str] | None = None
        self._mark: tuple[int, int | None] | None = None
        self._kinds: set[str] | None = None
        self._con = duckdb.connect(":memory:")
        self._con.execute("set threads = 1")
        register_functions(self._con)

    def is_empty(self) -> bool:
        """Whether nothing is to be forgotten. Raises NoDenyList if it was never to be had."""
        with turn(self._lock):
            return not self._refreshed()

    def shown(self, facts: Sequence[Facts]) -> list[Facts | None]:
        """Each of the facts as they may be shown: None, or with another page in place of one.

        Raises NoDenyList if it was never to be had.
        """
        with turn(self._lock):
            if not self._refreshed():
                return list(facts)
            known = [Known(f.pair_id, f.image_id, f.image_url, f.caption) for f in facts]
            gone_places = self._gone(known)
            pages = {place: page for place, *page in self._con.execute(_OTHER_PAGES).fetchall()}
        return [
            None if place in gone_places else _on_page(each, pages.get(place))
            for place, each in enumerate(facts)
        ]

    def gone(self, known: Iterable[Known]) -> list[bool]:
        """Of each, whether it may not be shown. Raises NoDenyList if it was never to be had."""
        asked = list(known)
        with turn(self._lock):
            places = self._gone(asked) if self._refreshed() else set()
        return [place in places for place in range(len(asked))]

    def _gone(self, known: Sequence[Known]) -> set[int]:
        columns = zip(*known, strict=True) if known else [()] * len(Known._fields)
        values = (range(len(known)), *columns)
        arrays = [pa.array(list(v), t) for v, t in zip(values, _SCHEMA.values(), strict=True)]
        put(self._con, {"asked": pa.table(arrays, names=list(_SCHEMA))})
        rows = self._con.execute(gone(_ASKED, self._kinds or (), key="place")).fetchall()
        return {place for (place,) in rows}

    def _refreshed(self) -> set[str]:
        """The kinds of what is to be forgotten as of now."""
        try:
            self._refresh()
        except (PairlakeError, duckdb.Error) as error:
            # Who cannot reach the lake cannot have asked it to forget anything since.
            _LOG.error("%s", error)
            if self._kinds is None:
                raise NoDenyList from error
        return self._kinds or set()

    def _refresh(self) -> None:
        newest = _newest_snapshot()
        if newest is not None and newest == self._snapshot:
            return
        con = connect(read_only=True)
        try:
            con.begin()
            (mark,) = con.execute(_MARK.format(forgotten=forgotten(con))).fetchall()
            if self._kinds is None or mark != self._mark:
                lists = denied(con)
                put(self._con, lists)
                self._kinds, self._mark = kinds_of(lists), mark
            self._snapshot = newest
        finally:
            con.close()


def _newest_snapshot() -> tuple[int, str] | None:
    """The lake's newest snapshot, where it is had without DuckDB, in a hundredth of the time.

    With its time: after a restore another has the same number.
    """
    current = settings()
    if current.on_postgres:
        return None
    try:
        with closing(sqlite3.connect(f"{current.catalog_file.as_uri()}?mode=ro", uri=True)) as con:
            query = "select max(snapshot_id), snapshot_time from ducklake_snapshot"
            newest, time = con.execute(query).fetchone()
    except sqlite3.Error:
        return None
    return None if newest is None else (newest, time)


def _on_page(facts: Facts, page: list[str | None] | None) -> Facts:
    if page is None:
        return facts
    page_url, license_url = page
    return msgspec.structs.replace(facts, page_url=page_url, license_url=license_url)
