"""Decodes pictures in processes of their own, where a crash or an endless picture does no harm."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from typing import TypeVar

from pairlake.ingest.images.picture import TOO_HUNGRY, Picture, Unusable
from pairlake.lake.processes import WorkerPool, limit_memory, machine_memory

# Of a processor's time, since on a busy machine a whole picture may have to wait for long. One
# within the byte cap and the pixel cap takes a second or two.
DECODE_SECONDS = 20.0
# All decoders together leave half of the machine to others. A picture of as many pixels as may be
# takes some 1.8 GB in the worst of its forms, a WebP.
MEMORY_SHARE = 0.5
MOST_MEMORY_BYTES = 2_000_000_000

# Pictures that wait for a decoder go to one together, since the way there and back costs as much
# for many as for one; not so many that one which holds its decoder up holds up a crowd.
MOST_TOGETHER = 8
MOST_BYTES_TOGETHER = 1_000_000

Result = TypeVar("Result")
_Waiting = tuple[bytes, "asyncio.Future[Picture | Unusable]"]


class Decoders:
    """A pool of decoding processes, that outlives the pictures that kill it."""

    def __init__(self, *, side: int, processes: int | None = None) -> None:
        """`side` is the short side, in pixels, of the pictures that `prepare` makes.

        There is a process for each processor, if not told how many.
        """
        self._side = side
        self._processes = processes or os.cpu_count() or 1
        # There may be others like this: one in each process that reads a crawl file.
        all_of_them = max(self._processes, os.cpu_count() or 1)
        share = int(machine_memory() * MEMORY_SHARE) // all_of_them
        self.memory_bytes = min(share, MOST_MEMORY_BYTES)
        self._pool = WorkerPool(self._processes)
        self._alone = asyncio.Lock()
        self._waiting: deque[_Waiting] = deque()
        self._sending: set[asyncio.Task[None]] = set()

    async def prepare(self, body: bytes) -> Picture | Unusable:
        """`pixels.prepare` in another process; one that dies of it is corrupt_image."""
        answer: asyncio.Future[Picture | Unusable] = asyncio.get_running_loop().create_future()
        self._waiting.append((body, answer))
        # One more than there are processes, so that none has to wait for its next.
        if len(self._sending) <= self._processes:
            sending = asyncio.create_task(self._send())
            self._sending.add(sending)
            sending.add_done_callback(self._sending.discard)
        return await answer

    async def _send(self) -> None:
        """Have pictures decoded until none waits."""
        while self._waiting:
            together = self._next()
            bodies = [body for body, _ in together]
            results: Sequence[Picture | Unusable | Exception]
            try:
                results = await self._prepared(bodies)
            except Exception as error:  # noqa: BLE001 - whoever waits for them has to hear of it
                results = [error] * len(bodies)
            for (_, answer), result in zip(together, results, strict=True):
                if answer.done():
                    continue  # whoever asked has gone
                if isinstance(result, Exception):
                    answer.set_exception(result)
                else:
                    answer.set_result(result)

    def _next(self) -> list[_Waiting]:
        together, size = [self._waiting.popleft()], 0
        while self._waiting and len(together) < MOST_TOGETHER:
            size += len(together[-1][0])
            if size + len(self._waiting[0][0]) > MOST_BYTES_TOGETHER:
                break
            together.append(self._waiting.popleft())
        return together

    async def _prepared(self, bodies: list[bytes]) -> list[Picture | Unusable]:
        pool = self._pool
        try:
            return await self._in(pool, _of_each, _prepare_in_time, bodies, self._side)
        except BrokenProcessPool:
            self._replace(pool)
        except MemoryError:
            pass  # of one of them, or of them together
        return [await self._prepared_alone(body) for body in bodies]

    async def _prepared_alone(self, body: bytes) -> Picture | Unusable:
        try:
            return await self._run_alone(_prepare_in_time, body, self._side)
        except BrokenProcessPool:
            error = "the decoder died of it"
            return Unusable(outcome="corrupt_image", error=error, is_deadly=True)
        except MemoryError:
            return TOO_HUNGRY

    async def run(self, function: Callable[..., Result], *arguments: object) -> Result:
        """What `function` returns or raises in one of the processes; BrokenProcessPool if it dies.

        When a process dies, the pool loses all its work and nothing says which of it did it. So
        all of it is tried once more, each in a process of its own.
        """
        pool = self._pool
        try:
            return await self._in(pool, function, *arguments)
        except BrokenProcessPool:
            self._replace(pool)
        return await self._run_alone(function, *arguments)

    async def _run_alone(self, function: Callable[..., Result], *arguments: object) -> Result:
        async with self._alone:
            single = WorkerPool(1)
            try:
                return await self._in(single, function, *arguments)
            finally:
                single.end()

    def _replace(self, broken: WorkerPool) -> None:
        if self._pool is broken:
            self._pool = WorkerPool(self._processes)

    async def _in(
        self, pool: WorkerPool, function: Callable[..., Result], *arguments: object
    ) -> Result:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(pool, _within, self.memory_bytes, function, *arguments)

    def close(self) -> None:
        """End the processes; what they are at is dropped."""
        self._pool.end()


def _within(memory_bytes: int, function: Callable[..., Result], *arguments: object) -> Result:
    # Here alone, since the process that downloads need not carry what decodes; and first, so that
    # the memory is that of the pictures.
    import pairlake.ingest.images.pixels  # noqa: F401

    limit_memory(memory_bytes)
    return function(*arguments)


def _of_each(
    function: Callable[[bytes, int], Picture | Unusable], bodies: Sequence[bytes], side: int
) -> list[Picture | Unusable]:
    return [function(body, side) for body in bodies]


def _prepare_in_time(body: bytes, side: int) -> Picture | Unusable:
    from pairlake.ingest.images.pixels import prepare
    from pairlake.ingest.images.rights.read import rights_in

    # Its signal is not handled: it kills, also in the midst of a decoder's C.
    signal.setitimer(signal.ITIMER_PROF, DECODE_SECONDS)
    try:
        made = prepare(body, side)
        if isinstance(made, Unusable):
            return made
        return replace(made, rights=rights_in(body, made.format))
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
