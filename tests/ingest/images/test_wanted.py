"""An image is left out where all uses that it is wanted for are refused, by whomever."""

from __future__ import annotations

import csv
import itertools

import pytest

from pairlake.ingest.images.optout import Wish
from pairlake.ingest.images.wanted import Wanted
from pairlake.lake.meanings import meanings
from pairlake.lake.project import ROOT

ALL = ("search", "train", "train_generative", "ai_input", "mine")
# Each signal that a site has, with the uses that it refuses.
REFUSED = {
    ("X-Robots-Tag", "noai"): ("train", "train_generative", "ai_input"),
    ("X-Robots-Tag", "noimageai"): ("train", "train_generative", "ai_input"),
    ("X-Robots-Tag", "noml"): ("train", "train_generative", "ai_input"),
    ("X-Robots-Tag", "noindex"): ("search",),
    ("X-Robots-Tag", "noimageindex"): ("search",),
    ("X-Robots-Tag", "none"): ("search",),
    ("TDM-Reservation", "1"): ALL,
    ("tdmrep.json", "1"): ALL,
    ("robots.txt", "Disallow"): ALL,
    ("Content-Usage", "search=n"): ("search",),
    ("Content-Usage", "train-ai=n"): ("train", "train_generative"),
    ("Content-Signal", "search=no"): ("search",),
    ("Content-Signal", "ai-train=no"): ("train", "train_generative"),
    ("Content-Signal", "ai-input=no"): ("ai_input",),
    # What refuses nothing: other words, words of early drafts, allowances, and licences.
    ("X-Robots-Tag", "nofollow"): (),
    ("X-Robots-Tag", "all"): (),
    ("TDM-Reservation", "0"): (),
    ("tdmrep.json", "0"): (),
    ("Content-Usage", "search=no"): (),
    ("Content-Usage", "train-ai=y"): (),
    ("Content-Usage", "train-genai=n"): (),
    ("Content-Usage", "bots=n"): (),
    ("Content-Usage", "ai=n"): (),
    ("Content-Signal", "ai-train=n"): (),
    ("Content-Signal", "use=reference"): (),
    ("RSL", "https://a.example/license.xml"): (),
}


def outcome(uses: tuple[str, ...], *terms: tuple[str, str]) -> str | None:
    wishes = [Wish(name, value, f"{name}: {value}") for name, value in terms]
    refusal = Wanted(uses, meanings()).refusal(wishes)
    return refusal.outcome if refusal else None


@pytest.mark.parametrize("term", REFUSED)
def test_each_signal_leaves_out_what_is_wanted_for_nothing_else(term: tuple[str, str]) -> None:
    for count in range(1, len(ALL) + 1):
        for uses in itertools.combinations(ALL, count):
            is_out = set(uses) <= set(REFUSED[term])
            assert (outcome(uses, term) is not None) == is_out, uses


def test_every_signal_of_a_site_that_refuses_something_is_among_these_and_has_its_outcome() -> None:
    of_files = ("plus:", "cawg.", "c2pa.")
    said = [
        each
        for each in meanings()
        if each.says == "disallow" and not each.property.startswith(of_files)
    ]
    properties = {name for name, _ in REFUSED}
    ours = {(each.property, each.value) for each in said if each.property in properties}
    assert ours == {term for term, uses in REFUSED.items() if uses}
    with (ROOT / "models/seeds/download_outcomes.csv").open() as file:
        kinds = {row["outcome"]: row["kind"] for row in csv.DictReader(file)}
    signals = {each.signal for each in said if each.property in properties}
    assert {kinds.get(f"opted_out_{signal}") for signal in signals} == {"opt_out"}


def test_several_may_refuse_it_all_together() -> None:
    noai, noindex = ("X-Robots-Tag", "noai"), ("Content-Signal", "search=no")
    assert outcome(("search", "train"), noai) is None
    assert outcome(("search", "train"), noindex) is None
    # Named after who refuses the first use.
    assert outcome(("search", "train"), noai, noindex) == "opted_out_content_signal"
    assert outcome(("train", "search"), noai, noindex) == "opted_out_x_robots_tag"
    assert outcome(("search", "train", "mine"), noai, noindex) is None


def test_who_refuses_wins_and_case_does_not_matter() -> None:
    said = (("Content-Usage", "search=y"), ("X-Robots-Tag", "NoIndex"))
    assert outcome(("search",), *said) == "opted_out_x_robots_tag"
    assert outcome(("search",), *reversed(said)) == "opted_out_x_robots_tag"


def test_who_may_not_be_asked_is_left_out_for_that() -> None:
    said = (("TDM-Reservation", "1"), ("robots.txt", "Disallow"))
    assert outcome(("search",), *said) == "opted_out_robots_txt"


def test_the_evidence_is_what_refuses_each_use_and_nothing_else() -> None:
    wanted = Wanted(("search", "train"), meanings())
    wishes = [
        Wish("X-Robots-Tag", "nofollow", "a"),
        Wish("X-Robots-Tag", "noai", "b"),
        Wish("Content-Usage", "train-ai=n", "c"),
        Wish("X-Robots-Tag", "noindex", "b"),
    ]
    assert wanted.refusal(wishes) == ("opted_out_x_robots_tag", "b")
    wishes[-1] = Wish("X-Robots-Tag", "none", "d" * 500)
    refusal = wanted.refusal(wishes)
    assert refusal is not None
    assert refusal.evidence == f"{'d' * 300}"
