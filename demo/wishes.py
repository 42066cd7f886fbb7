"""Plants pictures whose bytes, sites and answers say how they may be used, and what comes of it."""

from __future__ import annotations

import hashlib
import io
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from pairlake.demo import scenes
from pairlake.demo.captions import caption
from pairlake.demo.pictures import LANGUAGES, Picture, pictures
from pairlake.demo.planting import Planted

SIGNED = Path(__file__).parent / "signed"
# What they show.
CAT = "1F408"
_REFUSED, _OF_C2PA = "opted_out_data_mining_train", "opted_out_training_mining_train"
# All values of plus:DataMining, and what becomes of a picture in a dataset to train on.
DATA_MINING = {
    "DMI-UNSPECIFIED": None,
    "DMI-ALLOWED": None,
    "DMI-PROHIBITED": _REFUSED,
    "DMI-PROHIBITED-AIMLTRAINING": _REFUSED,
    "DMI-PROHIBITED-GENAIMLTRAINING": None,
    "DMI-PROHIBITED-EXCEPTSEARCHENGINEINDEXING": _REFUSED,
    "DMI-PROHIBITED-SEECONSTRAINT": _REFUSED,
    "DMI-PROHIBITED-SEEEMBEDDEDRIGHTSEXPR": _REFUSED,
    "DMI-PROHIBITED-SEELINKEDRIGHTSEXPR": _REFUSED,
}
CARRIERS = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp", "GIF": "gif"}
# Pictures with a C2PA manifest, made once: a signature is another one each time.
C2PA = {"not-allowed.jpg": _OF_C2PA, "allowed.jpg": None}

# What the demo's own site says of its paths, and what becomes of the pictures behind them. Those of
# which nothing may be done are not asked for.
ROBOTS = """User-agent: *
Disallow: /closed/
Content-Signal: /not-for-training/ search=yes, ai-train=no
Content-Usage: /not-to-be-found/ search=n
"""
TDMREP = [{"location": "/reserved/", "tdm-reservation": 1}]
SITE = {
    "closed": "opted_out_robots_txt",
    "reserved": "opted_out_tdmrep",
    "not-for-training": "opted_out_content_signal_train",
    "not-to-be-found": None,
}
NOT_ASKED_FOR = ("closed", "reserved")
# What pages say of what they show, in a <meta>, and what becomes of that.
PAGES = {
    "page_reserved": (("tdm-reservation", "1"), "opted_out_tdm_reservation_train"),
    "page_noai": (("robots", "noai"), "opted_out_page_robots_train"),
    "page_noimageindex": (("robots", "index, noimageindex"), None),
}
_PLANTED_OF_EACH = 3

_PACKET = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""'
    ' xmlns:plus="http://ns.useplus.org/ldf/xmp/1.0/"'
    ' plus:DataMining="http://ns.useplus.org/ldf/vocab/{value}"/></rdf:RDF></x:xmpmeta>'
    '<?xpacket end="w"?>'
)


def with_wishes(
    planted: Iterable[Planted],
    chosen: Sequence[Picture],
    folder: Path,
    base_url: str,
    rng: random.Random,
) -> Iterator[Planted]:
    """What was planted, and one pair for each value of plus:DataMining in each carrier.

    And one for each signed picture, whose files are all written to `folder`/images; and pictures
    that are there already, by paths of which the site says something, and on pages that do.
    """
    planted = list(planted)
    yield from planted
    right = [pair for pair in planted if pair.kind == "right" and "/images/" in pair.image_url]
    for path, reason in SITE.items():
        for pair in rng.sample(right, min(_PLANTED_OF_EACH, len(right))):
            url = pair.image_url.replace("/images/", f"/{path}/")
            kind = path.replace("-", "_")
            sha256 = None if path in NOT_ASKED_FOR else pair.image_sha256
            yield replace(pair, image_url=url, kind=kind, drop_reason=reason, image_sha256=sha256)
    for kind, (wish, reason) in PAGES.items():
        for pair in rng.sample(right, min(_PLANTED_OF_EACH, len(right))):
            url = f"{pair.image_url}?from={kind}"
            yield replace(pair, image_url=url, kind=kind, drop_reason=reason, page_wish=wish)
    for form, ending in CARRIERS.items():
        for value, reason in DATA_MINING.items():
            picture = rng.choice(chosen)
            name = f"{picture.hexcode}-{value.lower()}.{ending}"
            payload = marked(scenes.scene(picture, rng), form, value)
            (folder / "images" / name).write_bytes(payload)
            if reason is None and form == "GIF":
                reason = "image_format"
            yield _pair(f"{base_url}images/{name}", picture, "data_mining", reason, payload, rng)
    [cat] = (picture for picture in pictures() if picture.hexcode == CAT)
    for name, reason in C2PA.items():
        payload = (SIGNED / name).read_bytes()
        (folder / "images" / name).write_bytes(payload)
        yield _pair(f"{base_url}images/{name}", cat, "signed", reason, payload, rng)


def marked(image: Image.Image, form: str, value: str) -> bytes:
    """The bytes of an image with an XMP packet in which plus:DataMining has a value."""
    packet = _PACKET.format(value=value).encode()
    if form == "GIF":
        return _with_extension(scenes.encoded(image, form), packet)
    told = PngInfo()
    told.add_itxt("XML:com.adobe.xmp", packet.decode())
    buffer = io.BytesIO()
    image.save(buffer, form, quality=85, xmp=packet, pnginfo=told)
    return buffer.getvalue()


def _with_extension(gif: bytes, packet: bytes) -> bytes:
    """A GIF with XMP in an application extension before its first frame, as the standard has it."""
    behind_colours = 13 + 3 * 2 ** (1 + gif[10] % 8)
    trailer = b"\1" + bytes(range(255, -1, -1)) + b"\0"
    extension = b"!\xff\x0bXMP DataXMP" + packet + trailer
    return gif[:behind_colours] + extension + gif[behind_colours:]


def _pair(
    url: str, picture: Picture, kind: str, reason: str | None, payload: bytes, rng: random.Random
) -> Planted:
    language = rng.choice(LANGUAGES)
    return Planted(
        image_url=url,
        caption=caption(language, picture.names[language], rng),
        language=language,
        page_language=language,
        kind=kind,
        drop_reason=reason,
        picture=picture.hexcode,
        image_sha256=hashlib.sha256(payload).hexdigest(),
        sightings=1,
    )
