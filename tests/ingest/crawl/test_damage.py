"""What is damaged in a crawl file costs itself; what can be read beside it is kept."""

from __future__ import annotations

import gzip
import tempfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairlake.ingest.crawl import records, warc
from tests.ingest.crawled import OUTCOMES, read
from tests.ingest.wats import NO_LINKS, THREE_PAGES, image, member, numbered, page_json, wat


def test_a_file_cut_off_anywhere_keeps_what_was_whole(path: Path) -> None:
    members = numbered(3)
    ends = [len(wat(*members[:count])) for count in range(4)]
    content = wat(*members)
    for end in range(ends[1] + 1, len(content), 7):
        path.write_bytes(content[:end])
        whole = sum(end >= one for one in ends[1:])
        file, pairs = read(path)
        assert (end, file.outcome) == (end, "ok" if end in ends else "truncated")
        # Of a member that lacks no more than its checksum, the record is there.
        assert whole <= len(pairs) <= whole + 1


def test_a_plain_file_cut_off_within_a_record_keeps_the_others(path: Path) -> None:
    path.write_bytes(gzip.decompress(wat(*numbered(3)))[:-50])
    file, pairs = read(path)
    assert (file.outcome, len(pairs)) == ("truncated", 2)


DAMAGES = {
    "a bit": lambda member: member[:60] + bytes([member[60] ^ 0xFF]) + member[61:],
    "a stretch": lambda member: member[:60] + bytes(30) + member[90:],
    "its beginning": lambda member: b"zip?" + member[4:],
    "its checksum": lambda member: member[:-8] + bytes(4) + member[-4:],
    "its end": lambda member: member[:100],
    "its header": lambda member: gzip.compress(b"WURC" + gzip.decompress(member)[4:], mtime=0),
    "its kind": lambda member: gzip.compress(b"hello", mtime=0),
    "its length, too short": lambda member: with_length(member, -40),
    "its length, too long": lambda member: with_length(member, 40),
    "its length, beyond the file": lambda member: with_length(member, 1_000_000),
    "what stands before it": lambda member: b"garbage" + member,
}


def with_length(member: bytes, more: int) -> bytes:
    head, _, body = gzip.decompress(member).partition(b"\r\n\r\n")
    stated = int(head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0])
    head = head.replace(b"Length: %d" % stated, b"Length: %d" % (stated + more))
    return gzip.compress(head + b"\r\n\r\n" + body, mtime=0)


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_costs_one_record(damage: str, path: Path) -> None:
    members = numbered(9)
    path.write_bytes(wat(*members[:4], DAMAGES[damage](members[4]), *members[5:]))
    file, pairs = read(path)
    left = {row["caption"] for row in pairs}
    assert file.outcome == "damaged"
    assert file.error
    assert file.unreadable_records >= 1
    assert left | {"number 4"} == {f"number {n}" for n in range(9)}


def test_a_length_beyond_the_cap_costs_one_record(path: Path) -> None:
    members = numbered(5)
    path.write_bytes(wat(*members[:2], with_length(members[2], 10**12), *members[3:]))
    file, pairs = read(path)
    assert (file.outcome, len(pairs)) == ("damaged", 4)


def test_damage_in_a_plain_file_costs_one_record(path: Path) -> None:
    plain = gzip.decompress(wat(*numbered(5)))
    begin = plain.index(b"WARC/1.0\r\n", len(plain) // 2)
    path.write_bytes(plain[:begin] + b"WURC" + plain[begin + 4 :])
    file, pairs = read(path)
    assert (file.outcome, len(pairs)) == ("damaged", 4)


def test_zeros_behind_the_last_record_are_no_damage(path: Path) -> None:
    path.write_bytes(THREE_PAGES + bytes(512))
    assert read(path)[0].outcome == "ok"


def test_bombs_cost_their_own_record(path: Path) -> None:
    deep = member(b'{"Envelope":' + b"[" * 100_000, "http://deep.example/")
    size = records.MAX_RECORD_BYTES * 4
    head = gzip.decompress(NO_LINKS).partition(b"\r\n\r\n")[0]
    head = head.rpartition(b"Content-Length: ")[0] + b"Content-Length: %d\r\n\r\n" % size
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    zeros = (bytes(2**20) for _ in range(size // 2**20))
    large = b"".join(packer.compress(part) for part in (head, *zeros, b"\r\n\r\n"))
    path.write_bytes(wat(deep, large + packer.flush(), *numbered(2)))
    file, pairs = read(path)
    assert (file.outcome, file.unreadable_records, len(pairs)) == ("ok", 2, 2)


def test_beginnings_of_members_do_not_take_for_ever(path: Path) -> None:
    path.write_bytes(THREE_PAGES + b"\x1f\x8b\x08" * 50_000)
    file, pairs = read(path)
    assert (file.outcome, len(pairs)) == ("damaged", 3)


def test_a_file_with_too_much_damage_is_not_called_whole(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warc, "MAX_RESTARTS", 2)
    path.write_bytes(wat(*(part for one in numbered(9) for part in (one, one[:60]))))
    file, pairs = read(path)
    assert file.outcome == "damaged"
    assert 0 < len(pairs) < 9


def test_links_of_odd_types_cost_themselves(path: Path) -> None:
    links = [
        image("1.jpg", "a cat", width=[1], height={"px": 2}),
        image("2.jpg", "a dog", width=True, height=3.0),
        {"path": "IMG@/src", "url": 5, "alt": "a number"},
        {"path": "IMG@/src", "url": "3.jpg", "alt": ["a", "list"]},
        {"path": ["IMG@/src"], "url": "4.jpg", "alt": "a path of two"},
    ]
    for head in ({"Base": ["/x/"], "Link": "none"}, ["no", "object"], "text"):
        content = page_json(links, head)  # type: ignore[arg-type]
        path.write_bytes(wat(member(content, "http://a.example/"), *numbered(1)))
        file, pairs = read(path)
        assert (file.outcome, file.unreadable_records) == ("ok", 0)
        assert {row["caption"] for row in pairs} == {"a cat", "a dog", "number 0"}


@given(st.binary(max_size=2_000))
def test_arbitrary_bytes_are_an_outcome(content: bytes) -> None:
    with tempfile.NamedTemporaryFile() as handle:
        handle.write(content)
        handle.flush()
        assert read(handle.name)[0].outcome in OUTCOMES


@given(st.lists(st.tuples(st.integers(0, len(THREE_PAGES) - 1), st.binary(max_size=4)), max_size=4))
def test_mutated_files_are_an_outcome(damages: list[tuple[int, bytes]]) -> None:
    content = bytearray(THREE_PAGES)
    for position, damage in damages:
        content[position : position + len(damage)] = damage
    with tempfile.NamedTemporaryFile() as handle:
        handle.write(content)
        handle.flush()
        file, _ = read(handle.name)
    assert file.outcome in OUTCOMES
    assert file.pairs <= 3
