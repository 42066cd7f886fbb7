"""What terms mean for the uses of an image, by the seed, for those who obey before SQL can."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import NamedTuple

from pairlake.lake.errors import BadSetting
from pairlake.lake.project import project
from pairlake.lake.settings import settings

MEANINGS = Path("models", "seeds", "wish_meanings.csv")
# The use that all others begin with: who refuses it is not asked at all.
CRAWL = "crawl"


class Meaning(NamedTuple):
    """One row: what a property's term says of a use, and how reasons call the signal."""

    signal: str
    property: str
    value: str
    use: str
    says: str


_HEADER = ",".join(Meaning._fields)


def meanings() -> list[Meaning]:
    """The rows of the project's seed, in its order.

    Raises BadSetting if it cannot be read, or if it is of a project before `crawl` was a use: then
    robots.txt would count for nothing.
    """
    file = project() / MEANINGS
    try:
        with file.open(newline="", encoding="utf-8-sig") as handle:
            rows = csv.DictReader(handle, strict=True)
            found = [Meaning(*(row[name] or "" for name in Meaning._fields)) for row in rows]
    except (OSError, UnicodeError, csv.Error, KeyError) as error:
        raise BadSetting(
            f"{file} cannot be read ({error}); its first line is {_HEADER}."
        ) from error
    if not any(each.use == CRAWL for each in found):
        raise BadSetting(
            f"{file} says of no term that it refuses crawling, as in a project that an older "
            "pairlake laid out; lay it out anew beside it (pairlake init), and carry your changes "
            "over."
        )
    return found


def wanted_uses() -> tuple[str, ...]:
    """The uses that PAIRLAKE_USES names; BadSetting where it names none, or one that is none."""
    known = dict.fromkeys(each.use for each in meanings() if each.use != CRAWL)
    wanted = dict.fromkeys(name for part in settings().uses.split(",") if (name := part.strip()))
    if not wanted or wanted.keys() - known:
        raise BadSetting(
            f"PAIRLAKE_USES is {settings().uses!r}; it takes some of these, comma-separated: "
            f"{', '.join(known)}."
        )
    return tuple(wanted)
