"""The reasons for which pairs are out, as the mart `drop_reasons` has them, without a lake."""

from __future__ import annotations

import csv
from dataclasses import dataclass

from pairlake.lake.project import ROOT
from tests.macro import drop_reasons


@dataclass(frozen=True, kw_only=True)
class Reason:
    """A reason, what kind it is and what it means."""

    reason: str
    kind: str
    meaning: str


def reasons() -> list[Reason]:
    """All of them, in the order in which they count."""
    with (ROOT / "models" / "seeds" / "download_outcomes.csv").open(newline="") as file:
        outcomes = sorted(csv.DictReader(file), key=lambda row: row["outcome"])
    return [
        Reason(
            reason=each["reason"] + outcome["outcome"],
            kind=each["kind"],
            meaning=": ".join(filter(None, (each["meaning"], outcome["meaning"]))),
        )
        for each in drop_reasons()
        for outcome in (
            [row for row in outcomes if row["kind"] in each["outcomes"]]
            if "outcomes" in each
            else [{"outcome": "", "meaning": ""}]
        )
    ]
