"""Metadata that is hostile or broken costs itself, and little; what stands beside it is read."""

from __future__ import annotations

import asyncio
import struct
import time
import zlib
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pairlake.ingest.images.decoders import Decoders
from pairlake.ingest.images.picture import Picture
from pairlake.ingest.images.rights.blocks import MAX_STEPS
from pairlake.ingest.images.rights.read import MAX_BLOCKS, MAX_RIGHTS, rights_in
from pairlake.ingest.images.rights.xmp import MAX_NODES
from tests.ingest.marked import (
    DATA_MINING,
    PLAIN,
    packet,
    signed,
    with_chunks,
    with_extension,
    with_segments,
    with_xmp,
)

APP1, APP11, APP13 = 0xE1, 0xEB, 0xED
XMP, EXTENSION = b"http://ns.adobe.com/xap/1.0/\0", b"http://ns.adobe.com/xmp/extension/\0"
PROHIBITED = ("plus:DataMining", DATA_MINING[2])
UNREADABLE = "unreadable"


def said(body: bytes, kind: str) -> list[tuple[str, str]]:
    """Properties and values, found within a second of CPU time."""
    started = time.process_time()
    rights = rights_in(body, kind)
    assert time.process_time() - started < 1.0
    return [(right.property, right.value) for right in rights]


@pytest.mark.parametrize(
    "declared",
    [
        '<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">',
        '<!ENTITY b SYSTEM "file:///etc/passwd">',
        '<!ENTITY % b SYSTEM "http://127.0.0.1/b"> %b;',
        "",
    ],
)
def test_no_document_type_is_read(declared: str) -> None:
    document = f"<!DOCTYPE x [{declared}]>".encode()
    xmp = document + packet("<dc:rights>&b;</dc:rights>").partition(b"\n")[2]
    assert said(with_xmp("png", xmp), "png") == [(UNREADABLE, "ValueError: a document type")]


def test_what_stands_before_too_many_nodes_is_kept() -> None:
    reason = (UNREADABLE, f"ValueError: more than {MAX_NODES:,} nodes")
    for many in ("<xmp:a/>" * MAX_NODES, "<xmp:a>" * MAX_NODES + "</xmp:a>" * MAX_NODES):
        xmp = packet(many + "<dc:rights>©</dc:rights>", plus_DataMining=DATA_MINING[2])
        assert said(with_xmp("png", xmp), "png") == [PROHIBITED, reason]
    wide = " ".join(f'a{number}=""' for number in range(MAX_NODES))
    assert said(with_xmp("png", packet(f"<xmp:a {wide}/>")), "png") == [reason]


@pytest.mark.parametrize("kind", PLAIN)
def test_what_stands_before_the_end_of_a_broken_packet_is_kept(kind: str) -> None:
    whole = packet("<dc:rights>©</dc:rights>", plus_DataMining=DATA_MINING[2])
    for broken in (whole[: whole.index(b"<dc:rights>") + 3], whole.replace(b"</dc:", b"</photo:")):
        found, (name, reason) = said(with_xmp(kind, broken), kind)
        assert (found, name) == (PROHIBITED, UNREADABLE)
        assert reason.startswith("ExpatError: ")


def test_of_endless_metadata_nothing_is_read_and_all_that_stands_beside_it() -> None:
    reason = (UNREADABLE, "more than 1,048,576 bytes of metadata")
    endless = packet() + b" " * 100_000_000
    beside = (b"iTXt", b"Copyright\0\0\0\0\0Ann")
    assert said(
        with_chunks((b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + endless), beside), "png"
    ) == [reason, ("Copyright", "Ann")]


def test_what_is_packed_is_unpacked_no_further_than_the_bound() -> None:
    """Even where there are many such: what was unpacked in vain counts."""
    packed = zlib.compress(b" " * 50_000_000)
    bombs = [(b"zTXt", b"parameters\0\0" + packed)] * 40
    reason = (UNREADABLE, "more than 1,048,576 bytes of metadata")
    assert said(with_chunks(*bombs), "png") == [reason]
    assert said(with_chunks((b"zTXt", b"parameters\0\0" + packed[:-9]), *bombs), "png") == [reason]
    damaged = (b"zTXt", b"parameters\0\0not packed")
    assert said(with_chunks(damaged, (b"tEXt", b"Author\0Ann")), "png") == [("Author", "Ann")]


