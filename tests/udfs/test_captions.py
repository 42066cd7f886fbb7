"""What is told of a caption: its language, by two detectors, and its toxicity, by model or list."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from pairlake.lake.settings import settings
from pairlake.udfs import caption_languages, caption_toxicity, registry
from pairlake.udfs.job import ModelUnavailable

REAL_LISTS = Path(__file__).resolve().parents[3] / "shared" / "data" / "words"
SENTENCES = {
    "en": "A colourful drawing of a cat in the garden behind the house",
    "de": "Eine bunte Zeichnung einer Katze im Garten hinter dem Haus",
    "fr": "Un dessin en couleurs d'un chat dans le jardin derrière la maison",
    "fil": "Isang makulay na larawan ng pusa sa hardin sa likod ng bahay",
    "iw": "ציור צבעוני של חתול בגינה מאחורי הבית",
    "ja": "家の裏庭にいる猫のカラフルな絵です",
    "ru": "Цветной рисунок кошки в саду за домом",
    "zh": "房子后面花园里的一只猫的彩色图画",
}
ODD = [
    "",
    " ",
    "\n",
    "\r\n\t",
    "\x00",
    "a\x00b",
    "\ufffd\ufeff\u202e\u2028",
    "🖕🏽🇩🇪 𐍈",
    "e\u0301" * 60,
]
# Written to try the rules.
LISTS = {
    "en": "ass\ncunt\nsex\n🖕\nDirty  Phrase\n",
    "de": "Arschkrampe\nSchweiß\n",
    "fr": "zut\n",
    "fr-CA-u-sd-caqc": "tabarnak\n",
    "hi": "bura shabd\n",
    "ja": "糞\nsm\n3p",
    "ko": "개새끼\n유모\n씹\n",
    "no": "skit\n",
    "fil": "bad na salita\n",
    "tr": "k\u0131r\u0131k\n",
    "zh": "13.\n性\n屌\n",
}


def _ids(count: int) -> pa.Array:
    return pa.array([number.to_bytes(16) for number in range(count)], pa.uuid())


def _detect(model: str, *captions: str) -> list[dict[str, object]]:
    udf = caption_languages.load(caption_languages.identify(model))
    batch = pa.record_batch(
        {"caption_id": _ids(len(captions)), "caption": pa.array(captions, pa.string())}
    )
    return udf(batch).to_pylist()


def _toxicity(model: str, *captions: tuple[str | None, str]) -> list[float | None]:
    """Of (language, caption) each; checks that the outcome says the same."""
    udf = caption_toxicity.load(caption_toxicity.identify(model))
    languages, texts = zip(*captions, strict=True)
    batch = pa.record_batch(
        {
            "caption_id": _ids(len(captions)),
            "caption": pa.array(texts, pa.string()),
            "language": pa.array(languages, pa.string()),
        }
    )
    rows = udf(batch).to_pylist()
    assert [row["caption_id"] for row in rows] == batch["caption_id"].to_pylist()
    for row in rows:
        assert (row["outcome"] == "ok") == (row["toxicity"] is not None)
        assert row["outcome"] in ("ok", "language_not_covered")
    return [row["toxicity"] for row in rows]


def _lists_are(monkeypatch: pytest.MonkeyPatch, lists: dict[str, str]) -> None:
    folder = settings().models / "ldnoobw"
    folder.mkdir(parents=True, exist_ok=True)
    for code, text in lists.items():
        (folder / code).write_text(text)
    entry = registry.Entry(
        name="ldnoobw",
        kinds=("toxicity",),
        licence="CC-BY-4.0",
        source="https://lists.example/",
        files=dict.fromkeys(lists, ""),
    )
    monkeypatch.setattr(registry, "entries", lambda: {"ldnoobw": entry})


@pytest.fixture
def lists(monkeypatch: pytest.MonkeyPatch) -> None:
    """Word lists of our own, on disk and in the registry."""
    _lists_are(monkeypatch, LISTS)


@pytest.fixture
def fetch_real(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Lays LDNOOBW's own lists where `pairlake models --fetch ldnoobw` would."""
    if not (REAL_LISTS / "ldnoobw_en.txt").is_file():
        pytest.skip("LDNOOBW's lists are not part of the repository, and are not beside it here")

    def fetch() -> None:
        folder = settings().models / "ldnoobw"
        folder.mkdir(parents=True)
        for place in REAL_LISTS.glob("ldnoobw_*.txt"):
            shutil.copy(place, folder / place.stem.removeprefix("ldnoobw_"))

    return fetch


