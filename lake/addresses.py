"""Gives all spellings that mean the same URL, or the same host, one spelling to be compared by."""

from __future__ import annotations

import re

from ada_url import normalize_url

# URLs that are spelled so already, in SQL: most. Their host is no address, their port the default.
_PLAIN_HOST = "(?:[a-z0-9_-]+[.])*[a-z][a-z0-9_-]*"
_PLAIN_URL = f"https?://{_PLAIN_HOST}/[!\\x22$&-\\[\\]-~]*"
# Those that ada leaves as they are, which is a tenth of the work to see: they may have escapes.
_STANDARD = re.compile(_PLAIN_URL.replace("$&-", "$-"))
# A URL as the standard writes it.
_PARTS = re.compile(
    r"(?P<scheme>[^:]+://)(?:[^/?#@]*@)?(?P<host>\[[^\]]*\]|[^/?#:]+)(?P<port>(?::[0-9]+)?)"
    r"(?P<rest>[^#]*)(?:#.*)?"
)

# `%`, and what has a meaning of its own in a path and in a query, which its escape has not.
_OF_PATH, _OF_QUERY = frozenset("%/?#\\"), frozenset("%#&=+;")
_ESCAPE = re.compile("%(?:([0-9A-Fa-f]{2}))?")


def is_plain_url(column: str) -> str:
    """The condition in SQL that `same_url` leaves a URL as it is."""
    return (
        f"(regexp_full_match({column}, '{_PLAIN_URL}') and not contains({column}, '/.') "
        f"and not contains({column}, '&amp;') and not suffix({column}, '?'))"
    )


def is_plain_host(column: str) -> str:
    """The condition in SQL that `same_host` leaves a host as it is."""
    return f"regexp_full_match({column}, '{_PLAIN_HOST}')"


def same_url(url: str) -> str:
    """A URL's one spelling: by the URL standard, without user, fragment and empty query.

    Its host has no last dot, and as little is escaped as means the same. What the standard does not
    take for a URL stays as it is, but for the space around it.
    """
    text = url.replace("&amp;", "&")
    if _STANDARD.fullmatch(text) is None or "/." in text or "/%2" in text:
        try:
            parts = _PARTS.fullmatch(normalize_url(text))
        except ValueError:
            parts = None
        if parts is None:
            return url.strip()
        text = f"{parts['scheme']}{parts['host'].rstrip('.')}{parts['port']}{parts['rest']}"
    path, mark, query = text.partition("?")
    return _unescaped(path, _OF_PATH) + mark * bool(query) + _unescaped(query, _OF_QUERY)


def same_host(host: str) -> str:
    """A host's one spelling: in lower case, in ASCII, without a last dot; an address in figures."""
    text = host.strip().strip(".")
    try:
        parts = _PARTS.fullmatch(normalize_url(f"http://{text}/"))
    except ValueError:
        parts = None
    return (parts["host"] if parts else text.lower()).strip(".")


def _unescaped(text: str, kept: frozenset[str]) -> str:
    """`text` with as few escapes as it takes to mean the same."""

    def meant(escape: re.Match[str]) -> str:
        if escape[1] is None:
            return "%25"
        character = chr(int(escape[1], 16))
        is_free = "!" <= character <= "~" and character not in kept
        return character if is_free else escape[0].upper()

    return _ESCAPE.sub(meant, text) if "%" in text else text
