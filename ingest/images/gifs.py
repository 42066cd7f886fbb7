"""Counts the frames of a GIF."""

from __future__ import annotations

import re

_ZEROS = re.compile(rb"\0+")


def gif_frames(body: bytes, most: int) -> int:
    """How many whole frames a GIF has, by a walk over its blocks that ends soon after `most`.

    Pillow's own count has no bound. It ends, as browsers do, where the blocks do, be it with a
    trailer or without; whether the first frame is whole shows when it is decoded.
    """
    frames = 0
    try:
        at = 13 + _colour_table_bytes(body[10])
        while frames <= most:
            # Some programs write zeros too many.
            if zeros := _ZEROS.match(body, at):
                at = zeros.end()
            is_frame = body[at] == ord(",")
            if is_frame:
                at += 11 + _colour_table_bytes(body[at + 9])
            elif body[at] == ord("!"):
                at += 2
            else:
                break
            while length := body[at]:
                at += 1 + length
            at += 1
            frames += is_frame
    except IndexError:
        pass
    return max(1, frames)


def _colour_table_bytes(flags: int) -> int:
    return 3 * 2 ** (1 + flags % 8) if flags & 0x80 else 0
