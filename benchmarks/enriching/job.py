"""Runs one job over the lake of the settings, and prints what came of it as JSON."""

from __future__ import annotations

import json
import sys

from udfs.jobs import JOBS
from udfs.running import run_job

if __name__ == "__main__":
    _summary = run_job(JOBS[sys.argv[1]])
    print(json.dumps({"outcomes": _summary.outcomes, "unavailable": _summary.unavailable}))
