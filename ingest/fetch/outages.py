"""Tells our own line to the network, when it is down, from hosts that do not answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence

import aiohttp
import duckdb

from pairlake.ingest.fetch.answers import forgiving_session
from pairlake.ingest.fetch.bodies import BAD_ANSWERS, FAILURES
from pairlake.ingest.fetch.connector import Network, guarded_connector
from pairlake.ingest.fetch.places import place_of
from pairlake.ingest.images.attempt import Download
from pairlake.lake.domains import host_of, is_address
from pairlake.lake.errors import JobFailed

# So many downloads that reach no host, while nobody else answers either, are no accident.
MANY = 10
# Hosts of earlier runs that are asked then, whether they still answer.
KNOWN_HOSTS = 5
_LATEST = 1_000
# Their answer holds for a while.
_SURE_S = 60.0
_TIMEOUT_S = 10.0
Networks = Sequence[Network]
# Only those out there: whoever is on this machine or beside it answers whatever the line does.
_BESIDE: Networks = ()


class NobodyAnswers(JobFailed):
    """Nobody at all can be reached, and no URL is to blame."""


def known_places(con: duckdb.DuckDBPyConnection) -> list[str]:
    """URLs of the hosts that have answered last, one of each."""
    rows = con.execute(
        "select final_url from lake.raw.downloads where http_status is not null "
        f"order by attempted_at desc limit {_LATEST}"
    ).fetchall()
    by_host = {host_of(url): url for (url,) in reversed(rows)}
    return list(by_host.values())[-KNOWN_HOSTS:]


class Line:
    """What comes, and the downloads that are in doubt while nothing does.

    In doubt is a download that reached nobody while nobody else answered, and one whose name led to
    an address that is not public: so do all names where a network wants a login first. Once
    somebody answers, it counts. Where MANY are in doubt, those are asked who have answered before,
    in this run or, as `known` has it, in others: if none of them does, it is the line.
    """

    def __init__(self, known: Sequence[str], headers: Mapping[str, str], here: Networks) -> None:
        self._known, self._headers, self._networks = known, headers, here
        self._answered: dict[str, str] = {}
        self._doubtful: list[Download] = []
        self._data = self._since = self.under_way = 0
        self._changed, self._asking = asyncio.Event(), asyncio.Lock()
        self._sure_until = 0.0

    def note_data(self) -> None:
        """Note that something came, whatever it is."""
        self._data += 1
        if self._doubtful:
            self._changed.set()

    def begin(self) -> int:
        """Note that a download begins; returns what to tell when it ends."""
        self.under_way += 1
        return self._data

    def end(self, download: Download, begun: int) -> list[Download]:
        """Note that a download has ended; returns those that count by now."""
        self.under_way -= 1
        self._changed.set()
        counting = [] if self._is_silent else self._let_go()
        if download.http_status is not None and download.final_url is not None:
            self._answered[host_of(download.final_url)] = download.final_url
            if len(self._answered) > KNOWN_HOSTS:
                del self._answered[next(iter(self._answered))]
        if begun != self._data or (download.is_reached and not _is_led_astray(download)):
            return [*counting, download]
        self._since = self._data
        self._doubtful.append(download)
        return counting

    @property
    def is_dark(self) -> bool:
        """Whether so many are in doubt that no other should be begun."""
        return len(self._doubtful) >= MANY and self._is_silent

    async def change(self) -> None:
        """Wait until something comes, or a download ends."""
        self._changed.clear()
        await self._changed.wait()

    async def settled(self) -> list[Download]:
        """Those that were in doubt, and count; NobodyAnswers where the line is to blame."""
        async with self._asking:
            if self.is_dark and time.monotonic() > self._sure_until:
                if not await self._is_up():
                    raise NobodyAnswers(_sentence(self._doubtful))
                self._sure_until = time.monotonic() + _SURE_S
            return self._let_go()

    @property
    def _is_silent(self) -> bool:
        return self._data == self._since

    def _let_go(self) -> list[Download]:
        counting, self._doubtful = self._doubtful, []
        return counting

    async def _is_up(self) -> bool:
        """Whether anybody answers who has answered before."""
        here = self._do_answer(list(self._answered.values()), self._networks)
        there = self._do_answer(self._known, _BESIDE)
        return any(await asyncio.gather(here, there))

    async def _do_answer(self, places: Sequence[str], networks: Networks) -> bool:
        connector = guarded_connector(networks, connections=2 * KNOWN_HOSTS)
        async with forgiving_session(connector, self._headers, on_data=lambda: None) as session:
            return any(await asyncio.gather(*(_answers(session, place) for place in places)))


async def _answers(session: aiohttp.ClientSession, place: str) -> bool:
    """Whether a host answers anything when it is asked for its robots.txt."""
    try:
        robots = place_of(place).origin() / "robots.txt"
        async with asyncio.timeout(_TIMEOUT_S), session.get(robots, allow_redirects=False):
            return True
    except BAD_ANSWERS:
        return True
    except FAILURES:
        return False


def _is_led_astray(download: Download) -> bool:
    return download.outcome == "private_address" and not is_address(host_of(download.asked))


def _sentence(doubtful: Sequence[Download]) -> str:
    tries = f"{len(doubtful)} downloads in a row have reached nobody"
    what = "See whether this machine reaches the network"
    if any(map(_is_led_astray, doubtful)):
        tries += ", since their names lead to addresses that are not public"
        what += ", which may want a login, or name those addresses in PAIRLAKE_ALLOW_NETWORKS"
    return (
        f"Nobody answers: {tries}, nor does a host that answered before. {what}, and run "
        "`pairlake fetch` again; these count as no try."
    )