def test_many_blocks_and_many_values_end_somewhere() -> None:
    segment = (APP1, XMP + packet(plus_DataMining=DATA_MINING[2]))
    assert said(with_segments(*[segment] * 5_000), "jpeg") == [
        PROHIBITED,
        (UNREADABLE, f"ValueError: more than {MAX_BLOCKS} blocks of metadata"),
    ]
    creators = "".join(f"<rdf:li>{number}</rdf:li>" for number in range(1_000))
    many = said(with_xmp("webp", packet(f"<dc:creator>{creators}</dc:creator>")), "webp")
    assert many[:2] == [("dc:creator", "0"), ("dc:creator", "1")]
    assert many[MAX_RIGHTS:] == [(UNREADABLE, f"more than {MAX_RIGHTS} values")]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (PLAIN["png"][:-12] + b"\0\0\0\0zZzZ\0\0\0\0" * 2_000_000, "png"),
        (PLAIN["webp"] + b"zZzZ\0\0\0\0" * 3_000_000, "webp"),
        (with_extension(b"\x01a" * 10_000_000 + b"\0"), "gif"),
        (with_extension(b"\0" + b"!\xff\0" * 8_000_000), "gif"),
        (PLAIN["avif"] + b"\0\0\0\x08free" * 3_000_000, "avif"),
    ],
)
def test_many_parts_end_somewhere(body: bytes, kind: str) -> None:
    assert said(body, kind) == [(UNREADABLE, f"ValueError: more than {MAX_STEPS:,} parts")]


def test_an_extended_packet_that_lies_about_itself_is_read_as_far_as_it_goes() -> None:
    guid = b"0" * 32
    main = (APP1, XMP + packet(xmpNote_HasExtendedXMP=guid.decode()))
    extended = packet("<dc:rights>©</dc:rights>", plus_DataMining=DATA_MINING[2])
    half = extended.index(b"<dc:rights>")
    for parts in ([(0, extended[:half])], [(0, extended[:half]), (half + 1, extended[half:])]):
        segments = [
            (APP1, EXTENSION + struct.pack(">32sII", guid, 2**32 - 1, at) + part)
            for at, part in parts
        ]
        found, (name, reason) = said(with_segments(main, *segments), "jpeg")
        assert (found, name) == (PROHIBITED, UNREADABLE)
        assert reason.startswith("ExpatError: ")
    # A part that is all head, and one that begins nowhere.
    beyond = (APP1, EXTENSION + struct.pack(">32sII", guid, 9, 2**32 - 1) + b"x")
    name, _ = said(with_segments(main, (APP1, EXTENSION + guid), beyond), "jpeg")[0]
    assert name == UNREADABLE


def test_damaged_tags_cost_themselves() -> None:
    resource = b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0"
    by_line, endless = b"\x1c\x02\x50\0\x03Ann", b"\x1c\x02\x74%b12345"
    xmp = (APP1, XMP + packet(plus_DataMining=DATA_MINING[2]))
    for carrier, segment, kept in (
        ("exif", (APP1, b"Exif\0\0not a TIFF"), []),
        ("iim", (APP13, resource + b"\x12" + by_line + endless % b"\0\x09"), ["Ann"]),
        ("iim", (APP13, resource + b"\x12" + by_line + endless % b"\xff\xff"), ["Ann"]),
        ("iim", (APP13, resource + b"\x09" + by_line + b"\x1c"), ["Ann"]),
        ("iim", (APP13, b"Photoshop 3.0\x008BIM\x04"), []),
    ):
        rights = rights_in(with_segments(segment, xmp), "jpeg")
        assert PROHIBITED in [right[1:3] for right in rights]
        told = [right for right in rights if right.carrier == carrier]
        assert [right.value for right in told[:-1]] == kept, segment
        assert told[-1].property == UNREADABLE


