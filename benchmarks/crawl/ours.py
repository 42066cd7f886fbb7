"""Our side of the extraction: the one place that knows which function of `ingest` does it."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from fastwarc.warc import ArchiveIterator, WarcRecordType

from pairlake.ingest.crawl.pages import UnreadableRecord
from pairlake.ingest.crawl.records import Record
from pairlake.ingest.crawl.warc import read_records
from pairlake.ingest.crawl.wat import parse_record

Row = tuple[str | None, str, str]


def extract(path: Path) -> Iterator[Row]:
    """Every sighting of the crawl file by its alt text: (page_url, image_url, alt)."""
    with path.open("rb") as stream:
        for found in read_records(stream):
            if isinstance(found, Record):
                try:
                    page = parse_record(found.body, found.page_url)
                except UnreadableRecord:
                    continue
                for image_url, text, *_, caption_source in page.sightings:
                    if caption_source == "alt":
                        yield page.page_url, image_url, text


def floor(path: Path) -> Iterator[bytes]:
    """The metadata records of the crawl file, gunzipped and read: what any extraction has to do."""
    with path.open("rb") as stream:
        kinds = WarcRecordType.metadata
        for record in ArchiveIterator(stream, record_types=kinds, parse_http=False):
            yield record.reader.read()


def main() -> None:
    """Time the named function on a file, after all imports; prints one line of JSON."""
    functions: dict[str, Callable[[Path], Iterator[object]]] = {"extract": extract, "floor": floor}
    function, path = functions[sys.argv[1]], Path(sys.argv[2])
    before = time.process_time()
    rows = sum(1 for _ in function(path))
    print(json.dumps({"cpu_s": time.process_time() - before, "rows": rows}))


if __name__ == "__main__":
    main()
