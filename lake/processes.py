"""Processes that work for a command: one per processor, and gone when the command is."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import connection


class WorkerPool(ProcessPoolExecutor):
    """A pool of so many processes, which share nothing with this one."""

    def __init__(self, processes: int) -> None:
        # Not fork: a copy of a process with threads may hold a lock that nobody will release.
        context = multiprocessing.get_context("spawn")
        reader, self._lifeline = context.Pipe(duplex=False)
        super().__init__(processes, mp_context=context, initializer=_enter, initargs=(reader,))

    def end(self) -> None:
        """End the processes now, and wait until they are gone; what they are at is dropped."""
        self._lifeline.close()
        self.shutdown(cancel_futures=True)


def _enter(lifeline: connection.Connection) -> None:
    """Leave Ctrl-C to the parent, and end when the parent says so or ends, however it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # There are as many processes as processors already; polars reads this when it is imported.
    os.environ["POLARS_MAX_THREADS"] = "1"
    threading.Thread(target=_end_with, args=(lifeline,), daemon=True).start()


def _end_with(lifeline: connection.Connection) -> None:
    # It is closed with the last process that has the other end, which is the parent.
    connection.wait([lifeline])
    os._exit(1)
