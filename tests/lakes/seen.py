"""The pairs of a lake that is to be frozen, and what was found of each."""

from __future__ import annotations

import csv
import hashlib
import io
import random
import uuid
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, partial

from PIL import Image

from pairlake.lake.keys import image_id, text_id
from pairlake.lake.project import ROOT

NOON = datetime(2026, 1, 1, 12)


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One pair that a crawl saw, and the picture that was found of it."""

    caption: str
    url: str = ""
    outcome: str = "ok"
    shows: str = ""
    hashed_like: str = ""  # what a picture shows whose hash is nearly this one's
    width: int = 640
    height: int = 480
    format: str = "jpeg"
    language: str | None = "en"
    page: str = "https://pages.example/1"
    attempted_at: datetime = NOON
    is_sure: bool = False  # every model gives it a good score

    @property
    def image_url(self) -> str:
        return self.url or f"https://pictures.example/{self.caption.replace(' ', '-')}"

    @cached_property
    def picture(self) -> bytes:
        colours = text_id(self.shows or self.caption).bytes[:12]
        file = io.BytesIO()
        Image.frombytes("RGB", (2, 2), colours).resize((16, 12)).save(file, self.format)
        return file.getvalue()

    @property
    def sha256(self) -> bytes:
        return hashlib.sha256(self.picture).digest()

    @property
    def image_id(self) -> uuid.UUID:
        return image_id(self.sha256)

    @property
    def phash(self) -> int:
        """As many ones as zeros, since a hash of a flat picture says nothing."""
        ones = random.Random(self.hashed_like or self.shows or self.caption).sample(range(64), 32)
        if self.hashed_like:
            ones[0] = min(set(range(64)) - set(ones))
        return int.from_bytes(sum(1 << bit for bit in ones).to_bytes(8), signed=True)


def _outcomes() -> list[str]:
    with (ROOT / "models" / "seeds" / "download_outcomes.csv").open() as file:
        return [row["outcome"] for row in csv.DictReader(file) if row["outcome"] != "ok"]


ORDINARY = tuple(
    Seen(caption=f"{number} boats on a lake", language=("en", "en", "de", "fr", None)[number % 5])
    for number in range(40)
)
FAILED = tuple(Seen(caption=f"answered by {name}", outcome=name) for name in _outcomes())
_sure = partial(Seen, is_sure=True)
NEIGHBOURS = (_sure(caption="the neighbour of another"), _sure(caption="the other of the two"))
ALIKE = (
    _sure(caption="one of two captions", url="https://p.example/1"),
    _sure(caption="two of two captions", url="https://p.example/1"),
    _sure(caption="shown here", shows="twice"),
    _sure(caption="shown there", shows="twice"),
    _sure(caption="with a hash"),
    _sure(caption="with nearly that hash", hashed_like="with a hash"),
    *NEIGHBOURS,
)
UNWANTED = (
    Seen(caption="an animation", format="gif"),
    Seen(caption="a banner", width=2_000, height=200),
    Seen(caption="from a disk", url="file://disk.example/a.jpg"),
    Seen(caption="two words"),
    Seen(caption="four"),
)
FORGOTTEN = (
    Seen(caption="a forgotten caption"),
    Seen(caption="at a forgotten URL", url="https://p.example/forgotten"),
    Seen(caption="on a forgotten domain", url="https://www.forgotten.example/a.jpg"),
    Seen(caption="on a forgotten page", page="https://pages.example/forgotten"),
    Seen(caption="with a forgotten picture"),
)
# Asked for again, and what comes of it; the first shows something else by then.
AGAIN = {
    Seen(caption="a picture that changes"): "ok",
    Seen(caption="a picture that goes"): "not_found",
    Seen(caption="a picture that is late"): "timeout",
    Seen(caption="a picture that is no longer to be used"): "opted_out_tdmrep",
}
FIRST = (*ORDINARY, *FAILED, *ALIKE, *UNWANTED, *FORGOTTEN, *AGAIN)
LATER = (
    *(Seen(caption=f"{number} boats in a harbour") for number in range(12)),
    Seen(caption="a third caption of it", url="https://p.example/1"),
    Seen(caption="shown by a later crawl", shows="twice"),
)
# Forgotten when all else has landed, and not yet erased.
FORGOTTEN_LATER = ORDINARY[5]
