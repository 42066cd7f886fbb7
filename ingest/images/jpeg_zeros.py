"""Finds zeros amid the coded pixels of a JPEG, which its decoders take for pixels."""

from __future__ import annotations

import re

# So long a stretch of zeros occurs in the coded pixels of a JPEG only where `is_zeroed` allows it.
_ZEROS = bytes(16)
# Ends the coded pixels of a scan: a marker other than the restarts within it.
_MARKER = re.compile(rb"\xff[^\0\xd0-\xd7\xff]")
_DHT, _SOS, _EOI = 0xC4, 0xDA, 0xD9
# The markers of frames by their coding.
_SEQUENTIAL, _PROGRESSIVE, _ARITHMETIC = (0xC0, 0xC1), (0xC2,), (0xC9, 0xCA)


def is_zeroed(body: bytes) -> bool:
    """Whether a stretch of the coded pixels of a whole JPEG was overwritten with zeros.

    Bits of zero stand for the first entries of the Huffman tables, over and over. Where that is
    "nothing more in this block", as often in drawings, they are an even area. Where it is a
    coefficient, they are block after block full of it to the finest, which no picture is.
    """
    if _ZEROS not in body:
        return False
    firsts: dict[int, int] = {}
    frame = 0
    at = 2
    while True:
        # Markers may be preceded by any number of 0xff.
        while body[at + 1] == 0xFF:
            at += 1
        marker, start = body[at + 1], at + 4
        if marker == _EOI:
            return False
        at += 2 + int.from_bytes(body[at + 2 : start])
        segment = body[start:at]
        if marker in _SEQUENTIAL + _PROGRESSIVE + _ARITHMETIC:
            frame = marker
        elif marker == _DHT:
            firsts |= _first_entries(segment)
        elif marker == _SOS:
            end = _next_marker(body, at)
            if body.find(_ZEROS, at, end) >= 0 and not _may_be_even(segment, firsts, frame):
                return True
            at = end


def _first_entries(tables: bytes) -> dict[int, int]:
    """The first entry of each Huffman table in a segment, by the table's class and number."""
    firsts = {}
    at = 0
    while at < len(tables):
        firsts[tables[at]] = tables[at + 17]
        at += 17 + sum(tables[at + 1 : at + 17])
    return firsts


def _next_marker(body: bytes, at: int) -> int:
    marker = _MARKER.search(body, at)
    return marker.start() if marker else len(body)


def _may_be_even(scan: bytes, firsts: dict[int, int], frame: int) -> bool:
    """Whether zeros in a scan may be an even area, by its header and the Huffman tables."""
    if frame in _ARITHMETIC:
        return True
    components = scan[0]
    first, last, approximation = scan[1 + 2 * components : 4 + 2 * components]
    if frame in _PROGRESSIVE and (first == 0 or last < 63 or approximation >= 0x10):
        # Averages of blocks, a few coarse coefficients that a pattern may repeat, or single bits.
        return True
    # Of an entry's two halves, the second is the length of a coefficient, 0 if there is none.
    tables = (0x10 | scan[2 + 2 * i] & 0x0F for i in range(components))
    return all(firsts.get(table, 0) & 0x0F == 0 for table in tables)
