"""Turns what a page holds in `src` into the absolute URL that a browser would ask for."""

from __future__ import annotations

import re
from urllib.parse import urljoin, urlsplit, urlunsplit

# LAION's bound; longer ones are data in disguise.
MAX_URL_CHARS = 2_000

# What browsers strip from both ends of a URL, and what they drop within it (WHATWG URL, 4.4).
_ENDS = "".join(map(chr, range(0x21)))
_DROPPED = str.maketrans("", "", "\t\n\r")
_UNUSABLE = re.compile(r"[\x00-\x20\x7f-\x9f]")

# URLs in which joining and splitting would change nothing, which are most: to see that takes a
# tenth of the time. What could be mended, dropped or refused does not match.
_PLAIN = re.compile(
    r"https?://[a-z0-9.-]*[a-z0-9](?::[0-9]+)?/[^\x00-\x20#?;\x7f-\x9f]*"
    r"(?:\?[^\x00-\x20#\x7f-\x9f]+)?"
)


def _is_plain(url: str) -> bool:
    """Whether nothing has to be done to an absolute URL; its path has no `//`, `/./` or `/../`."""
    return (
        len(url) <= MAX_URL_CHARS
        and "/." not in url
        and url.find("//", len("https://")) < 0
        and _PLAIN.fullmatch(url) is not None
    )


class Base:
    """What the URLs of one page are relative to: its own URL, or what its <base> makes of it."""

    def __init__(self, url: str) -> None:
        try:
            urlsplit(url)
        except ValueError:
            url = ""  # what is whole in itself can still be had
        self._url = url
        self._scheme = self._origin = self._folder = ""
        if _is_plain(url):
            self._scheme = url[: url.index("/")]
            self._origin = url[: url.index("/", 8)]
            self._folder = url.partition("?")[0].rpartition("/")[0] + "/"

    def join(self, src: str) -> str | None:
        """`src` as an absolute URL without its fragment, host in lower case; None if of no use.

        Of use is an http or https URL with a host, of at most 2,000 characters. Spaces are
        escaped as browsers do; nothing else is, so that the URL stays the one that other datasets
        know.
        """
        if not src.isprintable():
            src = src.strip(_ENDS).translate(_DROPPED)
        if " " in src:
            src = src.strip(" ").replace(" ", "%20")
        if "&" in src:
            src = src.replace("&amp;", "&")
        url = self._appended(src)
        return url if _is_plain(url) else _joined(src, self._url)

    def _appended(self, src: str) -> str:
        if src.startswith("//"):
            return self._scheme + src
        if src.startswith("/"):
            return self._origin + src
        # A colon may end a scheme; what begins with these is more than a name below the folder.
        return src if ":" in src or src[:1] in "?#.;" else self._folder + src


def absolute_url(src: str, base: str) -> str | None:
    """`Base(base).join(src)`, for one URL."""
    return Base(base).join(src)


def _joined(src: str, base: str) -> str | None:
    if not src or src.startswith("#") or len(src) > MAX_URL_CHARS:
        return None
    try:
        scheme, netloc, path, query, _ = urlsplit(urljoin(base, src))
        host = urlsplit(f"//{netloc}").hostname
    except ValueError:
        return None
    if scheme not in ("http", "https") or not host:
        return None
    login, at, place = netloc.rpartition("@")
    url = urlunsplit((scheme, login + at + place.lower(), path or "/", query, ""))
    return None if len(url) > MAX_URL_CHARS or _UNUSABLE.search(url) else url
