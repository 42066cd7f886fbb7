"""Reads what `fetch` calls itself: the name that rules go by, and whom to write to."""

from __future__ import annotations

import re

from pairlake.lake.errors import BadSetting

_CONTACT = re.compile(r"https?://\S|[^\s@]@[^\s@]")
# RFC 9309, 2.2.1. A browser's name is nobody's own.
_NAMED = re.compile(r"(?!mozilla\b)[a-z_-]+(?:[/\s(]|$)", re.IGNORECASE)


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
