"""Reads what `fetch` calls itself: the name that rules go by, and whom to write to."""

from __future__ import annotations

import re

from lake.errors import BadSetting

_CONTACT = re.compile(r"https?://\S|[^\s@]@[^\s@]")


def check_contact(user_agent: str) -> None:
    """Raise BadSetting unless the user agent names a page or a mail address."""
    if not _CONTACT.search(user_agent):
        raise BadSetting(
            "Whoever runs a server must be able to reach you; name yourself, such as "
            'PAIRLAKE_USER_AGENT="pairlake/0.1 (+https://you.example/crawler; you@you.example)"'
        )


def product_token(user_agent: str) -> str:
    """The name by which headers call a user agent: `pairlake` of `pairlake/0.1 (…)`."""
    return re.split(r"[/\s(]", user_agent.strip(), maxsplit=1)[0]
