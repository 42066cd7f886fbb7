"""Reads the lines of a robots.txt that hold for us, in whatever spelling they are plain."""

from __future__ import annotations

import re
from functools import lru_cache

# RFC 9309, 2.5: crawlers read at least 500 KiB.
MAX_ROBOTS_BYTES = 512 * 1024
# By their letters, none doubled, so that `User agent` and `Dissallow` are among them; and the
# misspellings that Google's parser knows, with some like them.
_FIELDS = {
    "useragent": "User-agent",
    "useragents": "User-agent",
    "alow": "Allow",
    **dict.fromkeys(
        ["disalow", "diaslow", "disalaw", "dislow", "dialow", "dsialow", "disalo", "disalows"],
        "Disallow",
    ),
    "disalowed": "Disallow",
    "crawldelay": "Crawl-delay",
    "contentusage": "Content-Usage",
    "contentsignal": "Content-Signal",
    "contentsignals": "Content-Signal",
}
# A longer one is none of these.
_MAX_FIELD_CHARS = 24
_FIELD = re.compile(r"[a-z](?:[a-z_\s-]*[a-z])?")
_COLON = re.compile("[:\uff1a]")
_BLANKS = re.compile(r"[\W_]+")
_DOUBLED = re.compile(r"(.)\1+")
# RSL 1.0: an absolute URL, and for every crawler, wherever it stands.
_LICENSE = re.compile(r"(?:^|[\r\n])[ \t]*license[ \t]*:[ \t]*(https?://[^\s#]+)", re.IGNORECASE)
_MOST_LICENSES = 16
# Content-Usage and Content-Signal may hold for a path, which stands first.
_PATH_FIRST = re.compile(r"(/\S*)\s+(.*)")
ALL = "/"
# A version or a comment behind a name, which RFC 9309 does not know, is left aside.
_NAME = re.compile(r"[^\s/(;]*")


def text_of(body: bytes) -> str:
    """The text of a robots.txt: UTF-8, unless it begins as UTF-16 does.

    Without NULs, which leaves plain letters of UTF-16 that does not begin so. Of one with more than
    MAX_ROBOTS_BYTES the line that is cut does not count: half a rule is another one.
    """
    is_utf_16 = body.startswith((b"\xff\xfe", b"\xfe\xff"))
    text = body[: MAX_ROBOTS_BYTES + 1].decode("utf-16" if is_utf_16 else "utf-8", "replace")
    if len(body) > MAX_ROBOTS_BYTES:
        text = "\n".join(text.splitlines()[:-1])
    return text.replace("\ufeff", "").replace("\0", "")


def rules_for(agent: str, robots: str) -> list[str]:
    """The rules of the groups with our own name, or if there are none, of those for `*`.

    RFC 9309, 2.2.1: names match as a whole, in any case of letters, and groups of one name are one.
    """
    found: dict[str, list[str]] = {}
    for names, rules in groups(robots):
        for name in names & {"*", agent.lower()}:
            found.setdefault(name, []).extend(rules)
    own = found.get(agent.lower())
    return found.get("*", []) if own is None else own


def groups(robots: str) -> list[tuple[set[str], list[str]]]:
    """The groups of a robots.txt in their order: the names in small letters, and the rules."""
    found: list[tuple[set[str], list[str]]] = []
    is_open = False
    for line in robots.splitlines():
        field, value = _field_and_value(line)
        if field == "User-agent":
            if not is_open:
                found.append((set(), []))
            is_open = True
            found[-1][0].update(_names(value))
        elif field is not None:
            is_open = False
            if found:
                found[-1][1].append(f"{field}: {value}")
    return found


def licenses_in(robots: str) -> list[str]:
    """The URLs of `License:` lines, each once, whatever group they stand in."""
    found = dict.fromkeys(match[1] for match in _LICENSE.finditer(robots))
    return list(found)[:_MOST_LICENSES]


def preference(said: str) -> tuple[str, str]:
    """The path for which a Content-Usage or Content-Signal line holds, and what it says of it."""
    with_path = _PATH_FIRST.fullmatch(said)
    return (with_path[1], with_path[2].strip()) if with_path else (ALL, said.strip())


def _field_and_value(line: str) -> tuple[str | None, str]:
    """What a line says of what; None for a field that is not of a group, or that is none.

    The colon may be missing, as Google's parser has it.
    """
    line = line.partition("#")[0].strip()
    before, *after = _COLON.split(line, 1)
    field = _known(before)
    if field and after:
        return field, after[0].strip()
    words = line.split(None, 2)
    for count in (1, 2) if len(words) > 1 else ():
        field = _known(" ".join(words[:count]))
        if field:
            return field, " ".join(words[count:])
    return None, ""


@lru_cache(4_096)
def _known(field: str) -> str | None:
    if len(field) > _MAX_FIELD_CHARS or not _FIELD.fullmatch(field := field.strip().lower()):
        return None
    return _FIELDS.get(_DOUBLED.sub(r"\1", _BLANKS.sub("", field)))


def _names(value: str) -> list[str]:
    """The names in a User-agent line, which some write as a list, or with asterisks."""
    firsts = [_NAME.match(name.strip()) for name in value.lower().split(",")]
    found = [first[0] for first in firsts if first and first[0]]
    return [name.strip("*") or "*" for name in found]
