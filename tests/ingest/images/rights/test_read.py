"""What a picture says of its use is found wherever, and in whatever form, it stands."""

from __future__ import annotations

import struct
import zlib

import pytest
from PIL import Image

from pairlake.ingest.images.picture import Right
from pairlake.ingest.images.rights.read import rights_in
from tests.ingest.drawn import encoded, noise
from tests.ingest.marked import (
    DATA_MINING,
    PLAIN,
    packet,
    with_chunks,
    with_extension,
    with_segments,
    with_xmp,
)

APP1, APP13 = 0xE1, 0xED
XMP, EXTENSION = b"http://ns.adobe.com/xap/1.0/\0", b"http://ns.adobe.com/xmp/extension/\0"


def said(body: bytes, kind: str = "jpeg") -> list[tuple[str, str, str]]:
    """Carriers, properties and values, none of them cut."""
    rights = rights_in(body, kind)
    assert not any(right.is_cut for right in rights)
    return [right[:3] for right in rights]


def in_packet(described: str) -> list[tuple[str, str]]:
    """Properties and values of one packet in a JPEG."""
    return [(name, value) for _, name, value in said(with_xmp("jpeg", packet(described)))]


@pytest.mark.parametrize("kind", [*PLAIN, "bmp"])
def test_most_pictures_say_nothing(kind: str) -> None:
    assert rights_in(encoded(noise(96, 64), kind), kind) == ()


@pytest.mark.parametrize("kind", PLAIN)
def test_a_packet_is_found_in_every_format(kind: str) -> None:
    """The standard's values of DataMining, each as an attribute and as an element."""
    for value in DATA_MINING:
        expected = [("xmp", "plus:DataMining", value)]
        assert said(with_xmp(kind, packet(plus_DataMining=value)), kind) == expected
        element = f"<plus:DataMining>{value}</plus:DataMining>"
        assert said(with_xmp(kind, packet(element)), kind) == expected


def test_a_value_is_read_in_whichever_form_of_rdf_it_is_written() -> None:
    value = DATA_MINING[3]
    for form in (
        f"<plus:DataMining>\n  {value}\n</plus:DataMining>",
        f'<plus:DataMining rdf:resource="{value}"/>',
        f'<o:DataMining xmlns:o="http://ns.useplus.org/ldf/xmp/1.0/">{value}</o:DataMining>',
        f"<plus:DataMining><![CDATA[{value}]]></plus:DataMining>",
        f"<plus:DataMining><rdf:value>{value}</rdf:value></plus:DataMining>",
    ):
        assert in_packet(form) == [("plus:DataMining", value)], form


def test_the_same_name_of_another_namespace_is_another_property() -> None:
    assert in_packet('<o:DataMining xmlns:o="http://other.example/">x</o:DataMining>') == []
    assert in_packet('<xmp:rights>x</xmp:rights><o:y xmlns:o="http://y.example/">y</o:y>') == []


def test_lists_languages_and_structures_give_each_of_their_values() -> None:
    listed = (
        "<dc:creator><rdf:Seq><rdf:li>Ann</rdf:li>"
        "<rdf:li>Bea &amp; Co.</rdf:li></rdf:Seq></dc:creator>"
        '<dc:rights><rdf:Alt><rdf:li xml:lang="x-default">© Ann</rdf:li>'
        '<rdf:li xml:lang="de">© Änn</rdf:li></rdf:Alt></dc:rights>'
        '<plus:Licensor><rdf:Seq><rdf:li rdf:parseType="Resource">'
        "<plus:LicensorName>An agency</plus:LicensorName>"
        "<plus:LicensorURL>https://agency.example/1</plus:LicensorURL></rdf:li>"
        '<rdf:li><rdf:Description plus:LicensorURL="https://agency.example/2"/></rdf:li>'
        "</rdf:Seq></plus:Licensor>"
        '<cc:license rdf:resource="https://creativecommons.org/licenses/by/4.0/"/>'
    )
    assert in_packet(listed) == [
        ("dc:creator", "Ann"),
        ("dc:creator", "Bea & Co."),
        ("dc:rights", "© Ann"),
        ("dc:rights", "© Änn"),
        ("plus:LicensorURL", "https://agency.example/1"),
        ("plus:LicensorURL", "https://agency.example/2"),
        ("cc:license", "https://creativecommons.org/licenses/by/4.0/"),
    ]


