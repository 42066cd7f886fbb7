"""Finds zeros amid the coded pixels of a JPEG, which its decoders take for pixels."""

from __future__ import annotations

from pairlake.ingest.images.jpeg_segments import (
    ARITHMETIC,
    DHT,
    PROGRESSIVE,
    SEQUENTIAL,
    SOS,
    segments,
)

# So long a stretch of zeros occurs in the coded pixels of a JPEG only where `is_zeroed` allows it.
_ZEROS = bytes(16)


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
    for part in segments(body):
        if part.marker in SEQUENTIAL + PROGRESSIVE + ARITHMETIC:
            frame = part.marker
        elif part.marker == DHT:
            firsts |= _first_entries(part.content)
        elif part.marker == SOS:
            zeroed = body.find(_ZEROS, part.coded, part.end) >= 0
            if zeroed and not _may_be_even(part.content, firsts, frame):
                return True
    return False


def _first_entries(tables: bytes) -> dict[int, int]:
    """The first entry of each Huffman table in a segment, by the table's class and number."""
    firsts = {}
    at = 0
    while at < len(tables):
        firsts[tables[at]] = tables[at + 17]
        at += 17 + sum(tables[at + 1 : at + 17])
    return firsts


def _may_be_even(scan: bytes, firsts: dict[int, int], frame: int) -> bool:
    """Whether zeros in a scan may be an even area, by its header and the Huffman tables."""
    if frame in ARITHMETIC:
        return True
    components = scan[0]
    first, last, approximation = scan[1 + 2 * components : 4 + 2 * components]
    if frame in PROGRESSIVE and (first == 0 or last < 63 or approximation >= 0x10):
        # Averages of blocks, a few coarse coefficients that a pattern may repeat, or single bits.
        return True
    # Of an entry's two halves, the second is the length of a coefficient, 0 if there is none.
    tables = (0x10 | scan[2 + 2 * i] & 0x0F for i in range(components))
    return all(firsts.get(table, 0) & 0x0F == 0 for table in tables)
