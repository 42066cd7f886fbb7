"""Reads what a response says of its own use: X-Robots-Tag, TDM-Reservation, Content-Usage, RSL.

And what we call ourselves: the name by which such a wish may mean us, and whom to write to. What a
term means for which use is not known here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import http_sf
from multidict import CIMultiDictProxy

from pairlake.lake.errors import BadSetting, as_text
from pairlake.lake.passwords import without_passwords

_CONTACT = re.compile(r"https?://\S|[^\s@]@[^\s@]")
# RFC 9309, 2.2.1. A browser's name is nobody's own.
_NAMED = re.compile(r"(?!mozilla\b)[a-z_-]+(?:[/\s(]|$)", re.IGNORECASE)

_DIRECTIVE = re.compile(r"[a-z][a-z0-9_-]*")
# Directives that carry a value; whatever else stands before a colon names the agent meant.
_VALUED = frozenset({"max-snippet", "max-image-preview", "max-video-preview", "unavailable_after"})
_AGENT = re.compile(r"([a-z0-9_.*-]+)(?:/[a-z0-9_.-]*)?")
# AIPREF (draft-ietf-aipref-attach) and contentsignals.org, as a header and in robots.txt.
PREFERENCES = ("Content-Usage", "Content-Signal")
RSL = "application/rsl+xml"
# TDMRep, in HTML, headers and tdmrep.json.
RESERVATIONS = ("0", "1")
_LINK = re.compile(r"<([^<>]{1,4096})>([^<]{0,4096})")
_LICENSE = re.compile(r";\s*rel\s*=\s*\"?(?:[^\";]*\s)?license[\s\";,]")
_MOST_TERMS = 32
_MAX_VALUE_CHARS = 500
_MAX_EVIDENCE_CHARS = 300


class Refusal(NamedTuple):
    """A wish that an image is not used: the outcome of its download, and the wish word for word."""

    outcome: str
    evidence: str


class Wish(NamedTuple):
    """One term of what a site says of an image's use, such as Content-Usage, `search=n`."""

    property: str
    value: str
    evidence: str


def wish(property: str, value: str, evidence: str) -> Wish:
    """A wish as it lands: its value and evidence as text, of a length that is bounded."""
    return Wish(property, as_text(value[:_MAX_VALUE_CHARS]), evidence_of(evidence))


def evidence_of(said: str) -> str:
    """What was said, word for word, as it is kept: the first 300 characters."""
    return as_text(said[:_MAX_EVIDENCE_CHARS])


def wishes_in(headers: CIMultiDictProxy[str], agent: str) -> list[Wish]:
    """What a response says of the use of what it brings, as far as it means `agent`, term by term.

    `agent` is a product token such as `pairlake`.
    """
    said = [
        wish("X-Robots-Tag", directive, f"X-Robots-Tag: {value}")
        for value in headers.getall("X-Robots-Tag", [])
        for directive in directives_in([value], agent)
    ]
    for value in headers.getall("TDM-Reservation", []):
        if value.strip() in RESERVATIONS:
            policy = headers.get("TDM-Policy", "none")
            evidence = f"TDM-Reservation: {value.strip()}; TDM-Policy: {policy}"
            said.append(wish("TDM-Reservation", value.strip(), evidence))
    for name in PREFERENCES:
        if values := headers.getall(name, []):
            said += preferred(name, ", ".join(values))
    if links := headers.getall("Link", []):
        said += licensed(rsl_in(links), "Link")
    return said


def directives_in(values: Iterable[str], agent: str) -> list[str]:
    """The directives of X-Robots-Tag values that mean `agent`, each once, in small letters.

    A value is `[agent:] directive, …`, where an agent's name holds for the directives after it,
    up to the next name; without one they hold for everybody. `agent` is a product token such as
    `pairlake`; case does not matter. What has a value, such as `max-snippet: 50`, is left out.
    """
    found: dict[str, None] = {}
    for value in values:
        meant = True
        for part in value.lower().split(","):
            before, colon, after = (text.strip() for text in part.partition(":"))
            directive = before
            # The time in `unavailable_after: Wed, 25 Jun 2025 15:00:00 GMT` is no agent either.
            named = _AGENT.fullmatch(before)
            if colon and before not in _VALUED and named:
                meant = named[1] in ("*", agent.lower())
                directive = after
            elif colon:
                continue
            if meant and _DIRECTIVE.fullmatch(directive):
                found[directive] = None
    return list(found)[:_MOST_TERMS]


def preferred(name: str, preferences: str, place: str = "") -> list[Wish]:
    """The terms of a header or a rule `name: preferences`, at a place such as `robots.txt: `."""
    evidence = evidence_of(f"{place}{name}: {preferences}")
    return [Wish(name, term, evidence) for term in terms_in(preferences)]


def terms_in(preferences: str) -> list[str]:
    """The terms of usage preferences such as `train-ai=n, search=y`, each a label and a token.

    A Dictionary of structured fields (RFC 9651; draft-ietf-aipref-attach, section 4); what is
    none says nothing, as the draft has it.
    """
    terms = [
        f"{label}={value}"[:_MAX_VALUE_CHARS]
        for label, (value, _) in _dictionary(preferences).items()
        if isinstance(value, http_sf.Token)
    ]
    return terms[:_MOST_TERMS]


def _dictionary(preferences: str) -> Mapping[str, Any]:
    try:
        said: Any = http_sf.parse(preferences.encode(), tltype="dictionary")
    except (ValueError, UnicodeError):
        return {}
    return dict(said)


def rsl_in(links: Iterable[str]) -> list[str]:
    """Where the Link headers of a response say that its licence in RSL is, as it is written."""
    found = [
        url.strip()
        for link in links
        for url, parameters in _LINK.findall(link)
        if RSL in (said := parameters.lower()) and _LICENSE.search(f"{said};")
    ]
    return found[:_MOST_TERMS]


def licensed(urls: Iterable[str], field: str) -> list[Wish]:
    """That something is under the licences in RSL (rslstandard.org) at `urls`, by a field.

    Each without a login or a signature that it holds.
    """
    return [wish("RSL", url, f"{field}: {url}") for url in map(without_passwords, urls)]


def check_contact(user_agent: str) -> None:
    """Raise BadSetting unless the user agent begins with a name, and says whom to write to."""
    if not _NAMED.match(user_agent.strip()):
        raise BadSetting(
            "PAIRLAKE_USER_AGENT must begin with a name of your own, of letters, - and _, by which "
            "sites can call you, such as pairlake/0.1; not with Mozilla."
        )
    if not _CONTACT.search(user_agent):
        raise BadSetting(
            "Whoever runs a server must be able to reach you; name yourself, such as "
            'PAIRLAKE_USER_AGENT="pairlake/0.1 (+https://you.example/crawler; you@you.example)"'
        )


def product_token(user_agent: str) -> str:
    """The name by which headers call a user agent: `pairlake` of `pairlake/0.1 (…)`."""
    return re.split(r"[/\s(]", user_agent.strip(), maxsplit=1)[0]
