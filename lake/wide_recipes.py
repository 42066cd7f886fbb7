"""Writes a recipes.csv of before, which had a column for each rule, in today's form.

Shipped recipes that nobody has changed come out as they are shipped. All others get a row for each
rule that they have, and are like no other.
"""

from __future__ import annotations

import csv
import io
import itertools
import shutil
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pairlake.lake.errors import BadRequest, BadSetting
from pairlake.lake.macros import Entries, recipe_rules
from pairlake.lake.project import ROOT, RULES, project
from pairlake.lake.recipe import COLUMNS, of_older_project, written

# Of a recipe: its rules by name, without those that are off.
Rules = dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Rewritten:
    """What became of a file: its recipes as shipped, those in full, and where it is as it was."""

    shipped: list[str]
    full: list[str]
    kept: Path

    def __str__(self) -> str:
        full = f", {len(self.full)} in full ({', '.join(self.full)})" if self.full else ""
        return f"{len(self.shipped)} recipes as shipped{full}; as it was it is in {self.kept}"


def rewrite(file: Path) -> Rewritten:
    """Write today's form in place of a file of before, which is kept beside it by another name.

    Raises BadRequest if it is none, or if it cannot be read or written.
    """
    try:
        # A link stays one.
        place = file.resolve() if file.is_symlink() else file
        before = place.read_bytes()
        wide = _recipes(file, before)
        shipped = _Shipped(wide)
        rows = [row for name in wide for row in shipped.rows(name) or _rows(name, wide[name])]
        kept = _keep(place, before)
        _replace(place, rows)
    except OSError as error:
        raise BadRequest(
            f"{file}: {error.strerror}; name a recipes.csv that you may write."
        ) from error
    as_shipped = [name for name in wide if shipped.rows(name)]
    return Rewritten(
        shipped=as_shipped,
        full=[name for name in wide if name not in as_shipped],
        kept=kept,
    )


def _recipes(file: Path, content: bytes) -> dict[str, Rules]:
    """The recipes of a file of before by name, in its order."""
    try:
        reader = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        header = [name.strip() for name in next(reader, [])]
        rows = ((reader.line_num, [cell.strip() for cell in row]) for row in reader)
        # Spreadsheets leave rows of nothing but commas.
        lines = [(number, row) for number, row in rows if any(row)]
    except (UnicodeError, csv.Error) as error:
        raise BadRequest(f"{file} cannot be read ({error}); write it as CSV in UTF-8.") from error
    _check_header(file, header)
    # What was so for all recipes, and is a rule today.
    taken = {rule["rule"]: rule["before"] for rule in _rules(project()) if "before" in rule}
    recipes: dict[str, Rules] = {}
    for number, row in lines:
        if len(row) != len(header):
            raise BadRequest(
                f"{file} has {len(row)} cells in line {number} and {len(header)} columns; write "
                "what holds a comma in double quotes, and a comma for each cell that is empty."
            )
        rules = {rule: value for rule, value in zip(header, row, strict=True) if value}
        name = rules.pop("recipe", "")
        if not name or name in recipes:
            what = f"has the recipe {name} again" if name else "names no recipe"
            raise BadRequest(f"{file} {what} in line {number}; give it a name of its own.")
        recipes[name] = rules | {rule: taken[rule] for rule in taken.keys() - set(header)}
    return recipes


def _check_header(file: Path, header: list[str]) -> None:
    if header == COLUMNS:
        raise BadRequest(f"{file} has a row for each rule already: there is nothing to do.")
    if "recipe" not in header:
        raise BadRequest(
            f"{file} has no column recipe in its first line; name a recipes.csv, and save it with "
            "commas between the cells."
        )
    twice = [name for name in header if header.count(name) > 1]
    if twice:
        raise BadRequest(f"{file} has the column {twice[0]} twice; take one of them out.")
    known = {"recipe", *(rule["rule"] for rule in _rules(project()))}
    unknown = [name for name in header if name not in known]
    if unknown:
        raise BadRequest(
            f"{file} has a column {unknown[0]!r}, and there is no such rule; take it out, or add "
            f"the rule first, to {RULES} or with its score to macros/ratings.sql."
        )


def _rules(at: Path) -> Entries:
    """The rules that recipes of a project may have."""
    if not (at / RULES).is_file():
        raise BadRequest(of_older_project(at))
    return recipe_rules(at)


def _rows(name: str, rules: Rules) -> list[list[str]]:
    return [[name, "", rule, value] for rule, value in rules.items()]


class _Shipped:
    """The shipped recipes beside those of a file."""

    def __init__(self, wide: dict[str, Rules]) -> None:
        self._wide = wide
        self._written: dict[str, list[list[str]]] = {}
        with suppress(BadSetting):  # in a checkout the file of before may be that very one
            for row in written(ROOT):
                self._written.setdefault(row[0], []).append(row)

    def rows(self, name: str) -> list[list[str]]:
        """A recipe's rows as shipped; none if it, or one that it is like, is another there."""
        found = self._written.get(name, [])
        is_same = found and self._wide.get(name) == self._resolved(name)
        return found if is_same and all(self.rows(like) for like in self._likes(name)) else []

    def _likes(self, name: str) -> set[str]:
        return {like for _, like, *_ in self._written[name] if like}

    def _resolved(self, name: str) -> Rules:
        taken_over: Rules = {}
        for like in self._likes(name):
            taken_over |= self._resolved(like)
        taken_over.pop("source", None)
        own = {rule: value for *_, rule, value in self._written[name]}
        return {rule: value for rule, value in (taken_over | own).items() if value}


def _keep(file: Path, content: bytes) -> Path:
    """Write what a file held beside it, where nothing is; dbt takes no such name for a seed."""
    for number in itertools.count(1):
        kept = file.with_name(f"{file.name}.before{f'-{number}' if number > 1 else ''}")
        try:
            with kept.open("xb") as copy:
                copy.write(content)
        except FileExistsError:
            continue
        return kept
    raise AssertionError


def _replace(file: Path, rows: Iterable[list[str]]) -> None:
    """Put these rows in a file's place at once."""
    with tempfile.TemporaryDirectory(dir=file.parent, prefix=".recipes-") as folder:
        made = Path(folder, file.name)
        with made.open("w", newline="", encoding="utf-8") as handle:
            csv.writer(handle, lineterminator="\n").writerows([COLUMNS, *rows])
        shutil.copymode(file, made)
        made.replace(file)
