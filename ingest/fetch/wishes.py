"""Reads what a site says of its paths before they are asked for: robots.txt and tdmrep.json."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import groupby
from urllib.parse import unquote, urlsplit

from protego import Protego

from pairlake.ingest.images.optout import Refusal, Wish, refuses_training, terms_in
from pairlake.ingest.robots import rules_for, text_of
from pairlake.lake.errors import as_text

# RFC 9309, 2.5: crawlers read at least 500 KiB.
MAX_ROBOTS_BYTES = 512 * 1024
# Of thousands of rules few may match a path: those that begin as it does. These are taken apart and
# kept; beyond so many characters, of which each rule has some more, they are not weighed.
MAX_NEAR_CHARS = 65_536
_RULE_CHARS = 30
_MAX_EVIDENCE_CHARS = 300
_PATH_FIRST = re.compile(r"(/\S*)\s+(.*)")
# Where what a path must begin with ends, as far as it is plain letters.
_NOT_PLAIN = re.compile(r"[*$%\s]|[^\x00-\x7f]")
_USAGES = ("Content-Usage", "Content-Signal")
_RESERVATIONS = {"0": "Allow", "1": "Disallow"}
# Protego has it that who allows this page allows its folder.
_INDEX = "index.html"


class TooManyRules(Exception):
    """More rules may hold for a path than can be weighed."""


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
_TOO_MANY = Refusal("robots_unreachable", "its rules: more may hold for the path than are weighed")


@dataclass(frozen=True, kw_only=True)
class SiteRules:
    """What one origin allows us: its robots.txt, its wishes about use, and its tdmrep.json.

    `unheard` says why they could not be read, with the outcome that it is; then nothing is allowed,
    `is_fault` says that it was the site's answer, and `retry_after_s` is the break that it asked
    for, None if it did not. `robots` are the lines of robots.txt that hold for us, of which
    Crawl-delay is `delay_s`, the seconds to wait between requests; `reservations` are those of
    tdmrep.json, as lines that disallow what is reserved and allow what is not.
    """

    unheard: Refusal | None = None
    is_fault: bool = False
    retry_after_s: float | None = None
    delay_s: float = 0.0
    robots: Rules = NO_RULES
    reservations: Rules = NO_RULES

    def refusal(self, url: str) -> Refusal | None:
        """Why `url` is not to be asked for, or None."""
        if self.unheard is not None:
            return self.unheard
        place = _place(url)
        try:
            near, reserving = self.robots.near(place), self.reservations.near(place)
        except TooManyRules:
            return _TOO_MANY
        robots, usage = _parsed(near)
        if robots and not robots.can_fetch(url, "*"):
            return Refusal("opted_out_robots_txt", _evidence(near, "Disallow:"))
        if usage and not usage.can_fetch(url, "*"):
            return Refusal("opted_out_content_usage", _evidence(near, "Content-"))
        return _reserved(url, reserving)

    def said_of(self, url: str) -> tuple[Refusal | None, list[Wish]]:
        """Why `url` is not to be asked for, or None; and what else is wished of its use."""
        refusal = self.refusal(url)
        if self.unheard is not None or refusal is _TOO_MANY:
            return refusal, []
        return refusal, _wishes(url, self.robots.near(_place(url)))

    @property
    def chars(self) -> int:
        """About how much is kept, in characters."""
        return sum(map(len, (*self.robots.texts, *self.reservations.texts)))

    def with_reservations(self, tdmrep: bytes) -> SiteRules:
        """The same with what a tdmrep.json reserves; empty where the site has none."""
        return replace(self, reservations=read_reservations(tdmrep))


def read_robots(agent: str, body: bytes) -> SiteRules:
    """The rules for the product token `agent` in a robots.txt, empty where the site has none.

    Of one with more than MAX_ROBOTS_BYTES the last line does not count: half a rule is another one.
    """
    text = text_of(body)
    if len(body) > MAX_ROBOTS_BYTES:
        text = "\n".join(text.splitlines()[:-1])
    return site_rules(agent, text)


def site_rules(agent: str, robots: str) -> SiteRules:
    """The same of its text."""
    lines = rules_for(agent, robots)
    delays = [line for line in lines if line.startswith("Crawl-delay:")]
    delay_s = Protego.parse("\n".join(["User-agent: *", *delays])).crawl_delay("*")
    return SiteRules(delay_s=delay_s or 0.0, robots=Rules((line, _path(line)) for line in lines))


def _path(line: str) -> str:
    """The path for which a line of a robots.txt holds, empty where it holds for all."""
    field, _, said = line.partition(": ")
    if not field.startswith("Content-"):
        return said
    with_path = _PATH_FIRST.fullmatch(said)
    return with_path[1] if with_path else ""


def _beginning(path: str) -> str:
    """What a path must begin with to match that of a rule, as far as it is plain letters."""
    plain = _NOT_PLAIN.split(path, maxsplit=1)[0] if path.startswith("/") else ""
    return plain.removesuffix(_INDEX)


def _place(url: str) -> str:
    """The path and the query of a URL without escapes."""
    parts = urlsplit(url)
    query = f"?{parts.query}" if "?" in url else ""
    return unquote(f"{parts.path or '/'}{query}")


def _evidence(near: Sequence[str], field: str) -> str:
    rules = " | ".join(rule for rule in near[:_MAX_EVIDENCE_CHARS] if rule.startswith(field))
    return f"robots.txt: {rules}"[:_MAX_EVIDENCE_CHARS]


# The images of a site are asked for a few in a row, and most of them are near the same rules.
@lru_cache(256)
def _parsed(rules: tuple[str, ...]) -> tuple[Protego | None, Protego | None]:
    """What rules say of paths, and what they say of use, None where they say nothing."""
    if not rules:
        return None, None
    return Protego.parse("\n".join(["User-agent: *", *rules])), _usage(rules)


def _usage(rules: Sequence[str]) -> Protego | None:
    """The lines Content-Usage and Content-Signal, as a robots.txt of their own.

    They match paths as Allow and Disallow do, and the longest path counts
    (draft-ietf-aipref-attach, section 3). Of two equal paths the refusal counts.
    """
    refused: dict[str, bool] = {}
    for rule in rules:
        field, _, said = rule.partition(": ")
        if not field.startswith("Content-"):
            continue
        with_path = _PATH_FIRST.fullmatch(said)
        path, preferences = with_path.groups() if with_path else ("/", said)
        refuses = refuses_training(preferences.strip())
        if refuses is not None:
            refused[path] = refused.get(path, False) or refuses
    lines = [f"{'Disallow' if no else 'Allow'}: {path}" for path, no in refused.items()]
    return Protego.parse("\n".join(["User-agent: *", *lines])) if lines else None


def _wishes(url: str, near: Sequence[str]) -> list[Wish]:
    """The terms of Content-Usage and Content-Signal for `url`, of the longest path of each."""
    wishes = []
    for name in _USAGES:
        matching: dict[str, list[str]] = {}
        for rule in near:
            field, _, said = rule.partition(": ")
            if field != name:
                continue
            with_path = _PATH_FIRST.fullmatch(said)
            path, preferences = with_path.groups() if with_path else ("/", said)
            if _is_matched(url, (f"Disallow: {path}",)):
                matching.setdefault(path, []).append(preferences.strip())
        for preferences in matching[max(matching, key=len)] if matching else []:
            evidence = as_text(f"robots.txt: {name}: {preferences}"[:_MAX_EVIDENCE_CHARS])
            wishes += [Wish(name, term, evidence) for term in terms_in(preferences)]
    return wishes


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
        field = _RESERVATIONS.get(str(rule.get("tdm-reservation")))
        if field:
            found.setdefault("".join(rule["location"].split()), field)
    return Rules((f"{field}: {location}", location) for location, field in found.items())


def _reserved(url: str, reserving: Sequence[str]) -> Refusal | None:
    """The first rule that matches `url` counts; paths match as those of a robots.txt do.

    W3C TDMRep, final report of 2024-05-10, on the file on the origin server.
    """
    for is_reserved, rules in groupby(reserving, lambda rule: rule.startswith("Disallow:")):
        lines = tuple(f"Disallow: {rule.partition(': ')[2]}" for rule in rules)
        if not _is_matched(url, lines):
            continue
        if not is_reserved:
            return None
        line = next(line for line in lines if _is_matched(url, (line,)))
        location = line.partition(": ")[2]
        evidence = f'/.well-known/tdmrep.json: "location": "{location}", "tdm-reservation": 1'
        return Refusal("opted_out_tdmrep", evidence[:_MAX_EVIDENCE_CHARS])
    return None


def _is_matched(url: str, disallowing: tuple[str, ...]) -> bool:
    robots, _ = _parsed(disallowing)
    return robots is not None and not robots.can_fetch(url, "*")
