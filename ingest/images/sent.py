"""Makes of a picture that a visitor sends what would be kept of it, so that it finds its like.

One at a time, in a process with so much memory, which is gone if a picture takes more or too long.
"""

from __future__ import annotations

import signal
from concurrent.futures.process import BrokenProcessPool
from functools import cached_property
from threading import Lock

from pairlake.ingest.images.picture import Unusable
from pairlake.lake.errors import BadRequest
from pairlake.lake.processes import WorkerPool, limit_memory

MOST_PIXELS = 16_000_000  # a picture to search by is a photograph at most
# A picture of so many pixels takes some 250 MB and a second.
MEMORY_BYTES = 512_000_000
DECODE_SECONDS = 10


class Sent:
    """The process that decodes: it begins with the first picture, and anew after a deadly one."""

    def __init__(self, *, side: int) -> None:
        """`side` is the short side, in pixels, of what is kept of pictures."""
        self._side = side
        self._turn = Lock()

    def start(self) -> None:
        """Begin the process now, so that the first picture need not wait for it."""
        with self._turn:
            self._pool.submit(_begin).result()

    def kept(self, body: bytes) -> bytes:
        """The pixels, as a JPEG; BadRequest if the bytes are no picture that `fetch` would keep."""
        with self._turn:
            try:
                return self._pool.submit(_kept, body, self._side).result()
            except BrokenProcessPool as error:
                self._pool.end()
                del self._pool
                raise BadRequest(
                    "The picture cannot be read: its decoder died of it; send another one."
                ) from error

    @cached_property
    def _pool(self) -> WorkerPool:
        return WorkerPool(1)


def _begin() -> None:
    # Here and below alone, since the server need not carry what decodes.
    import pairlake.ingest.images.pixels  # noqa: F401


def _kept(body: bytes, side: int) -> bytes:
    from pairlake.ingest.images.formats import DECODED
    from pairlake.ingest.images.pixels import prepare

    limit_memory(MEMORY_BYTES)
    # The alarm is not handled: it kills, also in the midst of a decoder's C.
    signal.alarm(DECODE_SECONDS)
    try:
        made = prepare(body, side, most_pixels=MOST_PIXELS)
    finally:
        signal.alarm(0)
    if not isinstance(made, Unusable):
        return made.pixels
    if made.outcome == "too_many_pixels":
        raise BadRequest(f"The picture has more than {MOST_PIXELS:,} pixels; send a smaller one.")
    *most, last = DECODED.values()
    raise BadRequest(
        f"The picture cannot be read ({made.outcome}); send a whole {', '.join(most)} or {last}."
    )
