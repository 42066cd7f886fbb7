"""Asks each site once for its robots.txt and tdmrep.json, and keeps the answers for a day."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeVar

import aiohttp
from yarl import URL

from pairlake.ingest.fetch.answers import is_cut
from pairlake.ingest.fetch.bodies import (
    BAD_ANSWERS,
    BUSY,
    FAILURES,
    GOOD,
    MAX_REDIRECTS,
    BadEncoding,
    TooSlow,
    read_up_to,
    redirected,
    retry_after,
)
from pairlake.ingest.fetch.turns import Turns
from pairlake.ingest.fetch.wishes import (
    NO_RULES,
    Rules,
    SiteRules,
    read_reservations,
    read_robots,
)
from pairlake.ingest.images.decoders import Decoders
from pairlake.ingest.images.optout import Refusal, Wish
from pairlake.ingest.robots import MAX_ROBOTS_BYTES
from pairlake.lake.domains import host_of, is_same_domain, registrable_domain
from pairlake.lake.errors import in_words
from pairlake.lake.processes import timed

# Characters of rules that are kept, in all; the fetcher comes back to a site for a dozen images in
# a row.
MAX_CHARS = 2_000_000
# What a site costs beside its rules, in characters.
_CHARS_PER_SITE = 1_000
# Larger ones take longer to read than it takes to have another process read them.
_SMALL_BYTES = 4_096
# RFC 9309, 2.4: no longer than a day; the fault of a server may be over sooner.
MAX_AGE_S = 24 * 3600.0
_FAULT_AGE_S = 600.0
_TIMEOUT_S = 10.0
# Domains of which is known whose rules have led there.
_MAX_LED_TO = 50_000
_ROBOTS, _TDMREP = "/robots.txt", "/.well-known/tdmrep.json"

Result = TypeVar("Result")


class _Answer(NamedTuple):
    """What is at a place: a status and a body; or the rules of another site, which it led to."""

    status: int
    body: bytes = b""
    retry_after_s: float = 0.0
    theirs: SiteRules | None = None


# A redirect that leads nowhere is as good as a server's fault.
_NOWHERE = _Answer(502)


@dataclass(kw_only=True)
class _Asked:
    task: asyncio.Task[SiteRules | Exception]
    since: float
    chars: int = _CHARS_PER_SITE
    # The origin whose rules it waits for, since its own have led there.
    waits_for: str | None = None


class Sites:
    """The rules of the sites that a job meets, for the product token `agent`.

    Long ones are read by `decoders`, and what they take the site's domain has to rest for. Rules
    that lead to another domain wait for its turn, and one origin alone may lead to each.
    """

    def __init__(
        self, session: aiohttp.ClientSession, agent: str, *, decoders: Decoders, turns: Turns
    ) -> None:
        self._session, self.agent = session, agent
        self._decoders, self._turns = decoders, turns
        self._asked: OrderedDict[str, _Asked] = OrderedDict()
        # By the domain that was led to: the origin that led there, and to which.
        self._led_to: OrderedDict[str, tuple[str, str]] = OrderedDict()
        self._chars = 0

    def said_of(self, url: URL, rules: SiteRules) -> list[Wish]:
        """What the rules of its site wish of the use of `url`; raises TooManyRules."""
        said, seconds = timed(rules.said_of, str(url))
        self._turns.rest(str(url), seconds)
        return said

    async def rules(self, url: URL) -> SiteRules:
        """What the site of `url` says; asked for once a day, however many wait for the answer.

        Raises what the network raised where nobody answers: then no path is allowed, and the next
        call asks again.
        """
        origin = str(url.origin())
        asked = self._asked.get(origin)
        if asked is not None and _is_old(asked):
            self._forget(origin)
            asked = None
        if asked is None:
            asked = self._begin(url.origin())
        self._asked.move_to_end(origin)
        # Whoever gives up waiting does not end it for the others.
        answer = await asyncio.shield(asked.task)
        if isinstance(answer, SiteRules):
            return answer
        if self._asked.get(origin) is asked:
            self._forget(origin)
        raise answer

    def _begin(self, origin: URL) -> _Asked:
        task = asyncio.create_task(self._answer(origin))
        asked = self._asked[str(origin)] = _Asked(task=task, since=time.monotonic())
        self._chars += asked.chars
        task.add_done_callback(lambda _: self._weigh(str(origin), asked))
        return asked

    def _weigh(self, origin: str, asked: _Asked) -> None:
        answer = None if asked.task.cancelled() else asked.task.result()
        if isinstance(answer, SiteRules) and self._asked.get(origin) is asked:
            asked.chars += answer.chars
            self._chars += answer.chars
        while self._chars > MAX_CHARS and len(self._asked) > 1:
            self._forget(next(iter(self._asked)))

    def _forget(self, origin: str) -> None:
        self._chars -= self._asked.pop(origin).chars

    async def _answer(self, origin: URL) -> SiteRules | Exception:
        try:
            return await self._ask(origin)
        except TimeoutError:
            return _unreachable("it does not come", is_fault=False)
        except (BadEncoding, TooSlow, *BAD_ANSWERS) as error:
            return _unreachable(str(error))
        except FAILURES as error:
            return error
        except Exception as error:  # noqa: BLE001 - the rules of one site must not end the job
            return SiteRules(unheard=Refusal("failed", f"robots.txt: {in_words(error)}"))

    async def _ask(self, origin: URL) -> SiteRules:
        async with asyncio.timeout(_TIMEOUT_S):
            answer = await self._get(origin.with_path(_ROBOTS))
        if answer.theirs is not None:
            # It is not this site that wants a break.
            rules = replace(answer.theirs, reservations=NO_RULES, retry_after_s=None)
        elif answer.status >= 500 or answer.status == 429:
            wanted = answer.retry_after_s if answer.status in BUSY else None
            return _unreachable(f"status {answer.status}", wanted)
        else:
            body = answer.body if answer.status in GOOD else b""
            rules = await self._read(origin, read_robots, body, self.agent, body)
        place = origin.with_path(_TDMREP)
        if rules.allows(str(place)):
            rules = replace(rules, reservations=await self._reservations(place))
        return rules

    async def _reservations(self, place: URL) -> Rules:
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                answer = await self._get(place)
        except FAILURES:
            return NO_RULES
        if answer.theirs is not None:
            return answer.theirs.reservations
        body = answer.body if answer.status in GOOD else b""
        return await self._read(place, read_reservations, body, body)

    async def _read(
        self, place: URL, read: Callable[..., Result], body: bytes, *arguments: object
    ) -> Result:
        """What `read` makes of its arguments; the domain rests for as long as it takes."""
        if len(body) <= _SMALL_BYTES:
            result, seconds = timed(read, *arguments)
        else:
            try:
                result, seconds = await self._decoders.run(timed, read, *arguments)
            except (BrokenProcessPool, MemoryError) as error:
                raise BadEncoding("it takes too much to read") from error
        self._turns.rest(str(place), seconds)
        return result

    async def _get(self, place: URL) -> _Answer:
        """What is at `place`, over redirects.

        A redirect that leads nowhere is as good as a server's fault, status 502: it is not the
        image that was in the wrong place.
        """
        begun = place
        for _ in range(MAX_REDIRECTS + 1):
            if place.origin() != begun.origin():
                theirs = await self._led(begun, place)
                if theirs is None:
                    return _NOWHERE
                if place.path_qs == begun.path:
                    return _Answer(200, theirs=theirs)
                if not theirs.allows(str(place)):
                    return _NOWHERE
            try:
                async with self._session.get(place, allow_redirects=False) as response:
                    try:
                        next_place = redirected(response, place)
                    except ValueError:
                        return _NOWHERE
                    if next_place is None:
                        body = await read_up_to(response, MAX_ROBOTS_BYTES)
                        if is_cut(response):
                            raise aiohttp.ClientPayloadError("it is cut off")
                        return _Answer(response.status, body, retry_after(response))
            except (aiohttp.ClientError, OSError, ValueError):
                if place is begun:
                    raise
                return _NOWHERE
            place = next_place
        return _Answer(404)  # so many redirects count as no robots.txt

    async def _led(self, begun: URL, place: URL) -> SiteRules | None:
        """The rules of another site to which those of `begun`'s have led; None if they may not.

        To a domain one origin alone may lead, in its turn: who has a thousand hosts is not to set
        us on one that is not theirs. What is known of it all may share.
        """
        origin, other = str(begun.origin()), str(place.origin())
        if self._is_circle(origin, other):
            return None
        is_shared = place.path_qs == begun.path
        if not is_same_domain(origin, other) and not (is_shared and other in self._asked):
            domain = registrable_domain(host_of(other))
            first, its_other = self._led_to.setdefault(domain, (origin, other))
            if len(self._led_to) > _MAX_LED_TO:
                self._led_to.popitem(last=False)
            if first != origin and not (is_shared and its_other == other):
                return None
            if not await self._turns.wait_for_redirect(other):
                return None
        waiting = self._asked.get(origin)
        if waiting is not None:
            waiting.waits_for = other
        try:
            return await self.rules(place)
        except FAILURES:
            return None
        finally:
            if waiting is not None:
                waiting.waits_for = None

    def _is_circle(self, origin: str, other: str | None) -> bool:
        """Whether the rules of `other` wait for those of `origin`."""
        while other is not None and other != origin:
            waiting = self._asked.get(other)
            other = waiting.waits_for if waiting else None
        return other == origin


def _unreachable(
    why: str, retry_after_s: float | None = None, *, is_fault: bool = True
) -> SiteRules:
    unheard = Refusal("robots_unreachable", f"robots.txt: {why}")
    return SiteRules(unheard=unheard, is_fault=is_fault, retry_after_s=retry_after_s)


def _is_old(asked: _Asked) -> bool:
    age = time.monotonic() - asked.since
    if age < _FAULT_AGE_S or not asked.task.done():
        return False
    answer = asked.task.result()
    is_fault = isinstance(answer, SiteRules) and answer.unheard is not None
    return is_fault or age > MAX_AGE_S
