"""The jobs there are, each a file of udfs/, and the order in which they run.

One's rows make the next one's worklist. Jobs of one stage run by the alphabet.
"""

from __future__ import annotations

from dataclasses import MISSING, fields
from importlib import import_module
from typing import Any, get_args

from pairlake.lake.declared import JOB_FILES, declared
from pairlake.lake.errors import BadJob
from pairlake.udfs.job import Job, Stage

NAMES = tuple(JOB_FILES)


def find(name: str) -> Job:
    """The job of that name, one of NAMES; its file is imported. BadJob if it lacks something."""
    module = import_module(f"pairlake.udfs.{name}")
    given: dict[str, Any] = {
        each.name: getattr(module, each.name, each.default) for each in fields(Job)
    }
    lacks = [each for each, value in given.items() if value is MISSING and each != "name"]
    if lacks:
        raise BadJob(
            f"{JOB_FILES[name]} lacks {', '.join(lacks)}; udfs/job.py says what a job defines."
        )
    return Job(**{**given, "name": name})


def _stages(name: str) -> tuple[Stage, ...]:
    stages: tuple[Stage, ...] = declared(JOB_FILES[name], "stages", Job.stages)
    if not isinstance(stages, tuple) or not set(stages) <= set(get_args(Stage)):
        raise BadJob(
            f"{JOB_FILES[name]}: `stages` is {stages!r}; it is a tuple of some of "
            f"{', '.join(get_args(Stage))}."
        )
    return stages


def _in(*stages: Stage) -> tuple[str, ...]:
    return tuple(name for stage in stages for name in NAMES if stage in _stages(name))


BEFORE_FETCH = _in("read")
AFTER_FETCH = _in(*get_args(Stage)[1:])