def test_english_other_and_none_are_told_apart() -> None:
    english, german, none = _detect("cld3", SENTENCES["en"], SENTENCES["de"], "xq 7")
    assert (english["language"], english["is_reliable"]) == ("en", True)
    assert (german["language"], german["is_reliable"]) == ("de", True)
    assert none["is_reliable"] is False


@pytest.mark.parametrize("model", ["cld3", "lid176"])
def test_both_detectors_know_a_sentence_and_name_languages_alike(model: str) -> None:
    rows = _detect(model, *SENTENCES.values())
    assert [row["language"] for row in rows] == list(SENTENCES)
    assert all(0.5 < float(str(row["probability"])) <= 1 for row in rows)


@pytest.mark.parametrize("model", ["cld3", "lid176"])
def test_odd_and_endless_captions_get_a_row_each(model: str) -> None:
    captions = [*ODD, "cat " * 2500, "\n".join(SENTENCES["de"].split()), "猫" * 10_000]
    rows = _detect(model, *captions)
    assert [row["outcome"] for row in rows] == ["ok"] * len(captions)
    assert rows[-2]["language"] == "de"


@pytest.mark.parametrize("model", ["cld3", "lid176"])
def test_no_captions_make_no_rows(model: str) -> None:
    assert _detect(model) == []


def test_fasttext_judges_no_reliability_but_is_unsure_of_what_it_does_not_know() -> None:
    known, *unknown = _detect("lid176", SENTENCES["en"], "xq 7", "12345", "")
    assert known["is_reliable"] is None
    assert all(float(str(row["probability"])) < 0.5 for row in unknown)


def test_capitals_are_no_other_language() -> None:
    small, capital = _detect("lid176", SENTENCES["fr"], SENTENCES["fr"].upper())
    assert small["language"] == capital["language"] == "fr"


def test_a_script_is_not_a_language() -> None:
    (row,) = _detect("cld3", "zhè shì yī zhī māo zài huāyuán lǐ wánshuǎ de zhàopiàn")
    assert "-" not in str(row["language"])


def test_an_unknown_detector_is_refused() -> None:
    with pytest.raises(ModelUnavailable, match="cld3 or lid176"):
        caption_languages.identify("fasttext")


def test_each_detector_is_another_model() -> None:
    cld3, lid176 = map(caption_languages.identify, ("cld3", "lid176"))
    assert cld3.weights_sha256.startswith("cld3-py ")
    assert len(lid176.weights_sha256) == 64
    assert cld3.model_id != lid176.model_id


def test_profanity_check_reads_english_alone() -> None:
    pytest.importorskip("profanity_check", reason="the extra pairlake[toxicity] is not installed")
    clean, dirty, unknown, german, endless = _toxicity(
        "profanity_check",
        ("en", SENTENCES["en"]),
        ("en", "you are a stupid idiot and this is shit"),
        (None, "you are a stupid idiot and this is shit"),
        ("de", SENTENCES["de"]),
        ("en", "cat " * 2500),
    )
    assert clean is not None
    assert dirty is not None
    assert clean < 0.2 < 0.8 < dirty <= 1
    assert unknown == dirty
    assert german is None
    assert endless is not None
    assert _toxicity("profanity_check", ("de", "Katze")) == [None]


def test_profanity_check_is_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise registry.PackageNotFoundError(name)

    monkeypatch.setattr(registry, "distribution", missing)
    with pytest.raises(ModelUnavailable, match=r"pip install -e '\.\[toxicity\]'"):
        caption_toxicity.identify("profanity_check")


def test_profanity_checks_pickles_are_only_loaded_as_they_are_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known = registry.entries()["profanity_check"]
    other = replace(known, within=dict.fromkeys(known.within, "0" * 64))
    monkeypatch.setattr(registry, "entries", lambda: {"profanity_check": other})
    with pytest.raises(ModelUnavailable, match="is not used; run: pip install --force-reinstall"):
        caption_toxicity.identify("profanity_check")


