"""Walks over the segments of a JPEG, and leaves of it what its pixels need."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile

SEQUENTIAL, PROGRESSIVE, ARITHMETIC = (0xC0, 0xC1), (0xC2,), (0xC9, 0xCA)
DHT, SOS = 0xC4, 0xDA
_DAC, _EOI, _DQT, _DRI, _APP0, _APP1, _APP2, _APP14 = (
    0xCC, 0xD9, 0xDB, 0xDD, 0xE0, 0xE1, 0xE2, 0xEE,
)  # fmt: skip
_FRAMES = tuple(set(range(0xC0, 0xD0)) - {DHT, 0xC8, _DAC})
# Extended metadata takes hundreds.
MAX_SEGMENTS = 10_000
# Begins a segment or ends the picture; the others stand alone, as the restarts amid coded pixels.
MARKER = re.compile(rb"\xff[^\0\x01\xd0-\xd8\xff]")


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A part of a JPEG from `start` to `end`: a marker, its content, and of a scan coded pixels."""

    marker: int
    content: bytes
    start: int
    coded: int
    end: int


@dataclass(frozen=True, kw_only=True)
class Jpeg:
    """A JPEG of pixels alone, `plain`, and what else is to be known of the picture."""

    plain: bytes
    scans: int
    exif: bytes
    profile: bytes


def segments(body: bytes) -> Iterator[Segment]:
    """The segments of a JPEG up to its end, whatever stands between and behind them."""
    at = 2
    for _ in range(MAX_SEGMENTS):
        found = MARKER.search(body, at)
        if found is None:
            return
        start, marker = found.start(), body[found.end() - 1]
        at = coded = found.end()
        if marker != _EOI:
            coded += max(2, int.from_bytes(body[at : at + 2]))
            at = min(coded, len(body))
        if marker == SOS:
            following = MARKER.search(body, at)
            at = following.start() if following else len(body)
        content = body[start + 4 : coded]
        yield Segment(marker=marker, content=content, start=start, coded=coded, end=at)
        if marker == _EOI:
            return
    raise ValueError(f"more than {MAX_SEGMENTS} segments")


def read(body: bytes) -> Jpeg:
    """The JPEG up to its end; ValueError where it has none, and pixels are missing.

    What does not touch the pixels is left out, since decoders take odd metadata for damage.
    """
    parts = list(segments(body))
    frame = next((part for part in parts if part.marker in _FRAMES), None)
    scans = [part.content for part in parts if part.marker == SOS]
    if frame is None or not scans:
        raise ValueError("a JPEG without pixels")
    if parts[-1].marker != _EOI and not _is_complete(frame, scans):
        raise ValueError("the JPEG is cut off")
    # What is said of a picture once its pixels have begun, no decoder hears.
    before = list(takewhile(lambda part: part.marker != SOS, parts))
    jfif = _first(before, _APP0, b"JFIF\0", 14)
    # Of several, decoders go by the last.
    adobe = _first(reversed(before), _APP14, b"Adobe", 12)
    kept = [b"\xff\xd8", *_colours(frame, jfif, adobe)]
    for part in parts:
        if part.marker in (*_FRAMES, DHT, _DAC, _DQT, _DRI):
            kept.append(body[part.start : part.end])
        elif part.marker == SOS:
            kept += [*_scan_header(body, part, frame), body[part.coded : part.end]]
    return Jpeg(
        plain=b"".join([*kept, b"\xff\xd9"]),
        scans=len(scans),
        # A byte follows the name, whatever it is.
        exif=_first(before, _APP1, b"Exif\0")[6:],
        profile=_profile(before),
    )


def _first(parts: Iterable[Segment], marker: int, name: bytes, least: int = 0) -> bytes:
    """The content of the first segment of that name, at least so long; nothing if there is none."""
    named = (p.content for p in parts if p.marker == marker and p.content.startswith(name))
    return next((content for content in named if len(content) >= least), b"")


def _is_complete(frame: Segment, scans: Sequence[bytes]) -> bool:
    """Whether the scans bring every coefficient of every colour, to its last bit."""
    brought: defaultdict[int, set[int]] = defaultdict(set)
    for scan in scans:
        colours = scan[0]
        first, last, bits = scan[1 + 2 * colours : 4 + 2 * colours]
        if frame.marker in SEQUENTIAL:
            first, last, bits = 0, 63, 0
        if bits & 0x0F == 0:
            for colour in scan[1 : 1 + 2 * colours : 2]:
                brought[colour].update(range(first, last + 1))
    return all(len(brought[colour]) == 64 for colour in frame.content[6::3])


def _colours(frame: Segment, jfif: bytes, adobe: bytes) -> Iterator[bytes]:
    """What the pixels' colours are, in the words that decoders know; they guess at others."""
    if jfif:
        yield b"\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0"
    if adobe:
        # As RGB or CMYK, or as brightness and colour: most are the latter.
        plain, usual = 0, {4: 2}.get(frame.content[5], 1)
        transform = adobe[11] if adobe[11] in (plain, usual) else usual
        yield b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0" + bytes([transform])


def _scan_header(body: bytes, scan: Segment, frame: Segment) -> Iterator[bytes]:
    if frame.marker in SEQUENTIAL:
        # All coefficients at once: there is no other way, but some phones write zeros.
        yield body[scan.start : scan.coded - 3] + b"\0\x3f\0"
    else:
        yield body[scan.start : scan.coded]


def _profile(parts: Sequence[Segment]) -> bytes:
    """The colour profile, which stands in pieces; none if one is missing."""
    pieces: dict[int, bytes] = {}
    name = b"ICC_PROFILE\0"
    for part in parts:
        if part.marker == _APP2 and part.content.startswith(name) and len(part.content) > 14:
            number, count = part.content[12:14]
            pieces.setdefault(number, part.content[14:])
    if not pieces or sorted(pieces) != list(range(1, count + 1)):
        return b""
    return b"".join(pieces[number] for number in sorted(pieces))
