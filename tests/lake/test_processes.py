"""Processes that work for a command are gone when it is interrupted, at whatever moment."""

from __future__ import annotations

import multiprocessing
import os
import signal
from concurrent.futures import Future
from multiprocessing.context import SpawnProcess

import psutil
import pytest

from pairlake.lake.processes import WorkerPool, as_done


def test_a_process_that_is_started_while_ctrl_c_comes_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begin = SpawnProcess.start

    def start(process: SpawnProcess) -> None:
        begin(process)
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(SpawnProcess, "start", start)
    pool = WorkerPool(2)
    with pytest.raises(KeyboardInterrupt):
        pool.submit(os.getpid)
    started = [process.pid for process in multiprocessing.active_children()]
    assert started
    pool.end()
    assert not any(psutil.pid_exists(pid) for pid in started if pid)


def test_each_task_comes_back_with_its_future_and_no_more_are_begun_than_there_is_room() -> None:
    begun: list[Future[int]] = []

    def submit(task: int) -> Future[int]:
        future: Future[int] = Future()
        begun.append(future)
        if task % 3 == 0:
            future.set_exception(ValueError(task))
        else:
            future.set_result(task)
        return future

    found = []
    for task, future in as_done(range(20), submit, lambda under_way: 4 - under_way):
        assert len(begun) - len(found) <= 4
        found.append((task, str(future.exception() or future.result())))
    assert sorted(found) == [(n, str(n)) for n in range(20)]
    assert not list(as_done([], submit, lambda _: 1))
