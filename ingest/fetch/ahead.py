"""Says what `pairlake fetch` has before it: how many images, from how many hosts, some bytes."""

from __future__ import annotations

from dataclasses import dataclass

from pairlake.lake.domains import HOST
from pairlake.lake.worklist import worklist

# Fewer downloads say little of the next: a few large pictures move their mean.
ENOUGH_DOWNLOADS = 1_000
# The 2 billion images of laion2B-en took 84.8 TiB, captions included, as img2dataset's
# documentation reports (dataset_examples/laion5B.md). That is what it kept, at 384 pixels; more
# came over the line. It stands in until this lake has figures of its own.
ASSUMED_BYTES = round(84.8 * 2**40 / 2e9)

_AHEAD = f"""
select
    (select count(*) from work) as images,
    (select count(distinct {HOST}) from work) as hosts,
    (
        select count(*) from work
        where url_id in (select url_id from lake.raw.downloads where outcome = 'ok')
    ) as again,
    count(bytes) as downloads,
    avg(bytes) as mean_bytes
from lake.raw.downloads
where outcome = 'ok'
"""


@dataclass(frozen=True, kw_only=True)
class Ahead:
    """The work before `fetch`; `is_measured` says that `bytes_each` is the mean of this lake.

    `again` of the images have come before: they are old, or their pixels are wanted and released.
    """

    images: int
    again: int
    hosts: int
    bytes_each: int
    is_measured: bool

    def __str__(self) -> str:
        if not self.images:
            return "no images lie ahead"
        each, total = _size(self.bytes_each), _size(self.images * self.bytes_each)
        images, hosts = f"{self.images:,} images", f"{self.hosts:,} hosts"
        source = "in this lake so far" if self.is_measured else "assumed, as of laion2B-en"
        line = f"{images} from {hosts} lie ahead, some {total} ({each} each {source})"
        if self.again:
            line += f"; {self.again:,} of them have come before"
        return line


def images_ahead() -> Ahead:
    """What awaits its download now; TableMissing if dbt has not built the worklist."""
    with worklist("int_urls_awaiting_download", batch_size=1, read=_AHEAD) as work:
        (row,) = (row for batch in work.batches for row in batch.to_pylist())
    is_measured = row["downloads"] >= ENOUGH_DOWNLOADS
    return Ahead(
        images=row["images"],
        again=row["again"],
        hosts=row["hosts"],
        bytes_each=round(row["mean_bytes"]) if is_measured else ASSUMED_BYTES,
        is_measured=is_measured,
    )


def _size(size: float) -> str:
    for unit in ("bytes", "KB", "MB", "GB"):
        if size < 999.5:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:,.0f} TB"
