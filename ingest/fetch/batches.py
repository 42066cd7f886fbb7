"""Downloads on their way into the lake: a batch in one transaction, and what came of them all."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import duckdb

from pairlake.ingest.images.attempt import Download
from pairlake.ingest.images.blocked import Blocked
from pairlake.ingest.images.landing import land
from pairlake.lake.progress import bar


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


# A batch is what a crash can cost: this many downloads, or what this many seconds brought.
LAND_DOWNLOADS = 2_000
# Pixels take their memory several times over while they land.
LAND_BYTES = 24_000_000
LAND_SECONDS = 30.0

Progress = Callable[[str], object]


class Batches:
    """What has been downloaded and is not landed yet; `total` is how much there will be."""

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        blocked: Blocked,
        *,
        total: int | None = None,
        progress: Progress | None = None,
    ) -> None:
        self._con, self._blocked = con, blocked
        self._total, self._progress = total, progress or (lambda _: None)
        self._pending: list[Download] = []
        self._pending_bytes = 0
        self._landed_at = self._started = time.monotonic()
        self._writing = threading.Lock()
        self._outcomes: Counter[str] = Counter()
        self._images = 0
        self._failure: str | None = None

    def add(self, download: Download) -> None:
        """Take a download that has come to its end."""
        self._pending.append(download)
        self._pending_bytes += download.picture.held_bytes if download.picture else 0

    @property
    def is_due(self) -> bool:
        """Whether it is time to land what is pending."""
        return (
            len(self._pending) >= LAND_DOWNLOADS
            or self._pending_bytes >= LAND_BYTES
            or time.monotonic() - self._landed_at > LAND_SECONDS
        )

    def taken(self) -> list[Download]:
        """What is pending, which from now on is not."""
        batch, self._pending, self._pending_bytes = self._pending, [], 0
        return batch

    def land(self, batch: list[Download]) -> None:
        """Land a batch, and hear what is not to be kept from now on."""
        if not batch:
            return
        # An interrupt leaves a batch to its thread and lands the next from another.
        with self._writing:
            self._images += land(batch, self._con)
            self._outcomes.update(download.outcome for download in batch)
            failures = (download.error for download in batch if download.outcome == "failed")
            self._failure = self._failure or next(failures, None)
            self._blocked.refresh(self._con)
            self._landed_at = time.monotonic()
            self._progress(self._bar())

    def summary(self, *, stopped_after: str | None) -> FetchSummary:
        """What has landed."""
        return FetchSummary(
            outcomes=dict(self._outcomes),
            images=self._images,
            seconds=time.monotonic() - self._started,
            stopped_after=stopped_after,
            failure=self._failure,
        )

    def _bar(self) -> str:
        counts = ", ".join(f"{count:,} {name}" for name, count in self._outcomes.most_common(4))
        return bar(
            self._outcomes.total(),
            self._total,
            self._started,
            prefix="fetch",
            unit=" images",
            postfix=counts,
        )
