"""CSV and TSV as the world writes them: whose quotes are whose, and no row swallowed by another."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pairlake.ingest.crawl.lists import csv as list_csv
from pairlake.ingest.crawl.lists.csv import Form, csv_rows
from pairlake.ingest.crawl.lists.layout import list_kind
from tests.ingest.landing_lists import Landed, land

PLAIN = [
    "a plain one",
    '"Sunflowers" in a blue vase',
    '"a song that never ends',
    "a red door",
    'he said "no" twice',
    'the last word is "end"',
    '" spaced " as tokenised',
    '"all of it"',
    "back\\slash, and a comma",
    "a green door",
]
Pairs = Sequence[tuple[str, str]]


def pairs(captions: Sequence[str]) -> Pairs:
    return [(f"https://a.example/{n}.jpg", caption) for n, caption in enumerate(captions)]


def lines(rows: Pairs, order: Callable[[str, str], str], end: str = "\n") -> str:
    return "".join(order(url, caption) + end for url, caption in rows)


def written(rows: Pairs, delimiter: str, quoting: int = csv.QUOTE_MINIMAL) -> str:
    target = io.StringIO(newline="")
    writer = csv.writer(target, delimiter=delimiter, quoting=quoting, lineterminator="\n")  # type: ignore[arg-type]
    writer.writerows([("url", "caption"), *rows])
    return target.getvalue()


def escaped(rows: Pairs, delimiter: str) -> str:
    """As Spark has it, which doubles neither quotes nor other backslashes."""

    def field(text: str) -> str:
        if not any(character in text for character in ('"', delimiter, "\n")):
            return text
        return '"' + text.replace('"', '\\"') + '"'

    return "".join(delimiter.join(map(field, row)) + "\n" for row in [("url", "caption"), *rows])


@pytest.fixture
def landed(tmp_path: Path) -> Callable[[str | bytes], Landed]:
    def landed(content: str | bytes) -> Landed:
        path = tmp_path / "list"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        head = path.read_bytes()
        assert head.startswith(b"\x1f\x8b") or list_kind(head) == "csv"
        return land(path, "csv", tmp_path / "landing")

    return landed


Land = Callable[[str | bytes], Landed]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    "order",
    [lambda url, caption: f"{url}\t{caption}", lambda url, caption: f"{caption}\t{url}"],
    ids=["cc12m", "cc3m"],
)
@pytest.mark.parametrize("header", [True, False])
def test_quotes_between_tabs_belong_to_the_captions(
    header: bool, order: Callable[[str, str], str], end: str, landed: Land
) -> None:
    rows = pairs(PLAIN)
    first = [("url", "caption")] if header else []
    assert landed(lines([*first, *rows], order, end)).texts == sorted(rows)


@pytest.mark.parametrize("delimiter", ["\t", ",", ";", "|"])
@pytest.mark.parametrize("write", ["minimal", "all", "escaped"])
def test_quotes_that_a_writer_put_are_taken_off(write: str, delimiter: str, landed: Land) -> None:
    texts = [*PLAIN, "tab\there, comma; semicolon|pipe", "two\nlines", 'an "inch" and a half"']
    rows = pairs([text for text in texts if write != "escaped" or not text.endswith("\\")])
    content = {
        "minimal": lambda: written(rows, delimiter),
        "all": lambda: written(rows, delimiter, csv.QUOTE_ALL),
        "escaped": lambda: escaped(rows, delimiter),
    }[write]()
    found = landed(content)
    assert found.texts == sorted(rows)
    assert found.counts.unreadable_records == 0


@pytest.mark.parametrize("delimiter", ["\t", ","])
def test_a_quote_that_closes_by_chance_rows_later_swallows_none(
    delimiter: str, landed: Land
) -> None:
    rows = pairs(["a", '"a song that never ends', "a red door", 'a pipe of 3"', "b"])
    content = f"url{delimiter}caption\n" + lines(rows, lambda *row: delimiter.join(row))
    assert landed(content).texts == sorted(rows)


def test_one_good_quote_says_more_than_one_that_is_open(landed: Land) -> None:
    good, *rows = written(pairs(['a "b" c', "x"]), "\t").splitlines(keepends=True)
    found = landed("".join([good, *rows, 'https://b.example/\t"open\n']))
    assert (found.texts, found.counts.unreadable_records) == (pairs(['a "b" c', "x"]), 1)


def test_an_open_quote_among_good_ones_costs_its_line(landed: Land) -> None:
    rows = pairs([f'number {n}, says "yes"' for n in range(3_000)])
    good = written(rows, ",").splitlines(keepends=True)
    content = [*good[:500], 'https://b.example/,"open, and never closed\n', *good[500:]]
    found = landed("".join(content))
    assert found.texts == sorted(rows)
    assert (found.counts.records, found.counts.unreadable_records) == (3_001, 1)


def test_a_row_swallowed_where_quotes_are_quotes_is_read_again(landed: Land) -> None:
    rows = pairs([f"number {n}, and more" for n in range(9)])
    good = written(rows, ",")
    content = good + 'https://b.example/1,"open\nhttps://b.example/2,red\nhttps://b.example/3,3"\n'
    found = landed(content + "".join(good.splitlines(keepends=True)[1:]))
    assert {text for text in found.texts if text not in rows} == {
        ("https://b.example/2", "red"),
        ("https://b.example/3", '3"'),
    }
    assert (found.counts.records, found.counts.unreadable_records) == (21, 1)


def test_what_only_the_end_of_a_large_file_tells_costs_no_row(
    landed: Land, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(list_csv, "_SAMPLE_CHARS", 500)
    captions = ["door"] * 300 + ['says "a"', *PLAIN] * 9 + ["door"] * 300
    rows = pairs([f"{caption} no. {n}" for n, caption in enumerate(captions)])
    found = landed("url\tcaption\n" + lines(rows, lambda url, caption: f"{url}\t{caption}"))
    assert found.texts == sorted(rows)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("packed", [True, False])
def test_a_byte_order_mark_tells_the_encoding(encoding: str, packed: bool, landed: Land) -> None:
    rows = pairs(["Größe", "猫 🐈", "two\r\nlines"])
    content = written(rows, "\t").encode(encoding)
    assert landed(gzip.compress(content, mtime=0) if packed else content).texts == sorted(rows)


def test_what_is_no_utf_16_costs_its_row(landed: Land) -> None:
    good = "url\tcaption\nhttps://a.example/1\tone\nhttps://a.example/2\t".encode("utf-16-le")
    content = b"\xff\xfe" + good + b"\x00\xd8" + "\nhttps://a.example/3\t3\n".encode("utf-16-le")
    found = landed(content)
    assert [caption for _, caption in found.texts] == ["one", "3"]
    assert (found.counts.records, found.counts.unreadable_records) == (3, 1)


def test_a_carriage_return_within_a_caption_stays(landed: Land) -> None:
    rows = pairs(["one\rtwo", "three"])
    assert landed("url\tcaption\r\n" + lines(rows, lambda *row: "\t".join(row))).texts == rows


def test_names_differ_in_case_spaces_and_underscores(landed: Land) -> None:
    found = landed(" Image URL ,ALT-Text,Page_Url\nhttps://a.example/1,x,https://a.example/p\n")
    assert found.texts == [("https://a.example/1", "x")]
    assert found.pairs[0]["sightings"][0]["page_url"] == "https://a.example/p"


def test_of_columns_with_one_name_the_first_counts(landed: Land) -> None:
    found = landed("url,caption,url,caption\nhttps://a.example/1,x,https://b.example/,y\n")
    assert found.texts == [("https://a.example/1", "x")]


def test_a_file_cut_off_in_gzip_lands_what_was_before(landed: Land) -> None:
    rows = pairs([f"caption {n * 7919 % 10_000}" for n in range(5_000)])
    content = gzip.compress(written(rows, ",").encode(), mtime=0)
    found = landed(content[: len(content) // 2])
    assert found.counts.outcome == "truncated"
    assert 500 < len(found.pairs) < 4_500
    assert set(found.texts) <= set(rows)
    # The header is a line, and the one that is cut is none.
    assert f"from line {found.counts.records + 2} on" in (found.counts.error or "")


def test_what_follows_gzip_makes_it_damaged(landed: Land) -> None:
    found = landed(gzip.compress(written(pairs(["x"]), ",").encode(), mtime=0) + b"rest")
    assert (found.counts.outcome, found.texts) == ("damaged", pairs(["x"]))


FIELD = st.text(st.sampled_from('ab", \t\n\r\\'), min_size=1, max_size=8)


@settings(max_examples=150, deadline=None)
@given(st.lists(FIELD, max_size=12), st.sampled_from([",", "\t"]))
def test_rows_of_a_writer_come_back(captions: list[str], delimiter: str) -> None:
    # One that is habitual about its quotes leaves no doubt.
    content = written(pairs(captions), delimiter, csv.QUOTE_ALL)
    found = csv_rows(
        iter(_split(content)[1:]),
        Form(delimiter=delimiter, width=2, url_at=0),
    )
    assert list(found) == [list(row) for row in pairs(captions)]


LINE = st.text(st.sampled_from('ab", \t\\'), max_size=12)


@settings(max_examples=300, deadline=None)
@given(st.lists(LINE, max_size=30), st.sampled_from([",", "\t"]))
def test_lines_in_are_rows_and_unreadable_lines(texts: list[str], delimiter: str) -> None:
    content = [f"https://a.example/{n}{delimiter}{text}\n" for n, text in enumerate(texts)]
    found = list(csv_rows(iter(content), Form(delimiter=delimiter, width=2, url_at=0)))
    taken = sum(1 if row is None else row[1].count("\n") + 1 for row in found)
    assert taken == len(texts)


def _split(content: str) -> list[str]:
    return [line + "\n" for line in content.split("\n")[:-1]]
