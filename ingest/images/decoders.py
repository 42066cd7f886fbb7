"""Decodes pictures in processes of their own, where a crash or an endless picture does no harm."""

from __future__ import annotations

import asyncio
import os
import signal
from concurrent.futures.process import BrokenProcessPool

from ingest.images.picture import Picture, Unusable
from lake.processes import WorkerPool

# A picture within the byte cap and the pixel cap takes a second or two.
DECODE_SECONDS = 20


class Decoders:
    """A pool of decoding processes, that outlives the pictures that kill it."""

    def __init__(self, *, side: int, processes: int | None = None) -> None:
        """`side` is the short side, in pixels, of the pictures that `prepare` makes.

        There is a process for each processor, if not told how many.
        """
        self._side = side
        self._processes = processes or os.cpu_count() or 1
        self._pool = WorkerPool(self._processes)
        self._alone = asyncio.Lock()

    async def prepare(self, body: bytes) -> Picture | Unusable:
        """`pictures.prepare` in another process; one that dies of it is corrupt_image.

        When a process dies, the pool loses all its pictures and nothing says which one did it. So
        each of them is tried once more, in a process of its own.
        """
        pool = self._pool
        try:
            return await self._in(pool, body)
        except BrokenProcessPool:
            if self._pool is pool:
                self._pool = WorkerPool(self._processes)
        async with self._alone:
            single = WorkerPool(1)
            try:
                return await self._in(single, body)
            except BrokenProcessPool:
                error = "the decoder died of it"
                return Unusable(outcome="corrupt_image", error=error, is_deadly=True)
            finally:
                single.end()

    async def _in(self, pool: WorkerPool, body: bytes) -> Picture | Unusable:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(pool, _prepare_in_time, body, self._side)

    def close(self) -> None:
        """End the processes; what they are at is dropped."""
        self._pool.end()


def _prepare_in_time(body: bytes, side: int) -> Picture | Unusable:
    # Here alone, since the process that downloads need not carry what decodes.
    from ingest.images.pictures import prepare

    # The alarm is not handled: it kills, also in the midst of a decoder's C.
    signal.alarm(DECODE_SECONDS)
    try:
        return prepare(body, side)
    finally:
        signal.alarm(0)
