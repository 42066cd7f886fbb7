"""Reads what a site says of its paths before they are asked for: robots.txt and tdmrep.json."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from urllib.parse import urlsplit

from protego import Protego

from ingest.images.optout import Refusal, refuses_training
from ingest.robots import rules_for

# RFC 9309, 2.5: crawlers read at least 500 KiB.
MAX_ROBOTS_BYTES = 512 * 1024
# Of a tdmrep.json, of which each rule takes a while.
MAX_RESERVATIONS = 5_000
_MAX_EVIDENCE_CHARS = 300
_PATH_FIRST = re.compile(r"(/\S*)\s+(.*)")


@dataclass(frozen=True, kw_only=True)
class SiteRules:
    """What one origin allows us: its robots.txt, its wishes about use, and its tdmrep.json.

    `unheard` says why they could not be had, with the outcome that it is; then nothing is allowed,
    `is_fault` says that it was the site's answer, and `retry_after_s` is the break that it asked
    for, None if it did not. `rules` are the lines of robots.txt that hold for us, `reservations`
    (path, reserved) of tdmrep.json in order.
    """

    unheard: Refusal | None = None
    is_fault: bool = False
    retry_after_s: float | None = None
    rules: Sequence[str] = ()
    robots: Protego | None = None
    usage: Protego | None = None
    reservations: Sequence[tuple[str, bool]] = ()

    def refusal(self, url: str) -> Refusal | None:
        """Why `url` is not to be asked for, or None."""
        if self.unheard is not None:
            return self.unheard
        if self.robots and not self.robots.can_fetch(url, "*"):
            return Refusal("opted_out_robots_txt", self._evidence(url, "Disallow:"))
        if self.usage and not self.usage.can_fetch(url, "*"):
            return Refusal("opted_out_content_usage", self._evidence(url, "Content-"))
        return _reserved(url, self.reservations)

    @property
    def delay_s(self) -> float:
        """Seconds that robots.txt asks to wait between requests (Crawl-delay), 0 if it does not."""
        return (self.robots and self.robots.crawl_delay("*")) or 0.0

    @property
    def chars(self) -> int:
        """About how much is kept, in characters."""
        return sum(map(len, self.rules)) + sum(len(path) for path, _ in self.reservations)

    def with_reservations(self, tdmrep: bytes) -> SiteRules:
        """The same with what a tdmrep.json reserves; empty where the site has none."""
        return replace(self, reservations=_reservations(tdmrep))

    def _evidence(self, url: str, field: str) -> str:
        """The rules of that kind that begin as the path does."""
        path = urlsplit(url).path or "/"
        found = [rule for rule in self._beginnings if rule[0].startswith(field)]
        matching = [rule for rule in found if path.startswith(rule[1])]
        rules = " | ".join(rule for rule, _ in (matching or found)[:_MAX_EVIDENCE_CHARS])
        return f"robots.txt: {rules}"[:_MAX_EVIDENCE_CHARS]

    @cached_property
    def _beginnings(self) -> Sequence[tuple[str, str]]:
        """Each rule, with what a path must begin with to match it."""
        return [(rule, _literal(rule)) for rule in self.rules]


def site_rules(agent: str, robots: str) -> SiteRules:
    """The rules for the product token `agent` in a robots.txt, empty where the site has none."""
    rules = rules_for(agent, robots)
    return SiteRules(
        rules=rules,
        robots=Protego.parse("\n".join(["User-agent: *", *rules])) if rules else None,
        usage=_usage(rules),
    )


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


def _reservations(tdmrep: bytes) -> list[tuple[str, bool]]:
    """(path, reserved) in the order of a tdmrep.json; what is no rule is left out."""
    try:
        listed = json.loads(tdmrep) if tdmrep else []
    except (ValueError, RecursionError):
        return []
    found = []
    for rule in (listed if isinstance(listed, list) else [listed])[:MAX_RESERVATIONS]:
        if not isinstance(rule, dict) or not isinstance(rule.get("location"), str):
            continue
        said = str(rule.get("tdm-reservation"))
        if said in ("0", "1"):
            found.append(("".join(rule["location"].split()), said == "1"))
    return found


def _reserved(url: str, reservations: Sequence[tuple[str, bool]]) -> Refusal | None:
    """The first rule that matches `url` counts; paths match as those of a robots.txt do.

    W3C TDMRep, final report of 2024-05-10, on the file on the origin server.
    """
    path = urlsplit(url).path or "/"
    for location, is_reserved in reservations:
        if not path.startswith(_literal(location)):
            continue
        if Protego.parse(f"User-agent: *\nDisallow: {location}").can_fetch(url, "*"):
            continue
        if not is_reserved:
            return None
        evidence = f'/.well-known/tdmrep.json: "location": "{location}", "tdm-reservation": 1'
        return Refusal("opted_out_tdmrep", evidence[:_MAX_EVIDENCE_CHARS])
    return None


def _literal(rule: str) -> str:
    """What a path must begin with to match a rule, as far as it is plain letters."""
    path = rule.partition(": ")[2] or rule
    return re.split(r"[*$%\s]", path, maxsplit=1)[0] if path.startswith("/") else ""
