"""Says which image is asked for next, so that no domain is asked too often or too much at once."""

from __future__ import annotations

import asyncio
import heapq
import time
import uuid
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from pairlake.lake.domains import host_of, registrable_domain

# Images in memory that wait for their turn.
WINDOW = 10_000
# Domains of which is known when they were asked last.
MAX_DOMAINS = 50_000
# After so many failures in a row to reach a host, it is left alone for this run.
MAX_FAILURES = 5
# A domain that wants a break gets it: first so long, then twice as long each time. A host that
# wants more than a minute is for another run.
FIRST_BREAK_S = 1.0
MAX_BREAK_S = 60.0
# Many hosts of one domain may each want one; twice as long a thousand times is no number.
MAX_BREAKS = 16
# A domain rests so many times as long as its rules take to read and to weigh: who has long ones
# takes no more than its fiftieth of a processor. What is short costs nothing.
REST = 50
_SHORT_S = 0.005
# How long a redirect may wait for the turn of the domain that it leads to.
MAX_REDIRECT_WAIT_S = 10.0


class Turn(NamedTuple):
    """One image to ask for; or not to ask for, with the outcome and reason in `left_alone`."""

    url_id: uuid.UUID
    url: str
    host: str
    domain: str
    left_alone: tuple[str, str] | None = None


@dataclass(kw_only=True)
class _Domain:
    waiting: deque[tuple[uuid.UUID, str, str]] = field(default_factory=deque)
    under_way: int = 0
    free_at: float = 0.0
    delay_s: float = 0.0
    breaks: int = 0
    is_listed: bool = False
    # By host: failures in a row, and why it is left alone.
    failures: Counter[str] = field(default_factory=Counter)
    left_alone: dict[str, tuple[str, str]] = field(default_factory=dict)