@pytest.mark.usefixtures("lists")
@pytest.mark.parametrize(
    ("language", "caption", "toxicity"),
    [
        ("en", "What an ASS!", 1),
        ("en", "a dirty\tphrase,", 1),
        ("en", "sex_and_more.jpg", 1),
        ("en", "\uff53\uff45\uff58", 1),  # full-width letters
        ("en", "so 🖕🏽", 1),
        ("en", "Scunthorpe, Essex: first class", 0),
        ("en", "", 0),
        (None, "kick ass", 1),
        ("de", "du ARSCHKRAMPE", 1),
        ("de", "SCHWEISS", 1),
        ("de", "sex", 0),  # the English list is not for German
        ("fr", "Tabarnak!", 1),  # nor is Quebec apart from France
        ("hi", "yah bura shabd hai", 1),
        ("hi", "यह एक बिल्ली है", None),
        ("ja", "これは糞です", 1),
        ("ja", "sm", 0),
        ("ja", "mp3player 3peace", 0),
        ("ja", "今夜3pだ", 1),
        ("ko", "개새끼들이", 1),
        ("ko", "유모차", 0),
        ("ko", "씹는 과자", 0),
        ("nn", "skit", 1),
        ("tl", "bad na salita", 1),
        ("tr", "KIRIK", 1),
        ("zh", "女性 13.", 0),
        ("zh", "你真屌啊", 1),
        ("eu", "sex ass", None),
        ("", "ass", None),
    ],
)
def test_a_listed_word_counts_in_its_language_and_as_a_word(
    language: str | None, caption: str, toxicity: float | None
) -> None:
    assert _toxicity("ldnoobw", (language, caption)) == [toxicity]


@pytest.mark.usefixtures("lists")
def test_languages_may_mix_in_a_batch_and_odd_captions_get_a_row_each() -> None:
    mixed = [("en", "ass"), ("eu", "ass"), ("de", "ass"), (None, "ass"), ("en", "cat")]
    assert _toxicity("ldnoobw", *mixed) == [1, None, 0, 1, 0]
    odd = _toxicity("ldnoobw", *(("en", caption) for caption in [*ODD, "ass " * 2500]))
    assert odd == [0, 0, 0, 0, 0, 0, 0, 1, 0, 1]


def test_other_lists_are_another_model(monkeypatch: pytest.MonkeyPatch) -> None:
    _lists_are(monkeypatch, LISTS)
    before = caption_toxicity.identify("ldnoobw")
    # Else it is held to what came first.
    (settings().models / "ldnoobw" / "fr.sha256").unlink()
    _lists_are(monkeypatch, LISTS | {"fr": "zut\nflûte\n"})
    assert caption_toxicity.identify("ldnoobw").model_id != before.model_id


@pytest.mark.parametrize(("model", "hint"), [("ldnoobw", "--fetch ldnoobw"), ("x", "ldnoobw or")])
def test_a_toxicity_model_that_cannot_be_had_is_named(model: str, hint: str) -> None:
    with pytest.raises(ModelUnavailable, match=hint):
        caption_toxicity.identify(model)


def test_the_lists_of_ldnoobw_are_those_of_the_registry(fetch_real: Callable[[], None]) -> None:
    fetch_real()
    words = {
        code: (settings().models / "ldnoobw" / code).read_text().split("\n")[1]
        for code in registry.entries()["ldnoobw"].files
    }
    assert len(words) == 28
    found = _toxicity("ldnoobw", *((code.split("-")[0], word) for code, word in words.items()))
    assert found == [1] * 28
    clean = [(code, text) for code, text in SENTENCES.items() if code != "iw"]
    assert _toxicity("ldnoobw", *clean) == [0] * len(clean)
    assert _toxicity("ldnoobw", ("iw", SENTENCES["iw"])) == [None]


def test_everyday_english_is_clean_by_ldnoobw(fetch_real: Callable[[], None]) -> None:
    fetch_real()
    traps = [
        "Scunthorpe United",
        "Essex, Sussex",
        "first class",
        "cocktail",
        "Pakistan",
        "analysis",
    ]
    assert _toxicity("ldnoobw", *(("en", text) for text in traps)) == [0] * len(traps)
