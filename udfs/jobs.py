"""The jobs there are, each a file of udfs/, and the order in which they run.

One's rows make the next one's worklist. Jobs of one stage run by the alphabet.
"""

from __future__ import annotations

from dataclasses import MISSING, fields
from importlib import import_module
from typing import Any, get_args

from pairlake.lake.declared import JOB_FILES, declared
from pairlake.lake.errors import BadJob
from pairlake.lake.macros import ratings
from pairlake.lake.project import project
from pairlake.udfs.job import RATINGS, Job, Stage

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


def unlike_its_entry(job: Job) -> str | None:
    """A sentence if a job of ratings is not as macros/ratings.sql has it; None otherwise.

    Nothing would ever be on its worklist.
    """
    if job.worklist != RATINGS:
        return None
    file = JOB_FILES[job.name]
    entry = next((each for each in ratings(project()) if each["table"] == job.name), None)
    if entry is None:
        return (
            f"{file}: macros/ratings.sql has no entry with the table {job.name!r}; add one, then "
            "run: dbt build"
        )
    wanted = {"kind": entry["kind"], "keys": tuple(entry["key"])}
    differs = [
        f"`{name}` is {getattr(job, name)!r}, and not {value!r}"
        for name, value in wanted.items()
        if getattr(job, name) != value
    ]
    if entry["score"] not in job.values:
        differs.append(f"`values` has {', '.join(job.values)}, and not {entry['score']}")
    if not differs:
        return None
    return (
        f"{file}: {'; '.join(differs)}, as its entry in macros/ratings.sql has it; mend one of the "
        "two, then run: dbt build"
    )


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
