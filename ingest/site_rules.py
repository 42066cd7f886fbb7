"""Reads what a site says of its paths before they are asked for: robots.txt and tdmrep.json."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from protego import Protego

from ingest.optout import Refusal, refuses_training

# RFC 9309, 2.5: crawlers read at least 500 KiB.
MAX_ROBOTS_BYTES = 512 * 1024
_MAX_EVIDENCE_CHARS = 300
_AGENT_LINE = re.compile(r"\s*user-?agent\s*:", re.IGNORECASE)
_USAGE_LINE = re.compile(r"\s*content-(?:usage|signal)\s*:\s*(?:(/\S*)\s+)?([^#]*)", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class SiteRules:
    """What one origin allows `agent`: its robots.txt, its wishes about use, and tdmrep.json.

    `unreachable` says why its robots.txt could not be had; then nothing is allowed.
    """

    agent: str
    unreachable: str | None = None
    robots: Protego | None = None
    robots_text: str = ""
    usage: Protego | None = None
    tdm: Protego | None = None

    def refusal(self, url: str) -> Refusal | None:
        """Why `url` is not to be asked for, or None."""
        if self.unreachable is not None:
            return Refusal("robots_unreachable", self.unreachable)
        if self.robots and not self.robots.can_fetch(url, self.agent):
            return Refusal("opted_out_robots_txt", f"robots.txt: {self.robots_text}")
        if self.usage and not self.usage.can_fetch(url, self.agent):
            return Refusal("opted_out_content_usage", f"robots.txt: {self.robots_text}")
        if self.tdm and not self.tdm.can_fetch(url, self.agent):
            return Refusal("opted_out_tdmrep", "/.well-known/tdmrep.json")
        return None

    @property
    def delay_s(self) -> float:
        """Seconds that robots.txt asks to wait between requests (Crawl-delay), 0 if it does not."""
        return (self.robots and self.robots.crawl_delay(self.agent)) or 0.0

    def with_reservations(self, tdmrep: bytes) -> SiteRules:
        """The same with what a tdmrep.json reserves; empty where the site has none."""
        return replace(self, tdm=_tdm(tdmrep))


def site_rules(agent: str, robots: str) -> SiteRules:
    """The rules in a robots.txt, empty where the site has none."""
    lines = (line.partition("#")[0].strip() for line in robots.splitlines())
    return SiteRules(
        agent=agent,
        robots=Protego.parse(robots) if robots else None,
        robots_text=" | ".join(filter(None, lines))[:_MAX_EVIDENCE_CHARS],
        usage=_usage(robots),
    )


def _usage(robots: str) -> Protego | None:
    """The lines Content-Usage and Content-Signal, as a robots.txt of their own.

    They stand in the groups and match paths as Allow and Disallow do; the longest path counts
    (draft-ietf-aipref-attach, section 3). Of two equal ones the refusal counts, where robots.txt
    would allow: hence the `*`, which makes it the longer one.
    """
    if "content-" not in robots.lower():
        return None
    lines = []
    for line in robots.splitlines():
        said = _USAGE_LINE.match(line)
        if said is None:
            # Any other rule ends the names of its group.
            lines.append(line if _AGENT_LINE.match(line) else "Rule: none" * bool(line.strip()))
            continue
        path, refuses = said[1] or "/", refuses_training(said[2].strip())
        if refuses is not None:
            end = "*" if refuses and not path.endswith("$") else ""
            lines.append(f"{'Disallow' if refuses else 'Allow'}: {path}{end}")
    return Protego.parse("\n".join(lines))


def _tdm(tdmrep: bytes) -> Protego | None:
    """tdmrep.json as a robots.txt, whose matching of paths it borrows.

    W3C TDMRep, final report of 2024-05-10, on the file on the origin server.
    """
    try:
        rules = json.loads(tdmrep) if tdmrep else []
    except (ValueError, RecursionError):
        return None
    lines = ["User-agent: *", *_tdm_lines(rules if isinstance(rules, list) else [rules])]
    return Protego.parse("\n".join(lines)) if len(lines) > 1 else None


def _tdm_lines(rules: Sequence[object]) -> list[str]:
    lines = []
    for rule in rules:
        if not isinstance(rule, dict) or not isinstance(rule.get("location"), str):
            continue
        path = "".join(rule["location"].split())
        is_reserved = str(rule.get("tdm-reservation")) == "1"
        lines.append(f"{'Disallow' if is_reserved else 'Allow'}: {path}")
    return lines