def test_what_others_say_that_a_picture_was_made_from_is_not_its_own() -> None:
    kept = (
        '<m:Pantry xmlns:m="http://ns.adobe.com/xap/1.0/mm/"><rdf:Bag>'
        '<rdf:li rdf:parseType="Resource"><dc:rights>© Ann</dc:rights></rdf:li>'
        '<rdf:li><rdf:Description plus:DataMining="x"/></rdf:li>'
        "</rdf:Bag></m:Pantry><dc:rights>© Bea</dc:rights>"
    )
    assert in_packet(kept) == [("dc:rights", "© Bea")]


def test_what_iptc_and_adobe_have_of_rights_and_origin_is_read() -> None:
    given = {
        "Iptc4xmpExt:DigitalSourceType": (
            "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
        ),
        "Iptc4xmpExt:AISystemUsed": "A painter",
        "Iptc4xmpExt:AISystemVersionUsed": "3.1",
        "Iptc4xmpExt:AIPromptInformation": "a cat",
        "Iptc4xmpExt:AIPromptWriterName": "Ann",
        "xmpRights:Marked": "True",
        "xmpRights:WebStatement": "https://owner.example/licence",
        "xmpRights:UsageTerms": "Ask me.",
        "photoshop:Credit": "Ann / Agency",
        "plus:OtherConstraints": "not on Sundays",
    }
    attributes = {name.replace(":", "_"): value for name, value in given.items()}
    assert said(with_xmp("webp", packet(**attributes, xmp_Rating="5")), "webp") == [
        ("xmp", name, value) for name, value in given.items()
    ]


def test_an_extended_packet_is_put_together() -> None:
    """Its parts may stand in any order; those of a packet that is not named are another's."""
    guid, other = b"0123456789ABCDEF" * 2, b"F" * 32
    extended = packet(plus_DataMining=DATA_MINING[2]) + b" " * 70_000
    parts = [
        (APP1, EXTENSION + struct.pack(">32sII", name, len(extended), at) + extended[at:end])
        for name in (guid, other)
        for at, end in ((60_000, len(extended)), (0, 30_000), (30_000, 60_000))
    ]
    main = packet(dc_rights="© Ann", xmpNote_HasExtendedXMP=guid.decode())
    body = with_segments((APP1, XMP + main), *parts)
    assert said(body) == [("xmp", "dc:rights", "© Ann"), ("xmp", "plus:DataMining", DATA_MINING[2])]
    alone = with_segments((APP1, XMP + packet(dc_rights="© Ann")), *parts)
    assert said(alone) == [("xmp", "dc:rights", "© Ann")]


def test_a_packet_behind_the_pixels_of_a_png_is_read_packed_or_not() -> None:
    xmp = packet(plus_DataMining=DATA_MINING[1])
    for text in (b"\0\0\0\0" + xmp, b"\1\0en\0XMP\0" + zlib.compress(xmp)):
        chunk = b"XML:com.adobe.xmp\0" + text
        body = with_chunks((b"iTXt", chunk))
        # Moved from before the pixels to behind them.
        moved = PLAIN["png"][:-12] + body[33 : 33 + 12 + len(chunk)] + PLAIN["png"][-12:]
        assert said(moved, "png") == [("xmp", "plus:DataMining", DATA_MINING[1])]


