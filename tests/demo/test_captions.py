"""Caption templates: whole sentences whose language can be told."""

from __future__ import annotations

import random
from collections import Counter

import gcld3
import pytest

from pairlake.demo.captions import TEMPLATES, caption
from pairlake.demo.pictures import LANGUAGES, pictures


def test_every_language_has_templates() -> None:
    assert set(TEMPLATES) == set(LANGUAGES)
    for templates in TEMPLATES.values():
        assert len(set(templates)) >= 6
        assert [template.count("{name}") for template in templates] == [1] * len(templates)


@pytest.mark.parametrize("language", [one for one in LANGUAGES if one not in ("ja", "zh")])
def test_a_sentence_has_five_words_or_more(language: str) -> None:
    for template in TEMPLATES[language]:
        assert len(template.format(name="X").split()) >= 5, template


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_language_of_a_sentence_is_told(language: str) -> None:
    detector = gcld3.NNetLanguageIdentifier(min_num_bytes=0, max_num_bytes=1000)
    rng = random.Random(5)
    sentences = [caption(language, one.names[language], rng) for one in pictures()[::10]]
    told = Counter(detector.FindLanguage(sentence).language for sentence in sentences)
    assert told[language] >= 0.95 * len(sentences), told


def test_the_seed_decides_and_every_template_is_drawn() -> None:
    first, second = random.Random(1), random.Random(1)
    drawn = [caption("en", "red apple", first) for _ in range(200)]
    assert drawn == [caption("en", "red apple", second) for _ in range(200)]
    assert set(drawn) == {template.format(name="red apple") for template in TEMPLATES["en"]}
