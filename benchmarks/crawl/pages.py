"""Makes up the HTML pages of a crawl, link by link, and counts what is to be read from them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.crawl.hosts import Host, Link, hosts, pick
from benchmarks.crawl.images import Source, source
from benchmarks.crawl.words import BLANK_ALTS

HOSTS = 2_000
BAD_BASE = "about:blank"

# Of all links, 15 % are images; of these a third have alt text, often that of the site's logo.
_IMAGES = 0.15
_ANCHORS = 0.93
_ALTS = 0.325
_FURNITURE = 0.31
_UNITS = ("", "", "", "", "px", "%", ".5")
_TARGET = {"target": "_blank", "rel": "noopener noreferrer"}
_CAMPAIGN = "?utm_source=homepage&utm_medium=referral&utm_campaign=teaser"


@dataclass(frozen=True, kw_only=True)
class Page:
    """One HTML page, with what is to be read from it.

    `alts` are its images with non-empty alt; `peer_sightings` those of them that are rows by
    cc2dataset's rule, `our_sightings` those whose URL and cleaned caption pairlake takes.
    """

    url: str
    base: str | None
    title: str
    host: Host
    links: Sequence[Link]
    images: int
    alts: int
    peer_sightings: int
    our_sightings: int


class World:
    """All hosts of a seed; makes pages of them, as many as are asked for."""

    def __init__(self, seed: int) -> None:
        self._hosts = hosts(seed, HOSTS)
        total = 0.0
        self._weights = [total := total + 1 / (rank + 12) ** 0.75 for rank in range(HOSTS)]

    def page(self, rng: random.Random) -> Page:
        """One more page, of a host that may have been seen before."""
        host = rng.choices(self._hosts, cum_weights=self._weights)[0]
        base = _base(rng, host)
        maker = _LinkMaker(rng, host, usable_base=base != BAD_BASE)
        links = [maker.link() for _ in range(_link_count(rng))]
        if rng.random() < 0.03:
            links.append(_license(rng))
        if rng.random() < 0.03:
            links = [dict(sorted(link.items())) for link in links]
        return Page(
            url=_url(rng, host),
            base=base,
            title=host.tongue.phrase(rng, 3, 9),
            host=host,
            links=links,
            images=maker.images,
            alts=maker.alts,
            peer_sightings=maker.peer_sightings,
            our_sightings=maker.our_sightings,
        )


class _LinkMaker:
    """Makes the links of one page, and counts."""

    def __init__(self, rng: random.Random, host: Host, *, usable_base: bool) -> None:
        self._rng, self._host, self._usable_base = rng, host, usable_base
        self.images = self.alts = self.peer_sightings = self.our_sightings = 0

    def link(self) -> Link:
        """One link, in 78 of 100 cases an anchor."""
        dice = self._rng.random()
        if dice < _IMAGES:
            return self._image()
        if dice < _ANCHORS:
            return self._anchor()
        return _other(self._rng, self._host)

    def _anchor(self) -> Link:
        rng, host, tongue = self._rng, self._host, self._host.tongue
        dice = rng.random()
        if dice < 0.38:
            return pick(rng, host.menu)
        if dice < 0.66:
            url = f"{host.root}/{pick(rng, host.slugs)}/{pick(rng, tongue.slugs)}/"
        elif dice < 0.78:
            url = f"/{pick(rng, host.slugs)}/{pick(rng, tongue.slugs)}.html{_CAMPAIGN}"
        elif dice < 0.87:
            url = f"/index.php?id={rng.randrange(99_999)}&amp;cat={rng.randrange(99)}"
        else:
            url = f"https://www.{pick(rng, host.slugs)}.com/{pick(rng, tongue.slugs)}"
        link = {"path": "A@/href", "url": url}
        if rng.random() < 0.12:
            link["title"] = pick(rng, tongue.link_texts)
        if rng.random() < 0.12:
            link |= _TARGET
        if rng.random() < 0.75:
            link["text"] = pick(rng, tongue.link_texts)
        return link

    def _image(self) -> Link:
        rng = self._rng
        self.images += 1
        if rng.random() < _ALTS:
            link = self._captioned()
        else:
            link = {"path": "IMG@/src", "url": source(rng, self._host).url}
            if rng.random() < 0.4:
                link["alt"] = ""
        if rng.random() < 0.05:
            link["title"] = pick(rng, self._host.tongue.link_texts)
        if rng.random() < 0.22:
            link["width"] = f"{rng.randrange(16, 1_200)}{pick(rng, _UNITS)}"
            link["height"] = str(rng.randrange(16, 900))
        return link

    def _captioned(self) -> Link:
        rng, host = self._rng, self._host
        blank = False
        if rng.random() < _FURNITURE:
            url, alt = pick(rng, host.furniture)
            place = Source(url)
        else:
            place = source(rng, host)
            blank = rng.random() < 0.015
            alt = pick(rng, BLANK_ALTS) if blank else host.tongue.alt(rng)
        absolute = place.url.startswith(("http://", "https://"))
        self.alts += 1
        self.peer_sightings += place.peer and (self._usable_base or absolute)
        self.our_sightings += place.ours and not blank
        return {"path": "IMG@/src", "url": place.url, "alt": alt}


def head(page: Page, rng: random.Random) -> dict[str, Any]:
    """What stands in the head of a page, as a WAT has it."""
    tongue = page.host.tongue
    metas = {"viewport": "width=device-width, initial-scale=1", "robots": "index, follow"}
    cards = {
        "og:title": page.title,
        "og:description": tongue.phrase(rng, 12, 30),
        "og:url": page.url,
    }
    found: dict[str, Any] = {
        "Metas": [
            {"name": "HTML@/lang", "content": tongue.name},
            *({"name": name, "content": content} for name, content in metas.items()),
            *({"content": content, "property": name} for name, content in cards.items()),
        ],
        "Title": page.title,
        "Link": [
            {
                "path": "LINK@/href",
                "url": f"/assets/{pick(rng, tongue.slugs)}.css?ver={rng.randrange(99)}",
                "rel": "stylesheet",
                "type": "text/css",
            }
            for _ in range(1 + int(rng.random() * 8))
        ],
        "Scripts": [
            {"path": "SCRIPT@/src", "url": f"/js/{pick(rng, tongue.slugs)}.js", "type": "module"}
            for _ in range(1 + int(rng.random() * 10))
        ],
    }
    if page.base is not None:
        found["Base"] = page.base
    return found


def _link_count(rng: random.Random) -> int:
    """Few links on most pages, thousands on some; 150 on average."""
    return min(2_500, max(2, int(rng.lognormvariate(4.63, 0.87))))


def _url(rng: random.Random, host: Host) -> str:
    folders = "/".join(pick(rng, host.slugs) for _ in range(1 + int(rng.random() * 2)))
    end = pick(rng, ("", "/", ".html", f"?p={rng.randrange(9_999)}"))
    return f"{host.root}/{folders}/{pick(rng, host.tongue.slugs)}{end}"


def _base(rng: random.Random, host: Host) -> str | None:
    if rng.random() >= 0.03:
        return None
    return pick(rng, (f"{host.root}/", "/", f"{host.root}/a/b/", "../", f"//{host.cdn}/", BAD_BASE))


def _license(rng: random.Random) -> Link:
    kind = pick(rng, ("by", "by-sa", "by-nc", "by-nc-nd"))
    url = f"{pick(rng, ('https:', 'http:', ''))}//creativecommons.org/licenses/{kind}/4.0/"
    return {"path": "A@/href", "url": url, "rel": "license"}


def _other(rng: random.Random, host: Host) -> Link:
    """What else a page points to; a style's address is under another key, as in real files."""
    slug = pick(rng, host.tongue.slugs)
    dice = rng.random()
    if dice < 0.30:
        return {"path": "STYLE/#text", "href": f"../fonts/{slug}.woff2"}
    if dice < 0.50:
        return {"path": "FORM@/action", "url": f"/{slug}", "method": pick(rng, ("get", "post"))}
    if dice < 0.65:
        return {"path": "IFRAME@/src", "url": f"https://www.{slug}.com/embed/{rng.getrandbits(40)}"}
    if dice < 0.80:
        return {"path": "SOURCE@/src", "url": f"/{host.file(rng)}"}
    if dice < 0.90:
        return {"path": "DIV@/background", "url": f"/{host.file(rng)}"}
    return {"path": "INPUT@/src", "url": f"/{host.file(rng)}", "alt": "OK"}
