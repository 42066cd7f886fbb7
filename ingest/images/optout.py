"""Reads what a response says of its own use: X-Robots-Tag, TDM-Reservation, Content-Usage.

And what we call ourselves: the name by which such a wish may mean us, and whom to write to.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import http_sf
from multidict import CIMultiDictProxy

from pairlake.lake.errors import BadSetting, as_text

_CONTACT = re.compile(r"https?://\S|[^\s@]@[^\s@]")
# RFC 9309, 2.2.1. A browser's name is nobody's own.
_NAMED = re.compile(r"(?!mozilla\b)[a-z_-]+(?:[/\s(]|$)", re.IGNORECASE)

REFUSING = frozenset({"noai", "noimageai", "noml", "noindex", "noimageindex", "none"})
# Directives that carry a value; whatever else stands before a colon names the agent meant.
_VALUED = frozenset({"max-snippet", "max-image-preview", "max-video-preview", "unavailable_after"})
_AGENT = re.compile(r"([a-z0-9_.*-]+)(?:/[a-z0-9_.-]*)?")

# The uses that training a model is one of, in the drafts of AIPREF's vocabulary (`bots` and `ai`
# are of early ones) and in Cloudflare's Content-Signal (`ai-train`).
_TRAINING = ("train-ai", "ai-train", "train-genai", "ai", "bots")
_MOST_TERMS = 16
_YES, _NO = ("y", "yes"), ("n", "no")


class Refusal(NamedTuple):
    """A wish that an image is not used: the outcome of its download, and the wish word for word."""

    outcome: str
    evidence: str


class Wish(NamedTuple):
    """One term of what a site says of an image's use, such as Content-Usage, `search=n`."""

    property: str
    value: str
    evidence: str


def refusal_in(headers: CIMultiDictProxy[str], agent: str) -> Refusal | None:
    """The first header of a response that refuses `agent`, a product token, or None."""
    robots = refusing_header(headers.getall("X-Robots-Tag", []), agent)
    if robots is not None:
        return Refusal("opted_out_x_robots_tag", f"X-Robots-Tag: {robots}")
    if headers.get("TDM-Reservation", "").strip() == "1":
        policy = headers.get("TDM-Policy", "none")
        return Refusal("opted_out_tdmrep", f"TDM-Reservation: 1; TDM-Policy: {policy}")
    usage = ", ".join(headers.getall("Content-Usage", []))
    if refuses_training(usage):
        return Refusal("opted_out_content_usage", f"Content-Usage: {usage}")
    return None


def wishes_in(headers: CIMultiDictProxy[str]) -> list[Wish]:
    """What the Content-Usage of a response says of the use of what it brings, term by term."""
    usage = ", ".join(headers.getall("Content-Usage", []))
    evidence = as_text(f"Content-Usage: {usage}")
    return [Wish("Content-Usage", term, evidence) for term in terms_in(usage)]


def terms_in(preferences: str) -> list[str]:
    """The terms of usage preferences such as `train-ai=n, search=y`; what is neither is none.

    Yes and no are y and n in AIPREF's drafts, yes and no in Content-Signal.
    """
    said = {use: str(value) for use, (value, _) in _dictionary(preferences).items()}
    terms = [f"{use}={value}" for use, value in said.items() if value in (*_YES, *_NO)]
    return terms[:_MOST_TERMS]


def refusing_header(headers: Iterable[str], agent: str) -> str | None:
    """The first of a response's X-Robots-Tag values that refuses `agent`, or None.

    A value is `[agent:] directive, …`, where an agent's name holds for the directives after it,
    up to the next name; without one they hold for everybody. `agent` is a product token such as
    `pairlake`; case does not matter.
    """
    for header in headers:
        if not REFUSING.isdisjoint(_directives(header, agent)):
            return header
    return None


def directives_in(values: Iterable[str], agent: str) -> list[str]:
    """The directives of X-Robots-Tag values that hold for `agent`, in small letters, each once."""
    found = (directive for value in values for directive in _directives(value, agent))
    return list(dict.fromkeys(filter(None, found)))[:_MOST_TERMS]


def _directives(value: str, agent: str) -> Iterator[str]:
    meant = True
    for part in value.lower().split(","):
        before, colon, after = (text.strip() for text in part.partition(":"))
        directive = part.strip()
        # The time in `unavailable_after: Wed, 25 Jun 2025 15:00:00 GMT` is no agent either.
        named = _AGENT.fullmatch(before)
        if colon and before not in _VALUED and named:
            meant = named[1] in ("*", agent.lower())
            directive = after
        if meant:
            yield directive


def refuses_training(preferences: str) -> bool | None:
    """Whether usage preferences such as `train-ai=n, search=y` refuse training; None: not said.

    A Dictionary of structured fields (RFC 9651; draft-ietf-aipref-attach, section 4); what is
    none says nothing, as the draft has it.
    """
    said = _dictionary(preferences)
    values = [str(said[use][0]) for use in _TRAINING if use in said]
    return any(value in _NO for value in values) if values else None


def _dictionary(preferences: str) -> Mapping[str, Any]:
    try:
        said: Any = http_sf.parse(preferences.encode(), tltype="dictionary")
    except (ValueError, UnicodeError):
        return {}
    return dict(said)


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
