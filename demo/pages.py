"""Lays the planted pairs out on pages in many languages, among the clutter of real pages."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from pairlake.demo.planting import Planted

Link = Mapping[str, str]

_LICENSES = (
    "https://creativecommons.org/licenses/by/4.0/",
    "https://creativecommons.org/licenses/by-sa/4.0/deed.{language}",
    "http://creativecommons.org/licenses/by-nc/3.0/",
)
_MOST_ON_A_PAGE = 14
_TOO_LONG = 2_500


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page as a crawl sees it: its address, its base if it names one, its links in their order.

    `links` are as HTML holds them (URLs relative or not); `shown` are the pairs that land from it;
    `wish` is the <meta> in which it says something of its use.
    """

    url: str
    language: str
    base: str | None
    license_url: str | None
    links: Sequence[Link]
    shown: Sequence[Planted]
    wish: tuple[str, str] | None


def lay_out(planted: Sequence[Planted], base_url: str, rng: random.Random) -> list[Page]:
    """Pages that show every planted pair as often as its `sightings` say, in shuffled order."""
    alike: defaultdict[tuple[str, tuple[str, str]], list[Planted]] = defaultdict(list)
    for pair in planted:
        alike[pair.page_language, pair.page_wish or ("", "")].extend([pair] * pair.sightings)
    pages: list[Page] = []
    for (language, _), pairs in sorted(alike.items()):
        rng.shuffle(pairs)
        while pairs:
            count = rng.randint(_MOST_ON_A_PAGE // 2, _MOST_ON_A_PAGE)
            shown, pairs = pairs[:count], pairs[count:]
            pages.append(_page(language, len(pages), shown, base_url, rng))
    rng.shuffle(pages)
    return pages


def _page(
    language: str, number: int, shown: Sequence[Planted], base_url: str, rng: random.Random
) -> Page:
    at_home = f"{base_url}{language}/pages/{number}.html"
    abroad = f"https://{language}.pages{number % 40}.example/{number}/index.html"
    url, base = rng.choice(
        ((at_home, None), (abroad, None), (at_home, f"{base_url}images/"), (abroad, base_url))
    )
    license_url = None
    links: list[Link] = []
    if rng.random() < 0.2:
        license_url = rng.choice(_LICENSES).format(language=language)
        links.append(_anchor(license_url, "Creative Commons", rel="license"))
    links += [_anchor(f"/{language}/{rng.randrange(5000)}.html", language) for _ in range(8)]
    links += _clutter(shown[0], base_url, rng)
    for pair in shown:
        links.insert(
            rng.randint(1, len(links)),
            _image(_written(pair.image_url, base or url, rng), pair.caption, rng),
        )
    return Page(
        url=url,
        language=language,
        base=base,
        license_url=license_url,
        links=links,
        shown=shown,
        wish=shown[0].page_wish,
    )


def _written(image_url: str, base: str, rng: random.Random) -> str:
    """One of the ways to write a URL in a page whose links are relative to `base`."""
    there, here = urlsplit(image_url), urlsplit(base)
    ways = [image_url]
    if there.scheme == here.scheme:
        ways.append(f"//{image_url.partition('//')[2]}")
    if there.scheme == here.scheme and there.netloc == here.netloc:
        rooted = f"/{image_url.split('/', 3)[3]}"
        folder = here.path.rpartition("/")[0] + "/"
        up = "../" * (folder.count("/") - 1)
        ways += [rooted, rooted, up + rooted[1:], up + rooted[1:]]
        if rooted.startswith(folder):
            ways.append(rooted.removeprefix(folder))
    return rng.choice([way for way in ways if urljoin(base, way) == image_url])


def _image(url: str, alt: str | None, rng: random.Random) -> Link:
    link = {"path": "IMG@/src", "url": url}
    if alt is not None:
        link["alt"] = alt
    if alt and rng.random() < 0.1:
        link["title"] = alt
    return link


def _anchor(url: str, text: str, **attributes: str) -> Link:
    return {"path": "A@/href", "url": url, "text": text} | attributes


def _clutter(pair: Planted, base_url: str, rng: random.Random) -> Iterator[Link]:
    """Links of real pages from which nothing may land."""
    yield _image("/static/logo.png", None, rng)
    yield _image("/static/line.gif", rng.choice(("", " ")), rng)
    yield {"path": "A@/href", "url": pair.image_url, "alt": pair.caption, "text": "+"}
    yield {"path": "STYLE/#text", "href": "/static/ground.png"}
    yield {"path": "FORM@/action", "url": "/search", "method": "get"}
    if rng.random() < 0.15:
        unusable = rng.choice(
            (
                "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7",
                "javascript:void(0)",
                "file:///etc/hostname.png",
                f"{base_url}images/{'x' * _TOO_LONG}.jpg",
            )
        )
        yield _image(unusable, pair.caption, rng)
