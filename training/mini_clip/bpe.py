"""Learns the byte-pair vocabulary of mini CLIP, in the file format of open_clip."""

from __future__ import annotations

import gzip
from collections import Counter, defaultdict
from collections.abc import Iterable
from heapq import heapify, heappop, heappush
from itertools import pairwise
from pathlib import Path

import pairlake.udfs.torchvision_shim  # noqa: F401  # must come before open_clip

from open_clip.tokenizer import SimpleTokenizer, bytes_to_unicode  # isort: skip

_HEADER = "#version: 0.2"
_BYTE_AND_SPECIAL_TOKENS = 2 * 256 + 2

Pair = tuple[str, str]


def learn(captions: Iterable[str], vocab_size: int) -> list[Pair]:
    """The merges of a vocabulary of `vocab_size`, most frequent first, ties in text order."""
    words, counts = _spelled(captions)
    pair_counts: Counter[Pair] = Counter()
    found_in: defaultdict[Pair, set[int]] = defaultdict(set)
    for number, word in enumerate(words):
        for pair in pairwise(word):
            pair_counts[pair] += counts[number]
            found_in[pair].add(number)
    # Counts only change where the new ones are pushed: an entry that no longer agrees
    # with its count is stale.
    ranking = [(-count, pair) for pair, count in pair_counts.items()]
    heapify(ranking)
    merges: list[Pair] = []
    while len(merges) < vocab_size - _BYTE_AND_SPECIAL_TOKENS:
        count, best = heappop(ranking)
        if pair_counts[best] != -count:
            continue
        merges.append(best)
        changed: set[Pair] = set()
        for number in found_in.pop(best):
            old, new = words[number], _merged(words[number], best)
            for pair in pairwise(old):
                pair_counts[pair] -= counts[number]
                changed.add(pair)
            for pair in pairwise(new):
                pair_counts[pair] += counts[number]
                found_in[pair].add(number)
                changed.add(pair)
            words[number] = new
        for pair in changed - {best}:
            if pair_counts[pair] > 0:
                heappush(ranking, (-pair_counts[pair], pair))
    return merges


def save(merges: list[Pair], path: Path) -> None:
    """Write the merges as SimpleTokenizer reads them; the same merges give the same bytes."""
    # A newline at the end would become an empty token.
    text = "\n".join([_HEADER, *(" ".join(pair) for pair in merges)])
    path.write_bytes(gzip.compress(text.encode(), mtime=0))


def _spelled(captions: Iterable[str]) -> tuple[list[list[str]], list[int]]:
    tokenizer = SimpleTokenizer()  # for its rules of cleaning and splitting, not its vocabulary
    letters = bytes_to_unicode()
    counted: Counter[str] = Counter()
    for caption in captions:
        counted.update(tokenizer.pat.findall(tokenizer.clean_fn(caption)))
    words = []
    for word in counted:
        spelled = [letters[byte] for byte in word.encode()]
        words.append([*spelled[:-1], spelled[-1] + "</w>"])
    return words, list(counted.values())


def _merged(word: list[str], pair: Pair) -> list[str]:
    merged: list[str] = []
    position = 0
    while position < len(word):
        if tuple(word[position : position + 2]) == pair:
            merged.append(word[position] + word[position + 1])
            position += 2
        else:
            merged.append(word[position])
            position += 1
    return merged
