"""What it costs to land pairs while something is to be forgotten: `make bench-takedown`."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import duckdb

from benchmarks.harness.tables import machine, table
from pairlake.lake.append import append
from pairlake.lake.takedowns import record_takedowns

# As many as one WAT file of Common Crawl brings, on 5,000 domains and 20,000 pages.
_PAIRS = """
copy (
    select
        md5(image_url || chr(31) || caption)::uuid as pair_id,
        md5(image_url)::uuid as url_id,
        md5(caption)::uuid as caption_id,
        'crawl' as crawl_id,
        'path' as path,
        image_url,
        caption,
        [{
            page_url: 'https://page.example/some/path/' || (n // 20),
            license_url: null::varchar,
            record_offset: n,
            width_hint: null::integer,
            height_hint: null::integer
        }] as sightings,
        1 as occurrences
    from (
        select
            n,
            format('https://img{}.host{}.example/a/path/to/{}.jpg', n % 20000, n % 5000, n)
                as image_url,
            'a caption of some length about thing number ' || n as caption
        from range(400000) as numbers (n)
    )
) to $target (format parquet)
"""
_RUNS = 4
# What is to be forgotten besides, step by step.
_STEPS: dict[str, dict[str, list[str]]] = {
    "nothing": {},
    "a URL and a caption": {"url": ["https://img1.host1.example/"], "caption": ["a"]},
    "a domain besides": {"domain": ["host7.example"]},
    "a page besides": {"page": ["https://page.example/some/path/77"]},
    "10,000 requests besides": {
        kind: [f"{kind}{n}.example" for n in range(2_500)]
        for kind in ("url", "domain", "page", "caption")
    },
    "1,000,000 URLs besides": {"url": [f"https://a.example/{n}" for n in range(1_000_000)]},
}


def main() -> None:
    """Land the same file again and again, and print the quickest of some runs."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PAIRLAKE_HOME"] = folder
        file = Path(folder) / "pairs.parquet"
        duckdb.execute(_PAIRS, {"target": str(file)})
        machine("Landing 400,000 pairs beside takedowns", {})
        print()
        rows = []
        for name, requests in _STEPS.items():
            if requests:
                record_takedowns(requests)
            rows.append((name, *_quickest(file)))
        table(("to be forgotten", "wall s", "CPU s"), rows)


def _quickest(file: Path) -> tuple[str, str]:
    walls, cpus = [], []
    for _ in range(_RUNS):
        wall, cpu = time.perf_counter(), time.process_time()
        append({"raw.image_text_pairs": [file]})
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return f"{min(walls):.2f}", f"{min(cpus):.2f}"


if __name__ == "__main__":
    main()
