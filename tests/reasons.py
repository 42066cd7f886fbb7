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
    outcomes = sorted(_seed("download_outcomes"), key=lambda row: row["outcome"])
    refused = sorted(
        {
            (row["signal"], row["use"])
            for row in _seed("wish_meanings")
            if row["says"] == "disallow" and row["use"] != "crawl"
        }
    )
    found = []
    for each in drop_reasons():
        behind = [("", "")]
        if "outcomes" in each:
            behind = [
                (row["outcome"], row["meaning"])
                for row in outcomes
                if row["kind"] in each["outcomes"]
            ]
        if "is_of_use" in each:
            behind = [(f"{signal}_{use}", use) for signal, use in refused]
        found += [
            Reason(
                reason=each["reason"] + name,
                kind=each["kind"],
                meaning=": ".join(filter(None, (each["meaning"], meaning))),
            )
            for name, meaning in behind
        ]
    return found


def _seed(name: str) -> list[dict[str, str]]:
    with (ROOT / "models" / "seeds" / f"{name}.csv").open(newline="") as file:
        return list(csv.DictReader(file))
