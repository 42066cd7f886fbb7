"""What a crawl will take, stage by stage, from rates that the benchmarks print: `pairlake plan`.

Each line of the plan is a product that is shown below it, so that a reader can put in other
figures.
"""

from __future__ import annotations

from dataclasses import dataclass

from pairlake.lake.errors import BadRequest

HOUR = 3_600
# The shape of a crawl. A file is a WAT of Common Crawl's, 220 MB as it comes and 3.8 times that
# unpacked; pairs are distinct in it, and one in five is left when all files are taken together:
# of 40 billion cc2dataset's author found 8. An image comes in so many bytes on the mean
# (laion2B-en), and is kept in as many as LAION-5B's were, 240 TB for 5.86 billion of 384 pixels.
PAIRS_PER_FILE = 400_000
DISTINCT = 0.2
FILE_MB = 220
UNPACKED = 3.8
IMAGE_KB = 47
PIXELS_KB = 40
# Of one core: docs/plan.md says what prints each.
CRAWL_S_PER_MB = 2.3 / 200
CAPTIONS_PER_S = 52_648  # cld3
IMAGES_FETCHED_PER_S = 279
IMAGES_DECODED_PER_S = 3_187 / 16
JUDGING_S_PER_MILLION = 61.7
PUBLISHING_S_PER_MILLION = 549
# Rows a second of one GPU, an H200; `--gpu-rate` is another for images.
CAPTIONS_EMBEDDED_PER_S = 10_457
GPU_RATE = 1_723  # ViT-L/14; with ViT-B/32 the processors set the pace, at 3,336
# Bytes of a pair in the lake with its download and its scores, before dbt; of one embedding of 512
# in fp16; and of a pair in the search index, both embeddings included.
ROW_BYTES = 320
EMBEDDING_BYTES = 1_024
INDEXED_BYTES = 2_926
# LAION-5B had more than 50 billion candidates and kept 5.85. To fetch the 5.86 billion of its lists
# again took 10 nodes of 16 cores a week; to embed them by ViT-L/14, 32 A100 a week.
LAION_KEPT = 5.85 / 50
LAION_IMAGES = 5.86e9
LAION_FETCH_CORE_HOURS = 10 * 16 * 7 * 24
LAION_EMBED_GPU_HOURS = 32 * 7 * 24
CC2DATASET_S_PER_FILE = 50


