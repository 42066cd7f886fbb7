"""Turns what a page holds in `src` into the absolute URL that a browser would ask for."""

from __future__ import annotations

import re

from ada_url import join_url, normalize_url

# LAION's bound; longer ones are data in disguise.
MAX_URL_CHARS = 2_000

# What the standard strips from both ends of a URL, and what it drops within (WHATWG URL, 4.4).
_ENDS = "".join(map(chr, range(0x21)))
_DROPPED = str.maketrans("", "", "\t\n\r")

# URLs that the standard leaves as they are, but for escapes, which are most: to see that takes a
# tenth of the time. Their host is no address and no punycode, their port no default.
_PLAIN = re.compile(
    r"https?://(?:[a-z0-9._-]*\.)?[a-z][a-z0-9_-]*(?::(?!80/|443/)[1-9][0-9]{0,3})?"
    r"/[^\x00-\x20#?\\\x7f-\x9f\ud800-\udfff]*(?:\?[^\x00-\x20#\x7f-\x9f\ud800-\udfff]*)?"
)

# What the standard escapes in a path or a query, less spaces and controls, which we escape too:
# all else stays as it is written. `~` is not escaped; it marks the others while they are joined.
_AS_WRITTEN = re.compile("[\"'<>^`{|}~\xa0-\ud7ff\ue000-\U0010ffff]")
_MARK = re.compile("~([0-9a-f]+)~")


def _is_plain(url: str) -> bool:
    """Whether nothing has to be done to an absolute URL; its path has no `/.` or `/..`."""
    return (
        len(url) <= MAX_URL_CHARS
        and "/." not in url
        and "/%2" not in url
        and "xn--" not in url
        and _PLAIN.fullmatch(url) is not None
    )


class Base:
    """What the URLs of one page are relative to: its own URL, or what its <base> makes of it."""

    def __init__(self, url: str) -> None:
        # Without one, what is whole in itself still has an address.
        is_plain = _is_plain(url)
        self._url = url if is_plain else _resolved(url, "") or ""
        self._scheme = self._origin = self._folder = ""
        if is_plain or _is_plain(self._url):
            self._scheme = self._url[: self._url.index("/")]
            self._origin = self._url[: self._url.index("/", len("http://x"))]
            self._folder = self._url.partition("?")[0].rpartition("/")[0] + "/"

    def join(self, src: str) -> str | None:
        """`src` as an absolute URL without its fragment; None if of no use.

        Of use is an http or https URL of at most 2,000 characters. Scheme, host, port and dot
        segments are as the URL standard has them; of the rest spaces and controls are escaped and
        nothing else is, so that the URL stays the one that other datasets know.
        """
        if src.startswith("data:"):
            return None
        if not src.isprintable():
            src = src.strip(_ENDS).translate(_DROPPED)
        if " " in src:
            src = src.strip(" ").replace(" ", "%20")
        asked = src.partition("#")[0] if "#" in src else src
        url = self._appended(asked)
        if _is_plain(url):
            return url
        resolved = _resolved(src, self._url) if 0 < len(asked) <= MAX_URL_CHARS else None
        return resolved if resolved and len(resolved) <= MAX_URL_CHARS else None

    def _appended(self, src: str) -> str:
        if src.startswith("//"):
            return self._scheme + src
        if src.startswith("/"):
            return self._origin + src
        # A colon may end a scheme; a query alone takes the place of the base's.
        return src if not src or ":" in src or src[0] == "?" else self._folder + src


def absolute_url(src: str, base: str) -> str | None:
    """`Base(base).join(src)`, for one URL."""
    return Base(base).join(src)


def without_brackets(uri: str) -> str:
    """A record's URI; Wget, and WARC 0.18, put it in angle brackets."""
    return uri[1:-1] if uri.startswith("<") and uri.endswith(">") else uri


def _resolved(src: str, base: str) -> str | None:
    """`src` by the standard, with the path and the query as they are written."""
    try:
        url = _by_the_standard(src, base)
        if not url.startswith(("http://", "https://")):
            return None
        if _AS_WRITTEN.search(src) or _AS_WRITTEN.search(base):
            marked = _by_the_standard(_marked(src), _marked(base))
            url = _origin(url) + _MARK.sub(_unmarked, marked.removeprefix(_origin(marked)))
    except ValueError:
        return None
    return url


def _by_the_standard(src: str, base: str) -> str:
    url = join_url(base, src) if base else normalize_url(src)
    return url.partition("#")[0]


def _marked(text: str) -> str:
    return _AS_WRITTEN.sub(lambda found: f"~{ord(found[0]):x}~", text)


def _unmarked(mark: re.Match[str]) -> str:
    return chr(int(mark[1], 16))


def _origin(url: str) -> str:
    return url[: url.index("/", len("https://"))]
