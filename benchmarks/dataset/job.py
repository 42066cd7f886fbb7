"""Runs one command over the lake of the settings, and prints what it took as JSON.

`land PAIRS` and `later OLD NEW` land pairs, `score PICTURES` a score that some lacked; all else
goes to dbt.
"""

from __future__ import annotations

import json
import re
import resource
import sys
import threading
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.dataset import world
from pairlake.lake.dbt_plugin import run_dbt
from pairlake.lake.settings import settings

_TICK_S = 0.05


class _Clock(threading.Thread):
    """Notes what this process has used again and again, so that dbt's steps can be told apart."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._done = threading.Event()
        self._at: list[float] = []
        self._cpu: list[float] = []

    def run(self) -> None:
        """Note until the end."""
        while not self._done.wait(_TICK_S):
            self._at.append(time.time())
            self._cpu.append(time.process_time())

    def finish(self) -> None:
        """Stop, and wait until stopped."""
        self._done.set()
        self.join()

    def between(self, started: str, ended: str) -> float:
        """CPU seconds between two moments of dbt's results."""
        moments = [datetime.fromisoformat(moment).timestamp() for moment in (started, ended)]
        return float(np.diff(np.interp(moments, self._at, self._cpu))[0])


def _target() -> Path:
    return settings().home / "dbt" / "target"


def _results() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((_target() / "run_results.json").read_text())[
        "results"
    ]
    return found


def _dbt(*arguments: str) -> dict[str, Any]:
    log = settings().home / "dbt" / "logs" / "dbt.log"
    logged = log.stat().st_size if log.exists() else 0
    clock = _Clock()
    clock.start()
    built = run_dbt(*arguments)
    clock.finish()
    nodes = [
        {
            "name": result["unique_id"].rpartition(".")[2],
            "wall_s": result["execution_time"],
            "cpu_s": clock.between(
                result["timing"][0]["started_at"], result["timing"][-1]["completed_at"]
            ),
        }
        for result in _results()
        if result["timing"]
    ]
    published_s = _published_s(log, logged)
    return {"nodes": nodes, "published_s": published_s, "buckets": built.buckets}


def _published_s(log: Path, start: int) -> float:
    """Seconds for the Parquet copies of marts, which dbt counts with the mart and logs apart."""
    with log.open() as handle:
        handle.seek(start)
        logged = handle.read()
    copies = re.findall(r"\n\s*copy \(.*?SQL status: OK in ([\d.]+) seconds", logged, re.DOTALL)
    return sum(map(float, copies))


def main(name: str, *arguments: str) -> None:
    """Run the command, and print its use as the last line."""
    answer: dict[str, Any] = {}
    if name == "land":
        world.land(int(arguments[0]))
    elif name == "later":
        world.land_later(int(arguments[0]), int(arguments[1]))
    elif name == "score":
        world.score_late(int(arguments[0]))
    else:
        answer = _dbt(name, *arguments)
    # Linux counts it in KiB.
    answer["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    print(json.dumps(answer))


if __name__ == "__main__":
    main(*sys.argv[1:])
