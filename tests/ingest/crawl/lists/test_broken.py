"""What is broken in a list costs itself, and what is no list is said to be none."""

from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pairlake.ingest.crawl.lists import lines as list_lines
from pairlake.ingest.crawl.lists.layout import NotAList, list_kind
from tests.ingest.crawl.lists.published import FORMATS, LISTS, URL
from tests.ingest.landing_lists import land, parquet, separated


class TestBrokenLines:
    def test_of_csv_are_counted_and_the_rest_is_kept(self, path: Path, folder: Path) -> None:
        lines = [
            b"\xef\xbb\xbfurl,caption,s",
            b"https://a.example/0,zero,0",
            b"https://a.example/1",
            b"https://a.example/2,one,too,many",
            b"https://a.example/3,not \xff UTF-8,3",
            b'https://a.example/4,"a "bad" quote",4',
            b"",
            b"https://a.example/5,five,5\r",
            b'https://a.example/6,"two\nlines",6',
            b"https://a.example/7," + b"x" * 200_000 + b",7",
            b"https://a.example/8,eight,8",
            b'https://a.example/9,"never closed,9',
        ]
        path.write_bytes(b"\n".join(lines))
        landed = land(path, "csv", folder)
        found = {p["caption"]: p["sightings"][0]["record_offset"] for p in landed.pairs}
        assert found == {"zero": 0, "five": 5, "two\nlines": 6, "eight": 8}
        # The long one is a row, and its caption no caption.
        assert (landed.counts.records, landed.counts.unreadable_records) == (10, 5)

    def test_of_jsonl_are_counted_and_the_rest_is_kept(self, path: Path, folder: Path) -> None:
        lines = [
            b'\xef\xbb\xbf{"url": "https://a.example/0", "text": "zero"}',
            b'{"url": "https://a.example/1", "text": ',
            b'["url", "text"]',
            b"null",
            b"",
            b'{"url": "https://a.example/4"}',
            b'{"url": "https://a.example/5", "text": "five \\ud83d"}',
            b'{"url": "https://a.example/6", "text": "\xff"}',
            b"[" * 100_000,
            b'{"url": "https://a.example/8", "text": null}',
            b'{"url": "https://a.example/9", "text": ["list"]}',
            b'{"url": "https://a.example/10", "text": "ten"} \r',
            b'{"url": "https://a.example/11", "text": "eleven"',
        ]
        path.write_bytes(b"\n".join(lines))
        landed = land(path, "jsonl", folder)
        found = {p["caption"]: p["sightings"][0]["record_offset"] for p in landed.pairs}
        assert found == {"zero": 0, "five \ufffd": 5, "list": 9, "ten": 10}
        assert (landed.counts.records, landed.counts.unreadable_records) == (12, 7)
        assert landed.counts.links == 5

    @pytest.mark.parametrize("format_", ["csv", "jsonl"])
    def test_that_are_too_long_are_counted_and_never_cut(
        self, format_: str, path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(list_lines, "_MAX_LINE_CHARS", 100)
        kind, written = FORMATS[format_]
        texts = ["short", "l" * 1_000, "exact".ljust(100), "last"]
        path.write_bytes(written([{"url": URL, "caption": text} for text in texts]))
        landed = land(path, kind, folder)
        assert landed.texts == [(URL, "last"), (URL, "short")]
        assert (landed.counts.records, landed.counts.unreadable_records) == (4, 2)


class TestBrokenFiles:
    @pytest.mark.parametrize(
        ("kind", "content"),
        [
            ("parquet", b"PAR1"),
            ("parquet", parquet([LISTS["laion"][0]])[:-9]),
            ("parquet", parquet([{"url": b"\xff" + URL.encode(), "text": "x"}])),
            ("csv", b""),
            ("csv", b"\n\n"),
            ("csv", gzip.compress(separated([{"url": URL, "text": "x" * 9_000}]), mtime=0)[:-9]),
            ("csv", gzip.compress(b"url,text\n", mtime=0)[:20] + b"\0\0\0\0\0\0\0\0"),
            ("csv", gzip.compress(b"url,text\n", mtime=0) + b"rest"),
            ("jsonl", b""),
            ("jsonl", b"{bad\n"),
            ("jsonl", b"{}\n"),
        ],
    )
    def test_are_not_lists(self, kind: str, content: bytes, path: Path, folder: Path) -> None:
        path.write_bytes(content)
        with pytest.raises(NotAList) as raised:
            land(path, kind, folder)
        assert "\n" not in str(raised.value)
        assert list(folder.iterdir()) == []

    @pytest.mark.parametrize("kind", ["csv", "parquet"])
    def test_an_empty_list_is_a_list(self, kind: str, path: Path, folder: Path) -> None:
        schema = pa.schema({"url": pa.string(), "text": pa.string()})
        if kind == "csv":
            path.write_bytes(b"url,text\n")
        else:
            pq.write_table(schema.empty_table(), path)
        landed = land(path, kind, folder)
        assert (landed.counts.records, landed.pairs) == (0, [])

    def test_a_missing_file_is_missing(self, path: Path, folder: Path) -> None:
        with pytest.raises(FileNotFoundError):
            land(path, "csv", folder)


def attempt(content: bytes, kind: str, folder: Path) -> None:
    """Anything but NotAList fails the test."""
    path = folder / "hostile"
    path.write_bytes(content)
    try:
        land(path, kind, folder / "landing")
    except NotAList:
        pass
    finally:
        for file in (folder / "landing").iterdir():
            file.unlink()


CONTENTS = st.binary(max_size=300)


LINES = st.lists(
    st.sampled_from(
        [
            *[b"url,text", b'"', b",", b"\n", b"\r", b"\t", b"{", b"}", b'"url":', b'"text":"x"'],
            *[URL.encode(), b"\0", b"\xff", b"\xed\xa0\x80", b"1e999", b"NaN", b"\\ud800"],
        ]
    ),
    max_size=40,
).map(b"".join)


@settings(max_examples=150, deadline=None)
@given(
    content=CONTENTS | LINES | LINES.map(lambda lines: b"url,text\n" + lines),
    kind=st.sampled_from(["csv", "jsonl", "parquet"]),
    packed=st.booleans(),
)
def test_any_bytes_are_a_list_or_not(
    content: bytes, kind: str, packed: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    list_kind(content)
    content = gzip.compress(content, mtime=0) if packed else content
    attempt(content, kind, tmp_path_factory.mktemp("hostile"))


WHOLE = parquet([LISTS["laion"][0] | {"TEXT": f"caption {number}"} for number in range(20)])


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.integers(4, len(WHOLE) - 1), st.integers(0, 255), min_size=1, max_size=4))
def test_a_damaged_parquet_file_is_a_list_or_not(
    tmp_path_factory: pytest.TempPathFactory, damage: dict[int, int]
) -> None:
    content = bytearray(WHOLE)
    for place, byte in damage.items():
        content[place] = byte
    attempt(bytes(content), "parquet", tmp_path_factory.mktemp("damaged"))
