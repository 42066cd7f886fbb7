"""Says why a crawl file could not be read: what it seems to be, and which outcome an error is."""

from __future__ import annotations

import aiohttp

from pairlake.ingest.crawl.lists.layout import NotAList
from pairlake.ingest.crawl.stream import NETWORK_ERRORS, GaveUp, underlying
from pairlake.ingest.crawl.wacz import ZIP
from pairlake.ingest.images.formats import picture_format
from pairlake.lake.errors import as_text, in_words

# What files begin with that are often taken for crawl files.
_SEEMS = (
    (ZIP, "it seems to be a zip with no web archive in it"),
    (b"BZh", "it seems to be packed by bzip2; unpack it first"),
    (b"\xfd7zXZ", "it seems to be packed by xz; unpack it first"),
    (b"7z\xbc\xaf", "it seems to be a 7z archive; unpack it first"),
    (b"<", "it seems to be HTML or XML"),
    (b"version https://git-lfs", "it is a pointer of Git LFS; git lfs pull brings the file"),
    (b" CDX ", "it seems to be the index of web archives; name those themselves"),
)


class NotACrawlFile(Exception):
    """The file holds nothing of what a crawl file holds."""


def what_it_is(head: bytes, error: str | None) -> str:
    """Why a file is none of those that are read."""
    if not head and not error:
        return "neither WARC, ARC nor WAT, nor a list: it is empty"
    seems = next((words for magic, words in _SEEMS if head.startswith(magic)), error)
    if picture_format(head):
        seems = "it is a picture; give the folder that it is in, or a tar"
    return f"neither WARC, ARC nor WAT, nor a list: {seems}"


def failure(error: BaseException) -> tuple[str, str]:
    """The outcome that an error is, `failed` if nobody foresaw it, and the words for it."""
    if isinstance(error, GaveUp) and error.__cause__:
        error = error.__cause__
    error = underlying(error)
    words = in_words(error)
    if isinstance(error, aiohttp.ClientResponseError):
        return ("not_found" if error.status in (404, 410) else "http_error"), words
    if isinstance(error, FileNotFoundError):
        return "not_found", words
    if isinstance(error, NotACrawlFile | NotAList):
        return "unreadable", as_text(str(error))
    if isinstance(error, NETWORK_ERRORS):
        return "network_error", words
    is_foreseen = isinstance(error, aiohttp.ClientError | OSError | GaveUp)
    return ("unreadable" if is_foreseen else "failed"), words