@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_a_truncated_manifest_is_unreadable(kind: str) -> None:
    body = signed(kind, {})
    at = body.index(b"jumdc2pa") - 12
    if kind == "png":
        length = int.from_bytes(body[at : at + 4])
        cut = with_chunks((b"caBX", body[at : at + length // 2]))
    else:
        head = body[at - 8 : at]  # what says that the segment is a part of a box, and which
        cut = with_segments((APP11, head + body[at : at + 500]))
    assert [name for name, _ in said(cut, kind)] == [UNREADABLE]


def test_a_manifest_of_more_than_may_be_read_is_not() -> None:
    jumbf = b"jumb\0\0\0\x1ejumdc2pa" + bytes(2**20)
    reason = (UNREADABLE, "more than 1,048,576 bytes of metadata")
    assert said(with_chunks((b"caBX", len(jumbf).to_bytes(4) + jumbf)), "png") == [reason]
    part = b"JP\0\1\0\0\0\1" + bytes(60_000)
    assert said(with_segments(*[(APP11, part)] * 20), "jpeg") == [reason]


def test_boxes_in_boxes_end_somewhere() -> None:
    kind = b"\0\x11\0\x10\x80\0\0\xaa\0\x38\x9b\x71\x03"
    inner, outer = (
        struct.pack(">I4s", 8 + len(name), b"jumd") + name
        for name in (b"c2ma" + kind + b"a\0", b"c2pa" + kind + b"c2pa\0")
    )
    jumbf = b"".join(
        struct.pack(">I4s", number * (8 + len(inner)), b"jumb") + inner
        for number in range(25_000, 0, -1)
    )
    jumbf = struct.pack(">I4s", 8 + len(outer) + len(jumbf), b"jumb") + outer + jumbf
    assert [name for name, _ in said(with_chunks((b"caBX", jumbf)), "png")] == [UNREADABLE]


@pytest.mark.parametrize("kind", PLAIN)
@settings(max_examples=60, deadline=None)
@given(
    changes=st.lists(st.tuples(st.integers(0, 2**16), st.integers(0, 255)), max_size=8),
    end=st.integers(0, 2**16),
)
def test_whatever_is_broken_nothing_is_raised(
    kind: str, changes: list[tuple[int, int]], end: int
) -> None:
    body = bytearray(MARKED[kind])
    for at, value in changes:
        body[at % len(body)] = value
    # Cut off now and then.
    for right in rights_in(bytes(body[: end if end % 4 == 0 else None]), kind):
        assert right.value.encode()
        assert len(right.value) <= 500


MARKED = {
    kind: signed(
        kind,
        {"cawg.training-mining": {"entries": {"cawg.ai_training": {"use": "notAllowed"}}}},
        body=with_xmp(kind, packet("<dc:rights>©</dc:rights>", plus_DataMining=DATA_MINING[2])),
    )
    for kind in PLAIN
}


def test_a_bomb_does_not_cost_the_picture() -> None:
    bomb = with_segments((APP1, XMP + b"<!DOCTYPE x>" + bytes(60_000)), (APP1, b"Exif\0\0x"))
    plain, bombed, marked = _decoded(PLAIN["jpeg"], bomb, MARKED["jpeg"])
    assert plain.rights == ()
    assert {right.property for right in bombed.rights} == {UNREADABLE}
    assert PROHIBITED in [right[1:3] for right in marked.rights]
    assert replace(bombed, rights=()) == plain


def _decoded(*bodies: bytes) -> list[Picture]:
    async def run() -> list[Picture]:
        decoders = Decoders(side=64, processes=1)
        try:
            made = await asyncio.gather(*(decoders.prepare(body) for body in bodies))
        finally:
            decoders.close()
        return [picture for picture in made if isinstance(picture, Picture)]

    return asyncio.run(run())