class Turns:
    """Hands out `urls`, at most `at_once` of a registrable domain, `delay_s` apart.

    Only a window of them is in memory. They should come such that many domains are in it. Where
    they `go_on`, others may be added until it is stopped.
    """

    def __init__(
        self,
        urls: Iterator[tuple[uuid.UUID, str]],
        *,
        at_once: int,
        delay_s: float,
        go_on: bool = False,
    ) -> None:
        self._urls = urls
        self._at_once, self._delay_s = at_once, delay_s
        self._domains: dict[str, _Domain] = {}
        # Domains of which an image may be asked for, by when.
        self._line: list[tuple[float, str]] = []
        self._left: deque[Turn] = deque()
        self._waiting = self._under_way = 0
        self._is_exhausted, self._goes_on = False, go_on
        self.is_stopped = self._is_over = False
        self._changed = asyncio.Event()

    @property
    def is_empty(self) -> bool:
        """Whether none waits for its turn or has it."""
        busy = self._waiting or self._left or self._under_way
        return self._is_exhausted and not busy

    def stop(self) -> None:
        """Hand out no more turns; `is_stopped` then tells whether any were left."""
        self._fill()
        self.is_stopped = bool(self._waiting or self._left)
        self._is_over = True
        self._changed.set()

    def add(self, url_id: uuid.UUID, url: str) -> None:
        """One more image to ask for."""
        self._add(url_id, url)
        self._changed.set()

    async def next(self) -> Turn | None:
        """The next turn, once it has come; None when there are no more."""
        while not self._is_over:
            self._fill()
            if self._left:
                return self._left.popleft()
            now = time.monotonic()
            while self._line and self._line[0][0] <= now:
                turn = self._begin(heapq.heappop(self._line)[1], now)
                if turn is not None:
                    return turn
            if not self._line and not self._under_way and not self._goes_on:
                return None
            self._changed.clear()
            wait = self._line[0][0] - now if self._line else None
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), wait)
        return None

    async def wait_for_redirect(self, url: str) -> bool:
        """Wait until the domain of `url`, where a redirect leads, may be asked; whether it may.

        It may not if it is left alone, or so many wait before that another run is better.
        """
        host = host_of(url)
        domain = self._domain(registrable_domain(host))
        now = time.monotonic()
        begins = max(now, domain.free_at)
        if host in domain.left_alone or begins - now > MAX_REDIRECT_WAIT_S:
            return False
        domain.free_at = begins + max(self._delay_s, domain.delay_s)
        await asyncio.sleep(begins - now)
        return True

    def done(self, turn: Turn, *, is_reached: bool = True) -> None:
        """Give the place of `turn` to the next image of its domain.

        `is_reached` says whether its host has answered.
        """
        domain = self._domains[turn.domain]
        domain.under_way -= 1
        self._under_way -= 1
        failures = domain.failures
        failures[turn.host] = 0 if is_reached else failures[turn.host] + 1
        if failures[turn.host] >= MAX_FAILURES:
            reason = f"not asked: {turn.host} could not be reached {failures[turn.host]} times"
            self._leave_alone(domain, turn.host, ("connection_error", reason))
        self._list(turn.domain, domain)
        self._changed.set()

    def note_wishes(
        self, url: str, *, wants_break: bool, retry_after_s: float = 0.0, delay_s: float = 0.0
    ) -> None:
        """Note what the host of `url` has asked for, for its domain.

        `wants_break` says whether it asked to be left in peace, for `retry_after_s` if it said so;
        `delay_s` is what its rules ask for between two images.
        """
        host = host_of(url)
        domain = self._domain(registrable_domain(host))
        domain.delay_s = max(domain.delay_s, min(delay_s, MAX_BREAK_S))
        if not wants_break:
            domain.breaks = 0
            return
        wanted = max(retry_after_s, FIRST_BREAK_S * 2**domain.breaks)
        domain.breaks = min(domain.breaks + 1, MAX_BREAKS)
        domain.free_at = max(domain.free_at, time.monotonic() + min(wanted, MAX_BREAK_S))
        if wanted > MAX_BREAK_S:
            reason = f"not asked: {host} wants a break of {wanted:.0f} s"
            self._leave_alone(domain, host, ("postponed", reason))

    def rest(self, url: str, seconds: float) -> None:
        """Note that the domain of `url` has cost us `seconds` of a processor beside its images."""
        if seconds > _SHORT_S:
            domain = self._domain(registrable_domain(host_of(url)))
            begins = max(domain.free_at, time.monotonic())
            domain.free_at = begins + min(REST * seconds, MAX_BREAK_S)

    def _leave_alone(self, domain: _Domain, host: str, why: tuple[str, str]) -> None:
        domain.left_alone[host] = why
        others: deque[tuple[uuid.UUID, str, str]] = deque()
        for url_id, url, of_host in domain.waiting:
            if of_host == host:
                self._left.append(Turn(url_id, url, host, registrable_domain(host), why))
                self._waiting -= 1
            else:
                others.append((url_id, url, of_host))
        domain.waiting = others

    def _begin(self, name: str, now: float) -> Turn | None:
        domain = self._domains[name]
        domain.is_listed = False
        if not domain.waiting:
            return None
        if domain.free_at > now:  # it has asked for a break since
            self._list(name, domain)
            return None
        domain.under_way += 1
        self._under_way += 1
        self._waiting -= 1
        domain.free_at = now + max(self._delay_s, domain.delay_s)
        turn = Turn(*domain.waiting.popleft(), name)
        self._list(name, domain)
        return turn

    def _fill(self) -> None:
        while not self._is_exhausted and self._waiting < WINDOW and len(self._left) < WINDOW:
            found = next(self._urls, None)
            if found is None:
                self._is_exhausted = True
                return
            self._add(*found)

    def _add(self, url_id: uuid.UUID, url: str) -> None:
        host = host_of(url)
        name = registrable_domain(host)
        domain = self._domain(name)
        if host in domain.left_alone:
            self._left.append(Turn(url_id, url, host, name, domain.left_alone[host]))
            return
        domain.waiting.append((url_id, url, host))
        self._waiting += 1
        self._list(name, domain)

    def _domain(self, name: str) -> _Domain:
        domain = self._domains.get(name)
        if domain is None:
            self._forget_idle()
            domain = self._domains[name] = _Domain()
        return domain

    def _list(self, name: str, domain: _Domain) -> None:
        """Put a domain in line if it may be asked, unless it stands there already."""
        if not domain.is_listed and domain.waiting and domain.under_way < self._at_once:
            domain.is_listed = True
            heapq.heappush(self._line, (domain.free_at, name))

    def _forget_idle(self) -> None:
        if len(self._domains) < MAX_DOMAINS:
            return
        now = time.monotonic()
        self._domains = {
            name: domain
            for name, domain in self._domains.items()
            if domain.is_listed or domain.waiting or domain.under_way or domain.free_at > now
        }
