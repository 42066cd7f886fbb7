"""What nobody foresaw costs itself, in every layer: it is `failed`, said, counted, tried again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner

from pairlake.commands import main
from pairlake.ingest.crawl import file as crawl_file
from pairlake.ingest.crawl import spool, warc, workers
from pairlake.ingest.crawl.job import crawl
from pairlake.ingest.images import pixels
from pairlake.ingest.images.picture import Unusable
from tests.ingest import readings
from tests.ingest.conftest import Web
from tests.ingest.crawled import counts, read
from tests.ingest.drawn import JPEG
from tests.ingest.fetching import fetch_all, outcomes, rows
from tests.ingest.wats import THREE_PAGES, numbered, response, wat


class Wordless(Exception):
    """Its text is unreadable, and no other process could read it."""

    def __init__(self, one: object, other: object) -> None:
        super().__init__()

    def __str__(self) -> str:
        raise ValueError


ERRORS = [
    RuntimeError("a\udcffb"),
    MemoryError(),
    RecursionError("too deep"),
    OSError("no file"),
    Wordless(1, 2),
]


def failing(
    function: Callable[..., Any], error: Exception, when: Callable[..., bool]
) -> Callable[..., Any]:
    def called(*arguments: Any, **named: Any) -> Any:
        if when(*arguments):
            raise error
        return function(*arguments, **named)

    return called


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_a_page_costs_its_record(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_second(_: bytes, page_url: str, *__: object) -> bool:
        return page_url.endswith("/1/")

    for name in ("parse_page", "parse_record"):
        stub = failing(getattr(crawl_file, name), error, is_second)
        monkeypatch.setattr(crawl_file, name, stub)
    html = [
        response(f"<img src={n}.jpg alt='number {n}'>".encode(), f"http://a.example/{n}/")
        for n in range(3)
    ]
    for records in (numbered(3), html):
        (tmp_path / "x.warc.gz").write_bytes(wat(*records))
        file, pairs = read(tmp_path / "x.warc.gz")
        assert (file.outcome, counts(file)) == ("failed", (3, 1, 2, 2))
        assert [pair["caption"] for pair in pairs] == ["number 0", "number 2"]
        assert file.error is not None
        assert file.error.startswith("record at ")
        assert type(error).__name__ in file.error
        file.error.encode()


def test_a_caption_costs_its_sighting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def has_seventh(captions: pl.Series) -> bool:
        return "number 7" in captions.to_list()

    stub = failing(spool.clean_captions, TypeError("seven"), has_seventh)
    monkeypatch.setattr(spool, "clean_captions", stub)
    (tmp_path / "x.warc.gz").write_bytes(wat(*numbered(20)))
    file, pairs = read(tmp_path / "x.warc.gz")
    assert (file.outcome, file.records, file.unreadable_records) == ("failed", 20, 0)
    assert (file.error or "").endswith(": TypeError: seven")
    assert sorted(int(pair["caption"][7:]) for pair in pairs) == [*range(7), *range(8, 20)]


def test_a_record_costs_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    records = numbered(3)
    begins = len(wat(records[0]))

    class Stumbling:
        """Raises once, after the record at `begins`, as a library may."""

        has_stumbled = False

        def __init__(self, *arguments: Any, **named: Any) -> None:
            self._records = iter(ArchiveIterator(*arguments, **named))

        def __iter__(self) -> Iterator[Any]:
            for record in self._records:
                yield record
                if record.stream_pos == begins and not Stumbling.has_stumbled:
                    Stumbling.has_stumbled = True
                    raise OverflowError("a length")

    ArchiveIterator = warc.ArchiveIterator
    monkeypatch.setattr(warc, "ArchiveIterator", Stumbling)
    (tmp_path / "x.warc.gz").write_bytes(wat(*records))
    file, pairs = read(tmp_path / "x.warc.gz")
    assert (file.outcome, file.pairs) == ("failed", 3)
    assert file.error == f"record at {begins}: OverflowError: a length"
    assert len(pairs) == 3


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("file.read_list", b"url,caption\nhttp://a.example/,x\n"),
        ("spool._small", THREE_PAGES),
    ],
)
def test_a_file_costs_itself(
    name: str, content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub = failing(len, AssertionError("never"), lambda *_: True)
    monkeypatch.setattr(f"pairlake.ingest.crawl.{name}", lambda *_, **__: stub())
    (tmp_path / "x").write_bytes(content)
    file, pairs = read(tmp_path / "x")
    assert (file.outcome, file.error, pairs) == ("failed", "AssertionError: never", [])


def test_the_other_files_are_read_and_it_is_tried_again(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = tmp_path / "files"
    files.mkdir()
    for name in ("0.warc.gz", "failing-1.warc.gz", "2.warc.gz"):
        (files / name).write_bytes(THREE_PAGES)
    with monkeypatch.context() as patch:
        patch.setattr(workers, "_read", readings.failing)
        ended = CliRunner().invoke(main, ["crawl", str(files)])
    assert ended.exit_code == 1
    assert "1 failed" in ended.output
    assert "2 ok" in ended.output
    assert "failing-1.warc.gz, RuntimeError: on its way" in ended.output
    assert "pairlake sql" in ended.output
    assert crawl([str(files / "failing-1.warc.gz")]).outcomes == {"ok": 1}
    found = rows("select outcome, pairs from lake.raw.crawl_files order by all")
    assert found == [("failed", 0), *[("ok", 3)] * 3]


def test_a_file_whose_name_is_no_text_lands(home: Path, tmp_path: Path) -> None:
    (tmp_path / "\udcff.warc.gz").write_bytes(THREE_PAGES)
    assert crawl([str(tmp_path / "\udcff.warc.gz")]).outcomes == {"ok": 1}
    [(path,)] = rows("select path from lake.raw.crawl_files")
    assert path.endswith("/\\udcff.warc.gz")


def test_a_picture_costs_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    for error, outcome in ((SyntaxError("chunk"), "corrupt_image"), (NameError("x"), "failed")):
        monkeypatch.setattr(pixels, "_decode", failing(len, error, lambda *_: True))
        words = f"{type(error).__name__}: {error}"
        assert pixels.prepare(JPEG, 384) == Unusable(outcome=outcome, error=words)


def test_the_rules_of_a_site_cost_its_images_and_are_asked_for_once(
    site: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.serve("/robots.txt", b"User-agent: *\nDisallow: /no")
    failed = failing(len, KeyError("x"), lambda *_: True)
    monkeypatch.setattr("pairlake.ingest.fetch.sites.read_robots", failed)
    urls = [site.serve(f"/{n}.jpg", JPEG) for n in range(3)]
    assert outcomes(*urls) == ["failed"] * 3
    assert (site.asked, site.asked_of_rules) == ([], ["/robots.txt"])
    assert rows("select distinct error from lake.raw.downloads") == [("robots.txt: KeyError: 'x'",)]


def test_what_is_done_with_an_answer_costs_its_image(
    site: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where it raises what the network raises: it is no fault of the URL's."""
    urls = [site.serve(f"/{n}.jpg", JPEG) for n in range(2)]
    bad = failing(len, ValueError("x"), lambda *_: True)
    monkeypatch.setattr("pairlake.ingest.fetch.download.judge", bad)
    summary = fetch_all(*urls)
    assert (summary.failed, summary.failure) == (2, "ValueError: x")
    assert "2 failed" in str(summary)
    assert "failed: ValueError: x" in str(summary)
