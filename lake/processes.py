"""Processes that work for a command, and are gone when the command is."""

from __future__ import annotations

import os
import resource
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from functools import cache
from itertools import islice
from multiprocessing import connection
from multiprocessing.context import SpawnContext, SpawnProcess
from pathlib import Path
from typing import Any, TypeVar

Result = TypeVar("Result")
Task = TypeVar("Task")

# In a process of a pool: set once the pool ends; and what it has counted, of how much.
ending = threading.Event()
_counts: Any = None

# Of cgroups, the second and the first version; `max` or a huge number where there is none.
_CONTAINER_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


class _Process(SpawnProcess):
    """Starts deaf to Ctrl-C, which a terminal sends to it too while it still imports."""

    def start(self) -> None:
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            super().start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _interrupts_later() -> Iterator[None]:
    """Lets Ctrl-C wait. Blocking it does not do: another thread may take it for the first one."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if came:
        signal.raise_signal(signal.SIGINT)


class _Context(SpawnContext):
    """Not fork: a copy of a process with threads may hold a lock that nobody will release."""

    Process = _Process


class WorkerPool(ProcessPoolExecutor):
    """A pool of so many processes, which share nothing with this one but two counters."""

    def __init__(self, processes: int, *, grace_s: float = 0.0) -> None:
        """`grace_s` is how long a process may go on once `ending` is set in it."""
        context = _Context()
        reader, self._lifeline = context.Pipe(duplex=False)
        self._counts = context.Array("q", 2)
        super().__init__(
            processes,
            mp_context=context,
            initializer=_enter,
            initargs=(reader, grace_s, self._counts),
        )

    @property
    def counted(self) -> tuple[int, int]:
        """What all processes have given to `count` so far: done, and in all."""
        return self._counts[0], self._counts[1]

    def submit(self, fn: Callable[..., Result], /, *args: Any, **kwargs: Any) -> Future[Result]:
        """As of any pool. Ctrl-C waits for it: what it has begun and does not yet know by then,
        `end` would not wait for, and such a process dies in a traceback over what is gone.
        """
        with _interrupts_later():
            return super().submit(fn, *args, **kwargs)

    def end(self) -> None:
        """End the processes, and wait until they are gone; what they are at is dropped."""
        self._lifeline.close()
        self.shutdown(cancel_futures=True)


def as_done(
    tasks: Iterable[Task], submit: Callable[[Task], Future[Result]], room: Callable[[int], int]
) -> Iterator[tuple[Task, Future[Result]]]:
    """Submit all tasks, and answer with each and its future once that is done.

    `room` says how many more may be under way beside so many.
    """
    waiting = iter(tasks)
    under_way: dict[Future[Result], Task] = {}
    while True:
        for task in islice(waiting, max(room(len(under_way)), 0)):
            under_way[submit(task)] = task
        if not under_way:
            return
        for future in first_done(under_way):
            yield under_way.pop(future), future


def first_done(futures: Iterable[Future[Result]], seconds: float = 1.0) -> set[Future[Result]]:
    """Those of the futures that are done, after so many seconds at most: then there may be none.

    Nobody waits for ever: since polars has put its handler there, Ctrl-C interrupts no wait.
    """
    return wait(futures, seconds, FIRST_COMPLETED).done


def count(done: int = 0, total: int = 0) -> None:
    """Add to what the pool of this process has counted."""
    with _counts.get_lock():
        _counts[0] += done
        _counts[1] += total


@cache
def limit_memory(more: int) -> None:
    """Refuse this process memory that is `more` bytes above what it has now. Linux sees to it.

    Once for each number: what a library keeps from one call to the next counts.
    """
    held = Path("/proc/self/statm")
    if held.exists():
        pages = int(held.read_text().split()[5])  # data and stack
        most = pages * resource.getpagesize() + more
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def timed(function: Callable[..., Result], *arguments: object) -> tuple[Result, float]:
    """What a function returns, and the CPU seconds that it took in its thread."""
    started = time.thread_time()
    result = function(*arguments)
    return result, time.thread_time() - started


def machine_memory() -> int:
    """Bytes of memory that this machine has, or the container that it is."""
    has = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    told = [file.read_text().strip() for file in _CONTAINER_LIMITS if file.exists()]
    return min([has, *(int(limit) for limit in told if limit.isdecimal())])


def _enter(lifeline: connection.Connection, grace_s: float, counts: Any) -> None:
    """Leave Ctrl-C to the parent, and end when the parent says so or ends, however it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # There are as many processes as processors already; polars reads this when it is imported.
    os.environ["POLARS_MAX_THREADS"] = "1"
    global _counts
    _counts = counts
    threading.Thread(target=_end_with, args=(lifeline, grace_s), daemon=True).start()


def _end_with(lifeline: connection.Connection, grace_s: float) -> None:
    # It is closed with the last process that has the other end, which is the parent.
    connection.wait([lifeline])
    ending.set()
    time.sleep(grace_s)
    os._exit(1)
