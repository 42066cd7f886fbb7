"""How long a connection may wait for its visitor, and how many there are: uvicorn has no bound."""

from __future__ import annotations

import asyncio
from typing import cast

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from pairlake.serve.web.guard import ANSWER_S, BODY_S

HEADERS_S = 10.0  # for the headers of a request to come, the first and each after an answer
# Fewer than a process may have open files. One more takes the place of the one that waits longest.
MOST_CONNECTIONS = 500


class Punctual(H11Protocol):
    """uvicorn's own protocol; who asks nothing, or does not take the answer, is cut off."""

    _waiting: asyncio.TimerHandle | None = None
    _began: RequestResponseCycle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Make room for it, and wait for its first request."""
        super().connection_made(transport)
        self._wait(HEADERS_S)
        if len(self.connections) > MOST_CONNECTIONS:
            others = (cast(Punctual, each) for each in self.connections if each is not self)
            idle = [each for each in others if not each.is_at_work]
            # Those that are at work go on.
            longest = min(idle, key=lambda each: each.until, default=self)
            longest.transport.abort()
            # Before its loop hears of it, it may be chosen again.
            self.connections.discard(longest)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for any more."""
        super().connection_lost(exc)
        if self._waiting is not None:
            self._waiting.cancel()

    def handle_events(self) -> None:
        """A request whose headers are there has time for its body and its answer."""
        super().handle_events()
        if self.is_at_work and self._began is not self.cycle:
            self._began = self.cycle
            self._wait(BODY_S + ANSWER_S)

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        self._wait(HEADERS_S)
        super().on_response_complete()

    @property
    def is_at_work(self) -> bool:
        """Whether a request is being read or answered."""
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and not cycle.response_complete

    @property
    def until(self) -> float:
        """When it is cut off, by the clock of its loop."""
        return self.loop.time() if self._waiting is None else self._waiting.when()

    def _wait(self, seconds: float) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
        self._waiting = self.loop.call_later(seconds, self._cut_off)

    def _cut_off(self) -> None:
        # What it has not taken yet of an answer it may still take.
        self.transport.close()
        self._waiting = self.loop.call_later(ANSWER_S, self.transport.abort)
