"""How toxic each caption is, by a model or by word lists. Writes enriched.caption_toxicity.

`pairlake enrich caption_toxicity`. `profanity_check` is the model of alt-profanity-check: English,
a probability. `ldnoobw` is LDNOOBW's list of bad words in 28 languages: 1 if one occurs, else 0.
A caption in a language that the model does not know has the outcome language_not_covered and no
toxicity. Where no language is known, a caption is read as English, as a tool does that knows no
other.

alt-profanity-check unpickles its model when it is imported. It is imported only where the pickles
in its wheel have the sha256s of udfs/models.toml; no other pickle runs.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from pairlake.udfs import registry
from pairlake.udfs.job import Model, ModelUnavailable, Udf

NO_LANGUAGE = "en"
# Written without spaces: a listed word counts wherever it stands.
UNSPACED = ("ja", "th", "zh")
# What may be hung on a word of two syllables or more (of one, it would make quite other words).
PARTICLES = {"ko": "들?(?:은|는|이|가|을|를|의|에|에게|에서|와|과|도|만|로|으로|아|야)?"}
# Hindi's list is in Latin letters; it says nothing of a caption in Devanagari.
LATIN_LISTS = ("hi",)
# Too common a part of other words. All but `13.`, a line cut short, are as in C4
# (tensorflow_datasets, `c4.py`), where each filtered a tenth of its language.
LEFT_OUT = {"ja": ("sm", "グロ", "女の子"), "zh": ("13.", "性")}
# One language, two codes.
SAME = {"nb": "no", "nn": "no", "tl": "fil"}

kind = "toxicity"
keys = ("caption_id", "language")
values = {"toxicity": "FLOAT"}
rows_at_once = 8_192
read = "select caption_id, language, caption from work"


def identify(name: str) -> Model:
    """The model of that name; ModelUnavailable if its package or a word list is missing."""
    if name == "profanity_check":
        # Imported, the package unpickles them: only as they are known.
        files = registry.packaged(name)
        preprocessing = f"en; no language as {NO_LANGUAGE}"
    elif name == "ldnoobw":
        files = [path for paths in _word_files().values() for path in paths]
        preprocessing = (
            f"NFKC, folded, whole words; anywhere: {UNSPACED}, with particles: {PARTICLES}, "
            f"Latin letters only: {LATIN_LISTS}, without {LEFT_OUT}; no language as {NO_LANGUAGE}"
        )
    else:
        raise ModelUnavailable(
            f"There is no toxicity model {name!r}; a recipe may name ldnoobw or profanity_check."
        )
    digests = "\n".join(registry.sha256(path) for path in files)
    weights = hashlib.sha256(digests.encode()).hexdigest()
    return Model(name=name, kind=kind, weights_sha256=weights, preprocessing=preprocessing)


def load(model: Model) -> Udf:
    """(caption_id, language, caption) → (caption_id, language, outcome, toxicity).

    The language is a part of the key: judged as of another, a caption is another case.

    `toxicity` is from 0 to 1: a probability by profanity_check, one of both by ldnoobw.
    """
    return _load_lists() if model.name == "ldnoobw" else _load_profanity_check()


def _load_profanity_check() -> Udf:
    from profanity_check import predict_prob  # brings scikit-learn, and takes 2 s

    def score(batch: pa.RecordBatch) -> pa.Table:
        is_english = pc.equal(pc.fill_null(batch["language"], NO_LANGUAGE), "en")
        captions = batch["caption"].filter(is_english).to_pylist()
        found = pa.array(predict_prob(captions) if captions else [], pa.float32())
        nothing = pa.nulls(batch.num_rows, pa.float32())
        return _rows(batch, pc.replace_with_mask(nothing, is_english, found))

    return Udf(score=score)


def _load_lists() -> Udf:
    lists = {language: WordList.read(language, paths) for language, paths in _word_files().items()}

    def score(batch: pa.RecordBatch) -> pa.Table:
        captions = batch["caption"].to_pylist()
        toxicity: list[float | None] = [None] * len(captions)
        for language, numbers in _by_language(batch["language"]).items():
            if language in lists:
                found = lists[language].toxicity([captions[number] for number in numbers])
                for number, value in zip(numbers, found, strict=True):
                    toxicity[number] = value
        return _rows(batch, pa.array(toxicity, pa.float32()))

    return Udf(score=score)


def _rows(batch: pa.RecordBatch, toxicity: pa.FloatArray) -> pa.Table:
    return pa.table(
        {
            "caption_id": batch["caption_id"],
            "language": batch["language"],
            "outcome": pc.if_else(pc.is_null(toxicity), "language_not_covered", "ok"),
            "toxicity": toxicity,
        }
    )


def _by_language(languages: pa.StringArray) -> Mapping[str, list[int]]:
    """The numbers of the rows of each language."""
    numbers: dict[str, list[int]] = defaultdict(list)
    for number, language in enumerate(pc.fill_null(languages, NO_LANGUAGE).to_pylist()):
        numbers[SAME.get(language, language)].append(number)
    return numbers


@dataclass(frozen=True, kw_only=True)
class WordList:
    """The bad words and phrases of one language, folded, and one pattern of them all."""

    language: str
    phrases: tuple[str, ...]
    pattern: re.Pattern[str]

    @classmethod
    def read(cls, language: str, paths: Iterable[Path]) -> WordList:
        """The list in files of one word or phrase a line, UTF-8."""
        lines = [line for path in paths for line in path.read_text("utf-8").splitlines()]
        folded = {fold(line, language) for line in lines}
        phrases = tuple(sorted(folded - {"", *LEFT_OUT.get(language, ())}))
        pattern = re.compile("|".join(_whole(phrase, language) for phrase in phrases))
        return cls(language=language, phrases=phrases, pattern=pattern)

    def toxicity(self, captions: Iterable[str]) -> list[float | None]:
        """1 for each caption in which a phrase occurs, 0 for another, None where it cannot."""
        folded = [fold(caption, self.language) for caption in captions]
        # Aho and Corasick's way through all phrases at once leaves the pattern few captions.
        may_be = pl.Series(folded, dtype=pl.String).str.contains_any(list(self.phrases))
        return [
            float(is_candidate and self.pattern.search(text) is not None)
            if self.language not in LATIN_LISTS or re.search("[a-z]", text)
            else None
            for is_candidate, text in zip(may_be, folded, strict=True)
        ]


def fold(text: str, language: str) -> str:
    """`text` as it is compared: compatible forms alike (NFKC), no capitals, single spaces."""
    text = unicodedata.normalize("NFKC", text)
    if language == "tr":
        text = text.replace("\u0130", "i").replace("I", "\u0131")  # Turkish: dotted and dotless
    return " ".join(unicodedata.normalize("NFKC", text.casefold()).split())


def _whole(phrase: str, language: str) -> str:
    """The pattern of a phrase that is not a part of a longer word; `_` parts words."""
    letter = "[a-z0-9]" if language in UNSPACED else r"[^\W_]"
    particles = PARTICLES.get(language, "") if len(phrase) > 1 else ""
    begins = f"(?<!{letter})" if re.match(letter, phrase) else ""
    ends = f"{particles}(?!{letter})" if re.match(letter, phrase[-1]) else ""
    return begins + re.escape(phrase) + ends


def _word_files() -> Mapping[str, list[Path]]:
    """The word lists of each language: French has Quebec's as well."""
    paths: dict[str, list[Path]] = defaultdict(list)
    for file in registry.entries()["ldnoobw"].files:
        paths[file.split("-")[0]].append(registry.path("ldnoobw", file))
    return paths
