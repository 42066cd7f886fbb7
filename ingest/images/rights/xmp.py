"""Reads properties out of XMP packets, by expat and with bounds: what is hostile costs little."""

from __future__ import annotations

from collections.abc import Iterator
from xml.parsers import expat

from pairlake.ingest.images.rights.names import XMP

MAX_NODES = 5_000
_RESOURCE = "http://www.w3.org/1999/02/22-rdf-syntax-ns# resource"
# What the pictures say that this one was made from, which says nothing of it.
_PANTRY, _OF_OTHERS = "http://ns.adobe.com/xap/1.0/mm/ Pantry", ""


def in_xmp(packet: bytes) -> Iterator[tuple[str, str]]:
    """Properties and values of one packet, in whichever of RDF's forms they are written.

    As attributes, as texts, as resources, and in lists one by one; also within a structure, as
    plus:LicensorURL is, but for xmpMM:Pantry. Raises ValueError or ExpatError behind those that
    stand before damage, a document type, or more than MAX_NODES elements and attributes.
    """
    reading = _Reading()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = reading.start
    parser.EndElementHandler = reading.end
    parser.CharacterDataHandler = reading.text
    parser.StartDoctypeDeclHandler = reading.refuse
    damage = None
    try:
        parser.Parse(packet.strip(b"\0 \t\r\n"), True)
    except (ValueError, expat.ExpatError) as error:
        damage = error
    yield from reading.found
    if damage is not None:
        raise damage


class _Reading:
    """What has been found in a packet so far, and where in it the parser is."""

    def __init__(self) -> None:
        self.found: list[tuple[str, str]] = []
        self._nodes = 0
        # Of each element that is open, the property to which its text belongs.
        self._open: list[str | None] = [None]
        self._texts: list[str] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._nodes += 1 + len(attributes)
        if self._nodes > MAX_NODES:
            raise ValueError(f"more than {MAX_NODES:,} nodes")
        self._take_text()
        within = self._open[-1]
        if within != _OF_OTHERS:
            within = _OF_OTHERS if name == _PANTRY else XMP.get(name, within)
        self._open.append(within)
        if within == _OF_OTHERS:
            return
        for attribute, value in attributes.items():
            if attribute in XMP:
                self.found.append((XMP[attribute], value))
            elif within and attribute == _RESOURCE:
                self.found.append((within, value))

    def end(self, _: str) -> None:
        self._take_text()
        self._open.pop()

    def text(self, text: str) -> None:
        if self._open[-1]:
            self._texts.append(text)

    def refuse(self, *_: object) -> None:
        # Entities are declared in it, which grow to any size or name a file.
        raise ValueError("a document type")

    def _take_text(self) -> None:
        within = self._open[-1]
        if within and self._texts:
            self.found.append((within, "".join(self._texts)))
            self._texts = []
