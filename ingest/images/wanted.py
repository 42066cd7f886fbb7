"""Says whether an image is left out: where all that it is wanted for is refused."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from pairlake.ingest.images.optout import Refusal, Wish, evidence_of
from pairlake.lake.meanings import CRAWL, Meaning


class Wanted:
    """The uses for which images are wanted, and which terms refuse what, by the seed's meanings."""

    def __init__(self, uses: Iterable[str], meanings: Iterable[Meaning]) -> None:
        self._uses = tuple(uses)
        # By property and term: the uses that it refuses, each with the signal.
        self._refused: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
        for each in meanings:
            if each.says == "disallow":
                term = (each.property, each.value.lower())
                self._refused[term].append((each.use, each.signal))

    def refusal(self, wishes: Iterable[Wish]) -> Refusal | None:
        """Why an image of which this is wished is left out, or None.

        Who refuses crawling refuses it all. Else all uses that are wanted have to be refused, by
        whomever; the outcome is named after who refuses the first.
        """
        refused: dict[str, tuple[str, Wish]] = {}
        for wish in wishes:
            for use, signal in self._refused.get((wish.property, wish.value.lower()), ()):
                refused.setdefault(use, (signal, wish))
        wanted = (CRAWL,) if CRAWL in refused else self._uses
        if not all(use in refused for use in wanted):
            return None
        signal = refused[wanted[0]][0]
        said = dict.fromkeys(refused[use][1].evidence for use in wanted)
        return Refusal(f"opted_out_{signal}", evidence_of(" | ".join(said)))