def test_generators_and_owners_leave_texts_in_a_png() -> None:
    body = with_chunks(
        (b"tEXt", b"parameters\0a caf\xe9\nSteps: 20, Sampler: Euler a"),
        (b"zTXt", b"workflow\0\0" + zlib.compress(b'{"nodes": []}')),
        (b"iTXt", "prompt\0\0\0\0\0ein Café".encode()),
        (b"tEXt", b"Copyright\0Ann"),
        (b"tEXt", b"Comment\0nothing of use"),
    )
    assert said(body, "png") == [
        ("png_text", "parameters", "a café\nSteps: 20, Sampler: Euler a"),
        ("png_text", "workflow", '{"nodes": []}'),
        ("png_text", "prompt", "ein Café"),
        ("png_text", "Copyright", "Ann"),
    ]


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "avif"])
def test_exif_names_artist_and_copyright(kind: str) -> None:
    exif = Image.Exif()
    exif[315], exif[33432], exif[271] = "Ann", "Ann\0An editor\0", "A camera"
    assert said(encoded(noise(96, 64), kind, exif=exif.tobytes()), kind) == [
        ("exif", "Artist", "Ann"),
        ("exif", "Copyright", "Ann An editor"),
    ]


def test_of_exif_comments_a_generators_is_kept() -> None:
    made = "ein Café\nSteps: 20, Sampler: Euler a"
    for comment, found in (
        (b"UNICODE\0" + made.encode("utf-16-be"), [("exif", "UserComment", made)]),
        (b"UNICODE\0" + made.encode("utf-16-le"), [("exif", "UserComment", made)]),
        (b"\0" * 8 + made.encode(), [("exif", "UserComment", made)]),
        (b"ASCII\0\0\0my holidays", []),
    ):
        exif = Image.Exif()
        exif.get_ifd(0x8769)[0x9286] = comment
        assert said(encoded(noise(96, 64), "jpeg", exif=exif.tobytes())) == found


def iim(*fields: tuple[int, bytes]) -> tuple[int, bytes]:
    """A segment with fields of IIM's second record."""
    records = b"".join(
        struct.pack(">BBBH", 0x1C, 2, number, len(text)) + text for number, text in fields
    )
    resource = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(records)) + records
    return APP13, b"Photoshop 3.0\0" + resource + b"\0" * (len(records) % 2)


def test_iim_names_by_lines_credit_and_copyright() -> None:
    fields = [(80, b"Ann"), (80, "Béa".encode()), (110, b"Agency"), (116, b"\xa9 Ann"), (120, b"x")]
    assert said(with_segments(iim(*fields))) == [
        ("iim", "By-line", "Ann"),
        ("iim", "By-line", "Béa"),
        ("iim", "Credit", "Agency"),
        ("iim", "Copyright Notice", "© Ann"),
    ]


def test_each_value_is_kept_once_and_carriers_stand_side_by_side() -> None:
    exif = Image.Exif()
    exif[33432] = "Ann"
    rights = packet("<dc:rights>© Ann</dc:rights><dc:rights>© Ann</dc:rights>")
    body = with_segments(
        (APP1, XMP + rights), (APP1, XMP + rights), (APP1, b"Exif\0\0" + exif.tobytes()[6:])
    )
    assert said(body) == [("xmp", "dc:rights", "© Ann"), ("exif", "Copyright", "Ann")]


def test_a_long_value_is_cut_and_says_so() -> None:
    [fits, longer] = rights_in(
        with_xmp("jpeg", packet(dc_rights="x" * 500, xmpRights_UsageTerms="y" * 501)), "jpeg"
    )
    assert fits == Right("xmp", "dc:rights", "x" * 500, False)
    assert longer == Right("xmp", "xmpRights:UsageTerms", "y" * 500, True)


def test_no_password_is_kept() -> None:
    body = with_xmp("gif", packet(xmpRights_WebStatement="https://a:b@c.example/"))
    assert said(body, "gif") == [("xmp", "xmpRights:WebStatement", "https://c.example/")]


def test_what_stands_behind_the_first_frame_of_a_gif_is_not_of_all_of_it() -> None:
    extension = b"\x0bXMP DataXMP" + packet(dc_rights="©") + b"\1\xff\xfe\xfd\0"
    assert said(with_extension(extension), "gif") == [("xmp", "dc:rights", "©")]
    assert said(PLAIN["gif"][:-1] + b"!\xff" + extension + b";", "gif") == []