@dataclass(frozen=True, kw_only=True)
class Prices:
    """Dollars: an hour of a core and of a GPU, a gigabyte stored for a month, one that comes in.

    The defaults are round figures of November 2026, there to be replaced by your own.
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


@dataclass(frozen=True, kw_only=True)
class _Amounts:
    """What there is to do: rows that land, and what is left of them further down the path."""

    files: float
    landed: float
    pairs: float
    images: float
    kept: float


def plan(
    *,
    files: float | None = None,
    pairs: float | None = None,
    distinct: float = DISTINCT,
    arrives: float = 0.85,
    kept: float = LAION_KEPT,
    gpu_rate: float = GPU_RATE,
) -> list[Stage]:
    """The stages of so many files of a crawl, or of so many distinct pairs.

    `distinct` is the share of what lands that no other file has landed, `arrives` the share of
    images that come, `kept` the share of distinct pairs that the recipe keeps. Raises BadRequest
    for what is no count and no share.
    """
    if (files is None) == (pairs is None):
        raise BadRequest("Say how much: --files of a crawl, or --pairs.")
    if not (0 < distinct <= 1 and 0 <= arrives <= 1 and 0 <= kept <= 1):
        raise BadRequest("Shares are between 0 and 1, and some pairs must be distinct.")
    count = files if files is not None else (pairs or 0) / distinct / PAIRS_PER_FILE
    if not 0 < count < float("inf") or not 0 < gpu_rate < float("inf"):
        raise BadRequest("Give a number of files or pairs, and a rate, above 0.")
    landed = count * PAIRS_PER_FILE
    left = landed * distinct
    amounts = _Amounts(
        files=count, landed=landed, pairs=left, images=left * arrives, kept=left * kept
    )
    return [
        _crawl(amounts),
        _languages(amounts),
        _fetch(amounts),
        _enrich(amounts, gpu_rate),
        _build(amounts),
        _publish(amounts),
    ]


def _crawl(of: _Amounts) -> Stage:
    return Stage(
        name="crawl",
        core_hours=of.files * FILE_MB * UNPACKED * CRAWL_S_PER_MB / HOUR,
        network_gb=of.files * FILE_MB / 1e3,
        stored_gb=of.landed * ROW_BYTES / 1e9,
        formula=(
            f"{of.files:,.0f} files x {FILE_MB} MB x {UNPACKED} x {CRAWL_S_PER_MB:.4f} CPU s/MB; "
            f"{of.landed:,.0f} rows x {ROW_BYTES} bytes"
        ),
    )


def _languages(of: _Amounts) -> Stage:
    return Stage(
        name="languages",
        core_hours=of.pairs / CAPTIONS_PER_S / HOUR,
        formula=f"{of.pairs:,.0f} captions / {CAPTIONS_PER_S:,}/s",
    )


def _fetch(of: _Amounts) -> Stage:
    return Stage(
        name="fetch",
        core_hours=of.images / IMAGES_FETCHED_PER_S / HOUR,
        network_gb=of.images * IMAGE_KB / 1e6,
        stored_gb=of.images * PIXELS_KB / 1e6,
        formula=(
            f"{of.images:,.0f} images / {IMAGES_FETCHED_PER_S}/s; {IMAGE_KB} KB each, "
            f"{PIXELS_KB} of them kept"
        ),
    )


def _enrich(of: _Amounts, gpu_rate: float) -> Stage:
    return Stage(
        name="enrich",
        core_hours=of.images / IMAGES_DECODED_PER_S / HOUR,
        gpu_hours=(of.images / gpu_rate + of.images / CAPTIONS_EMBEDDED_PER_S) / HOUR,
        stored_gb=of.images * 2 * EMBEDDING_BYTES / 1e9,
        formula=(
            f"{of.images:,.0f} images / {gpu_rate:,.0f}/s and captions / "
            f"{CAPTIONS_EMBEDDED_PER_S:,}/s a GPU; decoded at {IMAGES_DECODED_PER_S:.0f}/s a core"
        ),
    )


def _build(of: _Amounts) -> Stage:
    return Stage(
        name="dbt build",
        core_hours=of.pairs / 1e6 * JUDGING_S_PER_MILLION / HOUR,
        formula=f"{of.pairs / 1e6:,.1f} million pairs x {JUDGING_S_PER_MILLION} CPU s",
    )


def _publish(of: _Amounts) -> Stage:
    return Stage(
        name="publish",
        core_hours=of.kept / 1e6 * PUBLISHING_S_PER_MILLION / HOUR,
        stored_gb=of.kept * INDEXED_BYTES / 1e9,
        formula=(
            f"{of.kept / 1e6:,.1f} million kept x {PUBLISHING_S_PER_MILLION} CPU s, "
            f"{INDEXED_BYTES:,} bytes each"
        ),
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
    lines += ["", _PRICED.format(**vars(prices)), "", *_laion()]
    return "\n".join(lines)


def _laion() -> list[str]:
    """What others have published of the same work, beside what the rates above make of it."""
    file_s = FILE_MB * UNPACKED * CRAWL_S_PER_MB
    fetch_hours = LAION_IMAGES / IMAGES_FETCHED_PER_S / HOUR
    embed_hours = LAION_IMAGES / GPU_RATE / HOUR
    rows = (
        ("cc2dataset: a WAT file", f"{CC2DATASET_S_PER_FILE} core s", f"{file_s:.1f}"),
        (
            "LAION-5B: 5.86 billion images fetched again",
            f"{LAION_FETCH_CORE_HOURS:,} core h",
            f"{fetch_hours:,.0f}",
        ),
        (
            "  embedded by ViT-L/14",
            f"{LAION_EMBED_GPU_HOURS:,} A100 h",
            f"{embed_hours:,.0f} H200",
        ),
    )
    return [
        f"{'Published':45}{'theirs':>16}{'by our rates':>14}",
        *(f"{what:45}{theirs:>16}{ours:>14}" for what, theirs, ours in rows),
        _CANDIDATES,
    ]


_PRICED = """\
$ at {core_hour} a core hour, {gpu_hour} a GPU hour, {gb_month} a GB and month (the first is in it),
{gb_in} a GB that comes in. Hosts are asked politely: downloads take days, however many cores."""
_CANDIDATES = """\
LAION-5B found its 50 billion candidates with some 500 CPUs, and fetched them by some 300 small
nodes; for as many: pairlake plan --pairs 50e9."""
