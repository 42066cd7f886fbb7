"""Makes up the addresses of images as pages write them, and knows which rule takes them."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import NamedTuple

from benchmarks.crawl.hosts import Host, pick


class Source(NamedTuple):
    """The `src` of an image, and whether each of the two rules takes it on an ordinary page.

    `peer` is cc2dataset's rule: http or https after joining. `ours` is pairlake's: an http or https
    URL with a host, without control characters, of at most 2,000 characters.
    """

    url: str
    peer: bool = True
    ours: bool = True


def source(rng: random.Random, host: Host) -> Source:
    """One image's address; in 94 of 100 cases an ordinary one, relative or absolute."""
    dice = rng.random()
    if dice < 0.22:
        return Source(f"/{host.file(rng)}")
    if dice < 0.34:
        return Source(host.file(rng))
    if dice < 0.60:
        return Source(f"{host.root}/{host.file(rng)}")
    if dice < 0.80:
        return Source(f"https://{host.cdn}/{host.file(rng)}")
    if dice < 0.86:
        return Source(f"//{host.cdn}/{host.file(rng)}")
    if dice < 0.94:
        return Source(f"/{host.file(rng)}?w={rng.randrange(2_000)}&h={rng.randrange(900)}&q=80")
    return rng.choices(_ODD, _WEIGHTS)[0](rng, host)


def _data(rng: random.Random, host: Host) -> Source:
    body = f"{rng.getrandbits(8 * 45):090x}" if rng.random() < 0.3 else "R0lGODlhAQABAIAAAAAAAP"
    return Source(f"data:image/gif;base64,{body}==", peer=False, ours=False)


def _script(rng: random.Random, host: Host) -> Source:
    url = pick(rng, ("javascript:void(0)", "about:blank", f"blob:{host.root}/1f", "cid:part1"))
    return Source(url, peer=False, ours=False)


def _entities(rng: random.Random, host: Host) -> Source:
    return Source(f"/{host.file(rng)}?id={rng.randrange(9_999)}&amp;size=m&amp;v=2")


def _spaces(rng: random.Random, host: Host) -> Source:
    return Source(f"/images/{pick(rng, host.tongue.words)} {pick(rng, host.tongue.words)} 1.jpg")


def _fragment(rng: random.Random, host: Host) -> Source:
    return Source(f"/{host.file(rng)}#{pick(rng, host.tongue.slugs)}")


def _capitals(rng: random.Random, host: Host) -> Source:
    return Source(f"{host.scheme}://{host.name.upper()}/{host.file(rng)}")


def _rootless(rng: random.Random, host: Host) -> Source:
    return Source(f"https://img.{host.name}?id={rng.getrandbits(32)}")


def _long(rng: random.Random, host: Host) -> Source:
    return Source(f"/resize?u={rng.getrandbits(4 * 2_100):02100x}", ours=False)


def _nowhere(rng: random.Random, host: Host) -> Source:
    # Joined with the page, these are the page itself.
    return Source(pick(rng, ("", "", "#", "#top")), ours=False)


def _hostless(rng: random.Random, host: Host) -> Source:
    other = "http" if host.scheme == "https" else "https"
    return Source(f"{other}:///{host.file(rng)}", ours=False)


def _bracket(rng: random.Random, host: Host) -> Source:
    return Source(f"http://[{host.name}/{host.file(rng)}", ours=False)


def _padded(rng: random.Random, host: Host) -> Source:
    return Source(f"{host.root}/{host.file(rng)} ")


def _indented(rng: random.Random, host: Host) -> Source:
    # Python's urljoin gives the other scheme back with its space, and so cc2dataset loses it.
    other = "http" if host.scheme == "https" else "https"
    return Source(f" {other}://{host.cdn}/{host.file(rng)}", peer=False)


def _broken_line(rng: random.Random, host: Host) -> Source:
    return Source(f"{host.root}/images/\n{host.file(rng)}")


def _control(rng: random.Random, host: Host) -> Source:
    return Source(f"/images/\x01{host.file(rng)}", ours=False)


_Maker = Callable[[random.Random, Host], Source]
_KINDS: dict[_Maker, float] = {
    _data: 45, _script: 5, _entities: 14, _spaces: 12, _fragment: 4, _capitals: 5, _rootless: 2,
    _long: 2, _nowhere: 5, _hostless: 0.5, _bracket: 0.5, _padded: 2, _indented: 1,
    _broken_line: 1, _control: 0.5,
}  # fmt: skip
_ODD, _WEIGHTS = list(_KINDS), list(_KINDS.values())
