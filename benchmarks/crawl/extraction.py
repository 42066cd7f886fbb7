"""Section 1: what the extraction of sightings costs per core, beside the peer and the floor."""

from __future__ import annotations

from pathlib import Path
from statistics import median

from benchmarks.crawl import peer
from benchmarks.crawl.wats import FileTruth
from benchmarks.harness.processes import interleaved, module
from benchmarks.harness.tables import heading, note, spread, table


def report(folder: Path, truth: FileTruth, python: Path, runs: int) -> None:
    """Time floor, peer and ours by turns, each run in a process of its own after its imports."""
    path, megabytes = folder / truth.path, truth.raw_bytes / 1e6
    commands = {
        "records only (fastwarc)": module("benchmarks.crawl.ours", "floor", path),
        "cc2dataset, process_wat": peer.command(python, "extract", path),
        "pairlake": module("benchmarks.crawl.ours", "extract", path),
    }
    answers = interleaved(commands, runs)
    cpu = {name: [answer["cpu_s"] for answer in found] for name, found in answers.items()}
    rates = {name: megabytes / median(seconds) for name, seconds in cpu.items()}
    heading(f"1. Extraction per core: one crawl file of {megabytes:,.0f} MB")
    table(
        ("what", "rows", "CPU s, median", "lowest to highest", "MB per CPU s"),
        [
            (name, answers[name][-1]["rows"], median(seconds), spread(seconds), rates[name])
            for name, seconds in cpu.items()
        ],
    )
    ratio = rates["pairlake"] / rates["cc2dataset, process_wat"]
    note(
        f"pairlake / peer = {ratio:.2f}; {runs} runs by turns. The file has {truth.records:,} "
        f"records, {truth.unreadable_records} of them malformed, {truth.pages:,} pages, "
        f"{truth.links:,} links, {truth.images:,} images, {truth.alts:,} with alt text. Written "
        f"rows by cc2dataset's rule: {truth.peer_sightings:,}; by pairlake's, after cleaning: "
        f"{truth.our_sightings:,}."
    )
