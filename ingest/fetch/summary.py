"""Says what a run of `pairlake fetch` has done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class FetchSummary:
    """What a run of `fetch` has done so far: landed downloads by outcome, and new images.

    `stopped_after` says what ended the run before its work was done, if anything did, and `waiting`
    how many images of the worklist it left; `failure` is the first error that nobody foresaw, and
    `problem` a sentence where it could not go on.
    """

    outcomes: Mapping[str, int]
    images: int
    seconds: float
    stopped_after: str | None = None
    waiting: int = 0
    failure: str | None = None
    problem: str | None = None

    @property
    def failed(self) -> int:
        """Attempts that ended by an error that nobody foresaw."""
        return self.outcomes.get("failed", 0)

    @property
    def downloads(self) -> int:
        """Attempts that have landed."""
        return sum(self.outcomes.values())

    def __str__(self) -> str:
        if not self.outcomes and not self.stopped_after and not self.problem:
            return "nothing to do"
        ranked = sorted(self.outcomes.items(), key=lambda item: (-item[1], item[0]))
        counts = ", ".join(f"{count:,} {outcome}" for outcome, count in ranked) or "no downloads"
        parts = [counts, f"{self.images:,} new images in {self.seconds:.0f} s"]
        if self.stopped_after:
            parts.append(f"stopped after {self.stopped_after}")
        if self.problem:
            parts.append("stopped")
        if self.failure:
            parts.append(f"failed: {self.failure}")
        if self.waiting:
            parts.append(f"{self.waiting:,} images still await their download")
        return "; ".join(parts)
