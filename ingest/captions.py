"""Cleans alt text into captions. What it does decides caption_id and pair_id.

A change here is a migration: raise CLEANING_VERSION, which stands on every crawl file.
"""

from __future__ import annotations

import html
import re

import ftfy

CLEANING_VERSION = 1
MAX_CAPTION_CHARS = 2_000

# Alt text may be megabytes long; an entity of ten characters may stand for one of the caption.
_MAX_ALT_CHARS = 10 * MAX_CAPTION_CHARS
# Each round can uncover the work of the next: an entity within mojibake within an entity.
_MAX_ROUNDS = 8

# Controls, and the invisible characters that change what a reader sees: zero-width space, marks
# and overrides of direction, soft hyphen, byte order mark, tags, lone surrogates, noncharacters.
# The joiners U+200C and U+200D stay: Persian and emoji need them.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e"
    "\u2060-\u206f\ufdd0-\ufdef\ufeff\ufff0-\ufffb\ufffe\uffff\ud800-\udfff"
    "\U000e0000-\U000e007f]"
)


def clean_caption(alt: str) -> str:
    """The caption of an alt text: at most 2,000 characters on one line, '' if nothing is left.

    Entities are decoded, broken encodings mended (ftfy, as LAION did), invisible characters taken
    out, white space folded. Cleaning a caption again gives the same caption.
    """
    text = _once(alt[:_MAX_ALT_CHARS])
    if text.isascii() and "&" not in text:
        return text
    for _ in range(_MAX_ROUNDS):
        again = _once(text)
        if again == text:
            break
        text = again
    return text


def _once(text: str) -> str:
    if "&" in text:
        text = html.unescape(text)
    if not text.isascii():
        text = ftfy.fix_text(text)
    if not text.isprintable():
        text = _INVISIBLE.sub("", text)
    # Cut at the start too: what is cut off must not be able to change the rest in a next round.
    return " ".join(text.split())[:MAX_CAPTION_CHARS].rstrip()
