"""Lists the models there are, and brings one onto the disk. `pairlake models`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb

from pairlake.lake.catalog import rows
from pairlake.lake.errors import BadRequest, JobFailed, PairlakeError
from pairlake.lake.settings import settings
from pairlake.udfs import clip, registry
from pairlake.udfs.downloading import Progress

_COLUMNS = ("model", "makes", "licence", "dimension", "on disk", "wanted", "model id")


def listed() -> Iterator[str]:
    """A table of the registry's models, one's own checkpoints, and what else the recipe names.

    `wanted` says whether the recipe that the lake was built under names it, `model id` is its id
    in this lake, once its job has run.
    """
    wanted = _wanted()
    names = dict.fromkeys([*registry.entries(), *_own(), *sorted(wanted)])
    lines = [_COLUMNS, *(_row(name, wanted) for name in names)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for row in lines:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()


def fetch_wanted(progress: Progress = lambda line: None) -> Iterator[str]:
    """Bring all models that the recipe names onto the disk; line by line.

    BadRequest before the first build, JobFailed at the end if one of them could not be fetched.
    """
    wanted, problems = sorted(_wanted()), list[str]()
    if not wanted:
        raise BadRequest("No build has said what the recipe wants yet; run: dbt build")
    for name in wanted:
        if _is_on_disk(name):
            yield f"{name} is there"
            continue
        try:
            yield from fetch_model(name, progress)
        except PairlakeError as error:
            # The others can be fetched all the same.
            problems.append(f"{name}: {error.format_message()}")
    if problems:
        raise JobFailed("\n".join(problems))


def fetch_model(name: str, progress: Progress = lambda line: None) -> Iterator[str]:
    """Bring a model of the registry, or one that open_clip knows, onto the disk; line by line.

    BadRequest if there is none of that name, JobFailed if it cannot be fetched or is not what it
    should be.
    """
    entry = clip.published(name)
    if entry.needs:
        yield f"{name} needs more than its files: {entry.needs}"
    yield from registry.fetch(entry, progress)
    # What a text tower needs is known only now.
    whole = clip.published(name)
    if more := {file: found for file, found in whole.files.items() if file not in entry.files}:
        yield from registry.fetch(replace(whole, files=more), progress)
    yield f"{name} is in {entry.folder}"


def _row(name: str, wanted: dict[str, str]) -> tuple[str, ...]:
    entry = registry.entries().get(name)
    kinds, licence, dimension = (
        (entry.kinds, entry.licence, str(entry.dimension or "")) if entry else ((), "", "")
    )
    return (
        name,
        ", ".join(kinds),
        licence,
        dimension,
        "yes" if _is_on_disk(name) else "",
        "yes" if name in wanted else "",
        wanted.get(name, ""),
    )


def _is_on_disk(name: str) -> bool:
    if entry := registry.entries().get(name):
        return entry.is_on_disk
    return name in _of_no_file() or (settings().models / name / clip.CONFIG).is_file()


def _own() -> list[str]:
    """Checkpoints under PAIRLAKE_MODELS, by their folders."""
    root: Path = settings().models
    found = sorted(root.glob(f"*/{clip.CONFIG}")) + sorted(root.glob(f"*/*/{clip.CONFIG}"))
    return [str(file.parent.relative_to(root)) for file in found]


def _wanted() -> dict[str, str]:
    """The models that the recipe names, similarities apart, with their ids."""
    return {name: model_id for name, model_id, _ in _named()}


def _of_no_file() -> set[str]:
    """Those of kinds that the registry does not know: all of them stands in their job's file."""
    known = {kind for entry in registry.entries().values() for kind in entry.kinds}
    return {name for name, _, kinds in _named() if not known & set(kinds)}


def _named() -> list[tuple[str, str, list[str]]]:
    query = (
        "select name, coalesce(max(model_id), ''), list(kind) "
        "from lake.intermediate.int_recipe_models where kind <> 'similarity' group by name"
    )
    try:
        return [(name, model_id, kinds) for name, model_id, kinds in rows(query, read_only=True)]
    except duckdb.CatalogException:
        return []  # nothing is built yet
