"""What a crawl will take, stage by stage, from rates that the benchmarks print: `pairlake plan`.

Each line of the plan is a product that is shown below it, so that a reader can put in other
figures.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lake.errors import BadRequest

HOUR = 3_600
# The shape of a crawl. A file is a WAT of Common Crawl's, 220 MB as it comes and 3.8 times that
# unpacked; pairs are distinct in it. An image comes in so many bytes on the mean (laion2B-en), and
# is kept in as many as LAION-5B's were, 240 TB for 5.86 billion of 384 pixels.
PAIRS_PER_FILE = 400_000
FILE_MB = 220
UNPACKED = 3.8
IMAGE_KB = 47
PIXELS_KB = 40
# Of one core: docs/crawl.md, fetch.md, scores.md, scale.md and search.md have what prints them.
CRAWL_S_PER_MB = 2.3 / 200
CAPTIONS_PER_S = 52_648  # cld3
IMAGES_FETCHED_PER_S = 279
IMAGES_DECODED_PER_S = 3_187 / 16
JUDGING_S_PER_MILLION = 32.5
PUBLISHING_S_PER_MILLION = 549
# Rows a second of one GPU, an H200; `--gpu-rate` is another for images.
CAPTIONS_EMBEDDED_PER_S = 10_457
GPU_RATE = 1_723  # ViT-L/14; with ViT-B/32 the processors set the pace, at 3,336
# Bytes of a pair in the lake with its download and its scores, before dbt; of one embedding of 512
# in fp16; and of a pair in the search index, both embeddings included.
ROW_BYTES = 320
EMBEDDING_BYTES = 1_024
INDEXED_BYTES = 2_926
# LAION-5B had more than 50 billion candidates and kept 5.85.
LAION_KEPT = 5.85 / 50


@dataclass(frozen=True, kw_only=True)
class Prices:
    """Dollars: an hour of a core and of a GPU, a gigabyte stored for a month, one that comes in.

    The defaults are round figures, there to be replaced by your own.
    """

    core_hour: float = 0.04
    gpu_hour: float = 3.0
    gb_month: float = 0.023
    gb_in: float = 0.0

    def __post_init__(self) -> None:
        for value in (self.core_hour, self.gpu_hour, self.gb_month, self.gb_in):
            if not 0 <= value < float("inf"):
                raise BadRequest(f"A price of {value} is none; give dollars, 0 or more.")


@dataclass(frozen=True, kw_only=True)
class Stage:
    """What one stage takes, in all, and how that was reckoned."""

    name: str
    core_hours: float = 0.0
    gpu_hours: float = 0.0
    stored_gb: float = 0.0
    network_gb: float = 0.0
    formula: str

    def dollars(self, prices: Prices) -> float:
        """What it costs, with its storage for a month."""
        return (
            self.core_hours * prices.core_hour
            + self.gpu_hours * prices.gpu_hour
            + self.stored_gb * prices.gb_month
            + self.network_gb * prices.gb_in
        )


def plan(
    *,
    files: float | None = None,
    pairs: float | None = None,
    arrives: float = 0.85,
    kept: float = LAION_KEPT,
    gpu_rate: float = GPU_RATE,
) -> list[Stage]:
    """The stages of so many files of a crawl, or of so many pairs.

    `arrives` is the share of images that come, `kept` the share of pairs that the recipe keeps.
    Raises BadRequest for what is no count and no share.
    """
    if (files is None) == (pairs is None):
        raise BadRequest("Say how much: --files of a crawl, or --pairs.")
    count = files if files is not None else (pairs or 0) / PAIRS_PER_FILE
    if not 0 < count < float("inf") or not 0 < gpu_rate < float("inf"):
        raise BadRequest("Give a number of files or pairs, and a rate, above 0.")
    if not (0 <= arrives <= 1 and 0 <= kept <= 1):
        raise BadRequest("Shares are between 0 and 1.")
    return list(_stages(count, arrives, kept, gpu_rate))


def _stages(files: float, arrives: float, kept: float, gpu_rate: float) -> Iterator[Stage]:
    pairs = files * PAIRS_PER_FILE
    images = pairs * arrives
    yield Stage(
        name="crawl",
        core_hours=files * FILE_MB * UNPACKED * CRAWL_S_PER_MB / HOUR,
        network_gb=files * FILE_MB / 1e3,
        stored_gb=pairs * ROW_BYTES / 1e9,
        formula=f"{files:,.0f} files x {FILE_MB} MB x {UNPACKED} x {CRAWL_S_PER_MB:.4f} CPU s/MB",
    )
    yield Stage(
        name="languages",
        core_hours=pairs / CAPTIONS_PER_S / HOUR,
        formula=f"{pairs:,.0f} captions / {CAPTIONS_PER_S:,}/s",
    )
    yield Stage(
        name="fetch",
        core_hours=images / IMAGES_FETCHED_PER_S / HOUR,
        network_gb=images * IMAGE_KB / 1e6,
        stored_gb=images * PIXELS_KB / 1e6,
        formula=(
            f"{images:,.0f} images / {IMAGES_FETCHED_PER_S}/s; {IMAGE_KB} KB each, "
            f"{PIXELS_KB} of them kept"
        ),
    )
    yield Stage(
        name="enrich",
        core_hours=images / IMAGES_DECODED_PER_S / HOUR,
        gpu_hours=(images / gpu_rate + images / CAPTIONS_EMBEDDED_PER_S) / HOUR,
        stored_gb=images * 2 * EMBEDDING_BYTES / 1e9,
        formula=(
            f"{images:,.0f} images / {gpu_rate:,.0f}/s and captions / "
            f"{CAPTIONS_EMBEDDED_PER_S:,}/s a GPU; decoded at {IMAGES_DECODED_PER_S:.0f}/s a core"
        ),
    )
    yield Stage(
        name="dbt build",
        core_hours=pairs / 1e6 * JUDGING_S_PER_MILLION / HOUR,
        formula=f"{pairs / 1e6:,.1f} million pairs x {JUDGING_S_PER_MILLION} CPU s",
    )
    yield Stage(
        name="publish",
        core_hours=pairs * kept / 1e6 * PUBLISHING_S_PER_MILLION / HOUR,
        stored_gb=pairs * kept * INDEXED_BYTES / 1e9,
        formula=f"{pairs * kept / 1e6:,.1f} million kept x {PUBLISHING_S_PER_MILLION} CPU s",
    )


def as_text(stages: list[Stage], prices: Prices) -> str:
    """The plan as a table with its sums, and the formula of each line."""
    wide = max(len(stage.name) for stage in stages)
    total = Stage(
        name="in all",
        core_hours=sum(stage.core_hours for stage in stages),
        gpu_hours=sum(stage.gpu_hours for stage in stages),
        stored_gb=sum(stage.stored_gb for stage in stages),
        network_gb=sum(stage.network_gb for stage in stages),
        formula="",
    )
    heads = ("core h", "GPU h", "stored GB", "network GB", "$")
    lines = [" " * wide + "".join(f"{head:>13}" for head in heads)]
    for stage in [*stages, total]:
        values = (stage.core_hours, stage.gpu_hours, stage.stored_gb, stage.network_gb)
        row = "".join(f"{value:>13,.1f}" for value in values)
        lines.append(f"{stage.name:{wide}}{row}{stage.dollars(prices):>13,.0f}")
    lines += ["", *(f"{stage.name:{wide}}  {stage.formula}" for stage in stages)]
    lines += ["", _OTHERS.format(**vars(prices))]
    return "\n".join(lines)


_OTHERS = """\
$ at {core_hour} a core hour, {gpu_hour} a GPU hour, {gb_month} a GB and month (the first is in it),
{gb_in} a GB that comes in. Hosts are asked politely: the downloads take days, however many cores.

LAION-5B said of itself: some 500 CPUs for the WAT files, some 300 small nodes for the downloads,
more than 50 billion candidates; to fetch the 5.86 billion again, 10 nodes of 16 cores for 7 days,
240 TB; embeddings by ViT-L/14, 32 A100 for a week at 312 images a second each, 9 TB. cc2dataset
says 50 s a WAT file and core."""
