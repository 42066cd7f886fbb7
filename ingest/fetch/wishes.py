"""Reads what a site says of its paths before they are asked for: robots.txt and tdmrep.json."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple
from urllib.parse import quote, unquote, urlsplit

from protego import Protego

from pairlake.ingest.images.optout import (
    PREFERENCES,
    RESERVATIONS,
    Refusal,
    Wish,
    licensed,
    preferred,
    wish,
)
from pairlake.ingest.robots import ALL, licenses_in, preference, rules_for, text_of

# Of thousands of rules few may match a path: those that begin as it does. These are taken apart and
# kept; beyond so many characters, of which each rule has some more, they are not weighed.
MAX_NEAR_CHARS = 65_536
_RULE_CHARS = 30
# Where what a path must begin with ends, as far as it is plain letters.
_NOT_PLAIN = re.compile(r"[*$%\s]|[^\x00-\x7f]")
_ROBOTS, _TDMREP = "robots.txt", "tdmrep.json"
# As many as may stand in evidence.
_MOST_RULES = 300
# What an escaped path keeps as it is written.
_SAFE = "%/?#[]@!$&'()*+,;=:~"
# Protego has it that who allows this page allows its folder.
_INDEX = "index.html"


class TooManyRules(Exception):
    """More rules may hold for a path than can be weighed, so that it may not be asked for."""

    def __init__(self) -> None:
        super().__init__("its rules: more may hold for the path than are weighed")


class Rules:
    """Texts of rules in their order, by what a path must begin with to match each."""

    def __init__(self, rules: Iterable[tuple[str, str]]) -> None:
        """`rules` are pairs of a rule and its path, empty where it holds for all."""
        self.texts: list[str] = []
        self._by_beginning: dict[str, list[int]] = defaultdict(list)
        self._weights: Counter[str] = Counter()
        for number, (text, path) in enumerate(rules):
            self.texts.append(text)
            beginning = _beginning(path)
            self._by_beginning[beginning].append(number)
            self._weights[beginning] += len(text) + _RULE_CHARS
        self._lengths = sorted({len(beginning) for beginning in self._by_beginning})

    def near(self, place: str) -> tuple[str, ...]:
        """The rules that may match `place`, a path and a query without escapes.

        Raises TooManyRules where there are more than can be weighed.
        """
        beginnings = [place[:length] for length in self._lengths if length <= len(place)]
        found = [beginning for beginning in beginnings if beginning in self._by_beginning]
        if sum(self._weights[beginning] for beginning in found) > MAX_NEAR_CHARS:
            raise TooManyRules
        numbers = [number for beginning in found for number in self._by_beginning[beginning]]
        return tuple(self.texts[number] for number in sorted(numbers))


NO_RULES = Rules([])


@dataclass(frozen=True, kw_only=True)
class SiteRules:
    """What one origin allows us: its robots.txt, its wishes about use, and its tdmrep.json.

    `unheard` says why they could not be read, with the outcome that it is; then nothing is allowed,
    `is_fault` says that it was the site's answer, and `retry_after_s` is the break that it asked
    for, None if it did not. `robots` are the lines of robots.txt that hold for us, of which
    Crawl-delay is `delay_s`, the seconds to wait between requests; `licenses` are the URLs of those
    in RSL, for whomever; `reservations` are the rules of tdmrep.json, each `0: location` or
    `1: location`.
    """

    unheard: Refusal | None = None
    is_fault: bool = False
    retry_after_s: float | None = None
    delay_s: float = 0.0
    robots: Rules = NO_RULES
    licenses: tuple[str, ...] = ()
    reservations: Rules = NO_RULES

    def allows(self, url: str) -> bool:
        """Whether `url` may be asked for, whatever for."""
        if self.unheard is not None:
            return False
        try:
            return _taken_apart(self.robots.near(_place(url))).allows(url)
        except TooManyRules:
            return False

    def said_of(self, url: str) -> list[Wish]:
        """What is wished of the use of `url`; raises TooManyRules.

        What may not be asked for has no wishes of its robots.txt but that one
        (draft-ietf-aipref-attach, section 3).
        """
        place = _place(url)
        near, reserving = self.robots.near(place), self.reservations.near(place)
        wishes = licensed(self.licenses, f"{_ROBOTS}: License")
        wishes += _taken_apart(near).said_of(url)
        return wishes + _reserved(url, reserving)

    @property
    def chars(self) -> int:
        """About how much is kept, in characters."""
        return sum(map(len, (*self.robots.texts, *self.licenses, *self.reservations.texts)))

    def with_reservations(self, tdmrep: bytes) -> SiteRules:
        """The same with what a tdmrep.json reserves; empty where the site has none."""
        return replace(self, reservations=read_reservations(tdmrep))


def read_robots(agent: str, body: bytes) -> SiteRules:
    """The rules for the product token `agent` in a robots.txt, empty where the site has none."""
    return site_rules(agent, text_of(body))


def site_rules(agent: str, robots: str) -> SiteRules:
    """The same of its text."""
    lines = rules_for(agent, robots)
    delays = [line for line in lines if line.startswith("Crawl-delay:")]
    delay_s = Protego.parse("\n".join(["User-agent: *", *delays])).crawl_delay("*")
    return SiteRules(
        delay_s=delay_s or 0.0,
        robots=Rules((line, _path(line)) for line in lines),
        licenses=tuple(licenses_in(robots)),
    )


def _path(line: str) -> str:
    """The path for which a line of a robots.txt holds, none where that holds for all."""
    field, _, said = line.partition(": ")
    return preference(said)[0] if field in PREFERENCES else said


def _beginning(path: str) -> str:
    """What a path must begin with to match that of a rule, as far as it is plain letters."""
    plain = _NOT_PLAIN.split(path, maxsplit=1)[0] if path.startswith("/") else ""
    return plain.removesuffix(_INDEX)


def _place(url: str) -> str:
    """The path and the query of a URL without escapes."""
    parts = urlsplit(url)
    query = f"?{parts.query}" if "?" in url else ""
    return unquote(f"{parts.path or '/'}{query}")


class _Preferred(NamedTuple):
    """What a robots.txt prefers for a path, by a field, and how long the path is, escaped."""

    field: str
    length: int
    path: str
    preferences: str


class _Near(NamedTuple):
    """Rules that may match a path, taken apart; the longest paths of each field stand first."""

    robots: Protego | None
    disallowed: Wish
    preferred: Sequence[_Preferred]

    def allows(self, url: str) -> bool:
        """Whether it may be asked for."""
        return self.robots is None or self.robots.can_fetch(url, "*")

    def said_of(self, url: str) -> list[Wish]:
        """What holds for it: that it is disallowed, or for each field what its longest path says.

        Of paths of one length each counts.
        """
        if not self.allows(url):
            return [self.disallowed]
        wishes: list[Wish] = []
        longest: dict[str, int] = {}
        for field, length, path, preferences in self.preferred:
            is_longest = length >= longest.get(field, 0)
            if is_longest and (path == ALL or _is_matched(url, path)):
                longest[field] = length
                wishes += _terms(field, preferences)
        return wishes


# The images of a site are asked for a few in a row, and most of them are near the same rules.
@lru_cache(256)
def _taken_apart(near: tuple[str, ...]) -> _Near:
    usages, others = [], []
    for rule in near:
        field, _, said = rule.partition(": ")
        if field in PREFERENCES:
            path, preferences = preference(said)
            usages.append(_Preferred(field, len(quote(path, safe=_SAFE)), path, preferences))
        else:
            others.append(rule)
    usages.sort(key=lambda each: -each.length)
    rules = " | ".join(rule for rule in others[:_MOST_RULES] if rule.startswith("Disallow:"))
    disallowed = wish(_ROBOTS, "Disallow", f"{_ROBOTS}: {rules}")
    return _Near(_parsed(tuple(others)) if others else None, disallowed, usages)


@lru_cache(256)
def _terms(field: str, preferences: str) -> Sequence[Wish]:
    return preferred(field, preferences, f"{_ROBOTS}: ")


@lru_cache(256)
def _parsed(rules: tuple[str, ...]) -> Protego:
    return Protego.parse("\n".join(["User-agent: *", *rules]))


def _is_matched(url: str, *paths: str) -> bool:
    """Whether one of the paths of rules matches `url`, as those of Disallow do."""
    return not _parsed(tuple(f"Disallow: {path}" for path in paths)).can_fetch(url, "*")


def read_reservations(tdmrep: bytes) -> Rules:
    """The rules of a tdmrep.json, each location once; what is no rule is left out."""
    try:
        listed = json.loads(tdmrep) if tdmrep else []
    except (ValueError, RecursionError):
        return NO_RULES
    found: dict[str, str] = {}
    for rule in listed if isinstance(listed, list) else [listed]:
        if not isinstance(rule, dict) or not isinstance(rule.get("location"), str):
            continue
        reserved = str(rule.get("tdm-reservation"))
        if reserved in RESERVATIONS:
            found.setdefault("".join(rule["location"].split()), reserved)
    return Rules((f"{reserved}: {location}", location) for location, reserved in found.items())


def _reserved(url: str, reserving: Sequence[str]) -> list[Wish]:
    """What the first rule that matches `url` says; paths match as those of a robots.txt do.

    W3C TDMRep, final report of 2024-05-10, on the file on the origin server.
    """
    rules = (rule.split(": ", 1) for rule in reserving)
    for reserved, alike in groupby(rules, lambda rule: rule[0]):
        locations = [location for _, location in alike if location]
        if not locations or not _is_matched(url, *locations):
            continue
        location = next(each for each in locations if _is_matched(url, each))
        evidence = (
            f'/.well-known/{_TDMREP}: "location": "{location}", "tdm-reservation": {reserved}'
        )
        return [wish(_TDMREP, reserved, evidence)]
    return []
