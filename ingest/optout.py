"""Reads `X-Robots-Tag`, by which a web server says that its images are not for datasets."""

from __future__ import annotations

import re
from collections.abc import Iterable

REFUSING = frozenset({"noai", "noimageai", "noindex", "noimageindex", "none"})
# Directives that carry a value; whatever else stands before a colon names the agent meant.
_VALUED = frozenset({"max-snippet", "max-image-preview", "max-video-preview", "unavailable_after"})
_AGENT = re.compile(r"[a-z0-9_.*-]+")


def refusing_header(headers: Iterable[str], agent: str) -> str | None:
    """The first of a response's X-Robots-Tag values that refuses `agent`, or None.

    A value is `[agent:] directive, …`, where an agent's name holds for the directives after it,
    up to the next name; without one they hold for everybody. `agent` is a product token such as
    `pairlake`; case does not matter.
    """
    for header in headers:
        meant = True
        for part in header.lower().split(","):
            before, colon, after = (text.strip() for text in part.partition(":"))
            directive = before
            # The time in `unavailable_after: Wed, 25 Jun 2025 15:00:00 GMT` is no agent either.
            if colon and before not in _VALUED and _AGENT.fullmatch(before):
                meant = before in ("*", agent.lower())
                directive = after
            if meant and directive in REFUSING:
                return header
    return None


def product_token(user_agent: str) -> str:
    """The name by which headers call a user agent: `pairlake` of `pairlake/0.1 (…)`."""
    return re.split(r"[/\s(]", user_agent.strip(), maxsplit=1)[0]
