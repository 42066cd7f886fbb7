"""The spellings under which a request may stand in the lake: as it is, and as a crawl cleans it.

Ready-made lists land word for word; what a crawl brings is cleaned, hosts are in lower case and
URLs without a fragment.
"""

from __future__ import annotations

from ingest.captions import clean_caption
from ingest.urls import absolute_url


def spellings(kind: str, value: str) -> set[str]:
    """Every spelling of a request's value; `kind` is url, domain, page, image_hash or caption."""
    found = {value, value.strip()} if kind == "caption" else {value.strip()}
    if kind in ("url", "page"):
        found.add(absolute_url(value, "") or value.strip())
    elif kind == "caption":
        found.add(clean_caption(value))
    elif kind == "domain":
        found |= {value.strip().lower().rstrip("."), _ascii(value.strip().lower().rstrip("."))}
    return found


def _ascii(domain: str) -> str:
    """A domain as the name system spells it; itself where it cannot be spelled so."""
    try:
        return domain.encode("idna").decode()
    except UnicodeError:
        return domain
