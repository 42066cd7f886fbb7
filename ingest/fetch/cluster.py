"""Downloads by the processes of a Ray cluster, each of which has domains of its own.

This process hands out the worklist and lands what comes back; the others, of which
ingest/fetch/worker.py tells, need no way to the lake.
"""

from __future__ import annotations

import time
import uuid
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from itertools import islice

from pairlake.ingest.fetch import worker
from pairlake.ingest.fetch.batches import Batches
from pairlake.ingest.fetch.turns import WINDOW
from pairlake.ingest.fetch.worker import Assignment, Url
from pairlake.ingest.images.attempt import Download
from pairlake.ingest.images.blocked import Blocked
from pairlake.lake.cluster import Shared, Worker, machines
from pairlake.lake.processes import first_done
from pairlake.lake.settings import Settings

# The loop of one process keeps some two decoders at work.
PROCESSORS = 3
# URLs of one call, which come back together; and calls of a process under way, whose URLs take
# turns.
CALL_URLS = 128
CALLS = 32


@dataclass(kw_only=True)
class _Process:
    """A process as it is seen from here: what it is to ask for, and its calls under way."""

    assignment: Assignment
    worker: Worker
    urls: deque[Url] = field(default_factory=deque)
    calls: int = 0


class Fetchers:
    """The processes of one run of `fetch`, several on each machine of many processors."""

    def __init__(
        self, blocked: Blocked, batches: Batches, current: Settings, known: Sequence[str]
    ) -> None:
        self._blocked, self._batches = blocked, batches
        places = [
            (machine.name, min(machine.cpus, PROCESSORS))
            for machine in machines()
            for _ in range(max(1, machine.cpus // PROCESSORS))
        ]
        run, shared = uuid.uuid4().hex, Shared(blocked)
        # How many downloads are under way at once is meant of all processes together.
        at_once = -(-current.fetch_concurrency // len(places))
        self._processes = []
        for number, (node, cpus) in enumerate(places):
            assignment = Assignment(
                run=run,
                number=number,
                of=len(places),
                at_once=at_once,
                decoders=cpus,
                blocked=shared,
                known=tuple(known),
            )
            self._processes.append(
                _Process(assignment=assignment, worker=Worker(assignment.name, node))
            )
        self._calls: dict[Future[list[Download]], _Process] = {}
        self._handed_out = self._taken_in = 0
        self._is_over = False

    def run(self, urls: Iterable[Url], minutes: float | None) -> tuple[int, bool]:
        """How many URLs were taken, and whether the time was up before all were."""
        coming = iter(urls)
        ends = float("inf") if minutes is None else time.monotonic() + minutes * 60
        try:
            while True:
                if not self._is_over and time.monotonic() >= ends:
                    self._stop()
                if not self._is_over:
                    self._hand_out(coming)
                if not self._calls:
                    break
                self._take_in(min(max(ends - time.monotonic(), 0.1), 1.0))
        finally:
            try:
                self._batches.land(self._batches.taken())
            finally:
                for process in self._processes:
                    process.worker.end()
        if not self._is_over:
            return self._handed_out, False
        waiting = any(process.urls for process in self._processes) or next(coming, None) is not None
        return self._taken_in, waiting or self._taken_in < self._handed_out

    def _hand_out(self, coming: Iterator[Url]) -> None:
        """Read on while there is room, and call whoever has something to do and few calls."""
        held = sum(len(process.urls) for process in self._processes)
        for url_id, url in islice(coming, max(WINDOW - held, 0)):
            self._processes[self._processes[0].assignment.owner(url).number].urls.append(
                (url_id, url)
            )
        for process in self._processes:
            while process.urls and process.calls < CALLS:
                some = [process.urls.popleft() for _ in range(min(CALL_URLS, len(process.urls)))]
                self._calls[process.worker.submit(worker.fetch, process.assignment, some)] = process
                process.calls += 1
                self._handed_out += len(some)

    def _take_in(self, seconds: float) -> None:
        """Wait so long for what comes back, and land it once there is enough."""
        for call in first_done(self._calls, seconds):
            self._calls.pop(call).calls -= 1
            for download in call.result():
                self._batches.add(download)
                self._taken_in += 1
        if self._batches.is_due:
            known = len(self._blocked)
            self._batches.land(self._batches.taken())
            if len(self._blocked) > known:
                # Taken down meanwhile.
                shared = Shared(self._blocked)
                for process in self._processes:
                    process.assignment = replace(process.assignment, blocked=shared)

    def _stop(self) -> None:
        """Have no other download begun."""
        self._is_over = True
        for process in self._processes:
            process.worker.submit(worker.stop, process.assignment)
