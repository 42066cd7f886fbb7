"""Says which image is asked for next, so that no domain is asked too often or too much at once."""

from __future__ import annotations

import asyncio
import heapq
import time
import uuid
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import urlsplit

from ingest.domains import registrable_domain

# Images in memory that wait for their turn.
WINDOW = 10_000
# Domains of which is known when they were asked last.
MAX_DOMAINS = 50_000
# After so many failures in a row to reach a domain, it is left alone for this run.
MAX_FAILURES = 5
# A domain that wants a break gets it: first so long, then twice as long each time. One that wants
# more than a minute is for another run.
FIRST_BREAK_S = 1.0
MAX_BREAK_S = 60.0


class Turn(NamedTuple):
    """One image to ask for; or not to ask for, with the outcome and reason in `left_alone`."""

    url_id: uuid.UUID
    url: str
    domain: str
    left_alone: tuple[str, str] | None = None


@dataclass(kw_only=True)
class _Domain:
    waiting: deque[tuple[uuid.UUID, str]] = field(default_factory=deque)
    under_way: int = 0
    free_at: float = 0.0
    delay_s: float = 0.0
    failures: int = 0
    breaks: int = 0
    is_listed: bool = False
    left_alone: tuple[str, str] | None = None


class Turns:
    """Hands out `urls`, at most `at_once` of a registrable domain, `delay_s` apart.

    Only a window of them is in memory. They should come such that many domains are in it.
    """

    def __init__(
        self, urls: Iterator[tuple[uuid.UUID, str]], *, at_once: int, delay_s: float
    ) -> None:
        self._urls = urls
        self._at_once, self._delay_s = at_once, delay_s
        self._domains: dict[str, _Domain] = {}
        # Domains of which an image may be asked for, by when.
        self._line: list[tuple[float, str]] = []
        self._left: deque[Turn] = deque()
        self._waiting = self._under_way = 0
        self._is_exhausted = False
        self.is_stopped = self._is_over = False
        self._changed = asyncio.Event()

    def stop(self) -> None:
        """Hand out no more turns; `is_stopped` then tells whether any were left."""
        self._fill()
        self.is_stopped = bool(self._waiting or self._left)
        self._is_over = True
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
            if not self._line and not self._under_way:
                return None
            self._changed.clear()
            wait = self._line[0][0] - now if self._line else None
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), wait)
        return None

    def done(
        self,
        turn: Turn,
        *,
        is_reached: bool = True,
        wants_break: bool = False,
        retry_after_s: float = 0.0,
        delay_s: float = 0.0,
    ) -> None:
        """Give the place of `turn` to the next image of its domain.

        `is_reached` says whether the domain has answered, `wants_break` whether it asked to be
        left in peace, for `retry_after_s` if it said so; `delay_s` is what its rules ask for
        between two images.
        """
        domain = self._domains[turn.domain]
        domain.under_way -= 1
        self._under_way -= 1
        domain.delay_s = max(domain.delay_s, min(delay_s, MAX_BREAK_S))
        domain.failures = 0 if is_reached else domain.failures + 1
        if domain.failures >= MAX_FAILURES:
            reason = f"not asked: {turn.domain} could not be reached {domain.failures} times"
            self._leave_alone(turn.domain, domain, ("connection_error", reason))
        if not wants_break:
            domain.breaks = 0 if is_reached else domain.breaks
        else:
            self._take_a_break(turn.domain, domain, retry_after_s)
        self._list(turn.domain, domain)
        self._changed.set()

    def _take_a_break(self, name: str, domain: _Domain, retry_after_s: float) -> None:
        wanted = max(retry_after_s, FIRST_BREAK_S * 2**domain.breaks)
        domain.breaks += 1
        domain.free_at = max(domain.free_at, time.monotonic() + wanted)
        if wanted > MAX_BREAK_S:
            reason = f"not asked: {name} wants a break of {wanted:.0f} s"
            self._leave_alone(name, domain, ("postponed", reason))

    def _leave_alone(self, name: str, domain: _Domain, why: tuple[str, str]) -> None:
        domain.left_alone = why
        self._waiting -= len(domain.waiting)
        while domain.waiting:
            self._left.append(Turn(*domain.waiting.popleft(), name, why))

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
        name = registrable_domain(_host(url))
        domain = self._domains.get(name)
        if domain is None:
            self._forget_idle()
            domain = self._domains[name] = _Domain()
        if domain.left_alone:
            self._left.append(Turn(url_id, url, name, domain.left_alone))
            return
        domain.waiting.append((url_id, url))
        self._waiting += 1
        self._list(name, domain)

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
            if domain.is_listed
            or domain.waiting
            or domain.under_way
            or (domain.left_alone and domain.free_at > now)
        }


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
