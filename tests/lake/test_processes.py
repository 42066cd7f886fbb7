"""Processes that work for a command are gone when it is interrupted, at whatever moment."""

from __future__ import annotations

import multiprocessing
import os
import signal
from multiprocessing.context import SpawnProcess

import psutil
import pytest

from pairlake.lake.processes import WorkerPool


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
