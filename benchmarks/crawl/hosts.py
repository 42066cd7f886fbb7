"""Makes up the hosts of a crawl: names, languages, menus and the pictures on all their pages."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from benchmarks.crawl.words import Tongue, shares, tongues

T = TypeVar("T")
Link = dict[str, str]

_TOPS = ("com", "com", "com", "org", "net", "de", "ru", "fr", "co.uk", "cn", "jp", "io", "shop")
_FOLDERS = (
    "wp-content/uploads/2024",
    "images/stories",
    "media/catalog/product/cache/1/image/9df78eab33525d08d6e5fb8d27136e95",
    "sites/default/files/styles/teaser/public",
    "files",
)
_ENDINGS = ("jpg", "jpg", "jpg", "png", "webp", "gif", "svg")


@dataclass(frozen=True, kw_only=True)
class Host:
    """One site: what all its pages share, its logo and other pictures (url, alt) among it."""

    scheme: str
    name: str
    tongue: Tongue
    cdn: str
    folder: str
    slugs: Sequence[str]
    furniture: Sequence[tuple[str, str]]
    menu: Sequence[Link]

    @property
    def root(self) -> str:
        """The address of the site, without a slash at its end."""
        return f"{self.scheme}://{self.name}"

    def file(self, rng: random.Random) -> str:
        """The path of a picture on this site, without a slash at its start."""
        dice = rng.random()
        if dice < 0.5:
            stem = f"{pick(rng, self.slugs)}-{rng.randrange(9_999)}"
        elif dice < 0.62:
            stem = f"{rng.getrandbits(48):012x}"
        else:
            stem = f"{pick(rng, self.tongue.slugs)}-300x{rng.randrange(900)}"
        return f"{self.folder}/{rng.randrange(1, 13):02}/{stem}.{pick(rng, _ENDINGS)}"


def pick(rng: random.Random, choices: Sequence[T]) -> T:
    """One of the choices; several times as fast as rng.choice, which counts in millions."""
    return choices[int(rng.random() * len(choices))]


def hosts(seed: int, count: int) -> list[Host]:
    """The hosts of a seed, most visited first."""
    rng = random.Random(f"{seed}/hosts")
    languages = list(tongues(seed).values())
    return [_host(rng, rng.choices(languages, shares())[0]) for _ in range(count)]


def _host(rng: random.Random, tongue: Tongue) -> Host:
    name = pick(rng, tongue.slugs).replace("-", "")[:24] or "example"
    bare = Host(
        scheme="https" if rng.random() < 0.9 else "http",
        name=f"{'www.' if rng.random() < 0.6 else ''}{name}{rng.randrange(99)}.{pick(rng, _TOPS)}",
        tongue=tongue,
        cdn=f"cdn{rng.randrange(9)}.{name}-static.net/{rng.getrandbits(40):010x}",
        folder=pick(rng, _FOLDERS),
        slugs=rng.choices(tongue.slugs, k=40),
        furniture=(),
        menu=(),
    )
    pictures = [(f"/{bare.file(rng)}", tongue.alt(rng)) for _ in range(rng.randint(1, 5))]
    logo = (f"{bare.root}/{bare.file(rng)}", f"{name.title()} logo")
    menu = [_entry(rng, bare) for _ in range(rng.randint(6, 40))]
    return Host(**{**vars(bare), "furniture": (logo, logo, *pictures), "menu": menu})


def _entry(rng: random.Random, host: Host) -> Link:
    url = f"{host.root}/{pick(rng, host.slugs)}/"
    return {"path": "A@/href", "url": url, "text": pick(rng, host.tongue.link_texts)}
