"""Tells the format of a picture from its first bytes, and which formats are decoded."""

from __future__ import annotations

import re

from PIL import features

# What is decoded, with its name for people.
DECODED = {"jpeg": "JPEG", "png": "PNG", "webp": "WebP", "gif": "GIF", "bmp": "BMP"}
if features.check("avif"):
    DECODED["avif"] = "AVIF"

_MAGIC = (
    ("jpeg", re.compile(rb"\xff\xd8\xff")),
    ("png", re.compile(rb"\x89PNG\r\n\x1a\n")),
    ("webp", re.compile(rb"RIFF....WEBP", re.DOTALL)),
    ("gif", re.compile(rb"GIF8[79]a")),
    # The size of its second header, which is 12 to 124 bytes.
    ("bmp", re.compile(rb"BM.{12}[\x0c-\x7c]\0{3}", re.DOTALL)),
    ("tiff", re.compile(rb"II\x2a\0|MM\0\x2a")),
    # Icons and cursors, with how many of them there are.
    ("ico", re.compile(rb"\0\0[\1\2]\0[^\0]\0")),
    ("psd", re.compile(rb"8BPS")),
    ("jxl", re.compile(rb"\xff\x0a|\0{3}\x0cJXL ")),
    ("jp2", re.compile(rb"\0{3}\x0cjP {2}|\xff\x4f\xff\x51")),
    # The brand, or for those of the family one of the brands beside it.
    ("avif", re.compile(rb".{4}ftyp(?:(?:mif1|msf1|miaf).{4}(?:.{4}){0,20}?)?avi[fs]", re.DOTALL)),
    ("heic", re.compile(rb".{4}ftyp(?:hei|hev|mif1|msf1)", re.DOTALL)),
    # Before it may stand what XML is, comments and entities, but no page that has one within.
    (
        "svg",
        re.compile(
            rb"(?:\xef\xbb\xbf)?\s*(?:(?=<[?!])(?:(?!<html|<!doctype html).){0,4000}?)?<svg[\s>]",
            re.DOTALL | re.IGNORECASE,
        ),
    ),
)


def picture_format(body: bytes) -> str | None:
    """The image format that the first bytes announce, whatever any header says; None if none."""
    return next((name for name, magic in _MAGIC if magic.match(body)), None)
