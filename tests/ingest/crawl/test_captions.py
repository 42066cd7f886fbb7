# ruff: noqa: RUF001 - look-alike characters are what is tested here
"""What cleaning makes of alt text: golden vectors, since caption_id and pair_id depend on it."""

from __future__ import annotations

import re
import unicodedata

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pairlake.ingest.crawl import captions
from pairlake.ingest.crawl.captions import (
    CLEANING_VERSION,
    MAX_CAPTION_CHARS,
    clean_caption,
    clean_captions,
    former_caption,
    former_captions,
)

# Frozen: who must change one raises CLEANING_VERSION; the keys of old rows stay as they are.
GOLDEN_VERSION = 2
GOLDEN = [
    ("A cat on a mat", "A cat on a mat"),
    ("", ""),
    (" \t\n\u00a0\u3000 ", ""),
    ("  two\n\tlines\r\n of  text ", "two lines of text"),
    ("Tom &amp; Jerry", "Tom & Jerry"),
    ("Tom &amp;amp; Jerry", "Tom & Jerry"),
    ("&quot;Caf&eacute;&quot; &#8211; 5&nbsp;&euro;", '"Café" – 5 €'),
    ("&lt;b&gt;bold&lt;/b&gt;", "<b>bold</b>"),
    ("R&D & more &unknown;", "R&D & more &unknown;"),
    ("R&D&regional office at Home&center", "R&D&regional office at Home&center"),
    ("i?id=3&copy=2&section=4 &copy 2019 Q&Amp;A", "i?id=3&copy=2&section=4 &copy 2019 Q&Amp;A"),
    ("&#" + "1" * 5_000 + ";&#x" + "0" * 50 + "41;", "\ufffdA"),
    ("&#0;&#x1F600;&#xD800;", "\ufffd😀\ufffd"),
    ("cafÃ© crÃ¨me", "café crème"),
    ("âœ” No problems", "✔ No problems"),
    ("Ð¿Ñ€Ð¸Ð²ÐµÑ‚", "привет"),
    ("“quoted” and ‘single’", "\"quoted\" and 'single'"),
    ("ﬂuﬃest", "fluffiest"),
    ("ＦＵＬＬ　ｗｉｄｔｈ ｶﾞｷﾞ １２３", "FULL width ガギ 123"),
    ("你好，世界！（笑）：“好”。「はい」～", "你好，世界！（笑）：“好”。「はい」～"),
    ("“Café”（カフェ）", "“Café”（カフェ）"),
    ("â€œä½\xa0å¥½â€\x9d", "“你好”"),
    ("cafe\u0301", "café"),
    ("zero\u200bwidth\ufeff soft\u00adhyphen", "zerowidth softhyphen"),
    ("evil\u202egpj.exe\u202c", "evilgpj.exe"),
    ("bell\x07 null\x00 esc\x1b[31mred\x1b[0m\x85next", "bell null escred…next"),
    ("hidden\U000e0041\U000e0042 tag", "hidden tag"),
    ("می‌خواهم", "می‌خواهم"),
    ("👩‍👩‍👧 family", "👩‍👩‍👧 family"),
    ("北京の猫 고양이", "北京の猫 고양이"),
    ("x" * 3_000, "x" * MAX_CAPTION_CHARS),
    ("x" * (MAX_CAPTION_CHARS - 1) + " tail", "x" * (MAX_CAPTION_CHARS - 1)),
    ("😀" * 2_500, "😀" * MAX_CAPTION_CHARS),
]


@pytest.mark.parametrize(("alt", "caption"), GOLDEN)
def test_cleaning_is_frozen(alt: str, caption: str) -> None:
    assert clean_caption(alt) == caption


def test_golden_vectors_are_those_of_the_version() -> None:
    assert CLEANING_VERSION == GOLDEN_VERSION


@pytest.mark.parametrize(
    ("alt", "former"),
    [
        ("Fish &amp; chips", "Fish & chips"),
        ("R&D&regional", "R&D®ional"),
        ("i?a=1&copy=2", "i?a=1©=2"),
        ("“quoted”", '"quoted"'),
        ("“你好”，世界！", '"你好",世界!'),
        ("&#" + "1" * 5_000 + ";", "\ufffd"),
    ],
)
def test_the_caption_of_version_1_is_known_by_the_alt_and_by_the_caption(
    alt: str, former: str
) -> None:
    assert former_caption(alt) == former
    assert former_caption(clean_caption(alt)) == former


# Pieces that change each other's meaning when they come together.
PIECES = st.sampled_from(
    ["&", "amp;", "&amp;", "&lt;", "#8217;", "&#x26;", "Ã", "©", "â€™", "â", "€", "\u00a0", " ",
     "\x00", "\x1b[0m", "\u200b", "\u202e", "é", "e\u0301", "ﬁ", "“", "’", "ʼ", "Ａ", "猫", "😀",
     "x" * 700, "\n", "\r\n", "Â ", "Ã ", "1"]
)  # fmt: skip
ALTS = st.one_of(st.text(), st.lists(PIECES, max_size=12).map("".join))


@given(ALTS)
def test_cleaning_a_caption_again_changes_nothing(alt: str) -> None:
    caption = clean_caption(alt)
    assert clean_caption(caption) == caption


@given(ALTS)
def test_captions_are_bounded_single_lines_without_controls(alt: str) -> None:
    caption = clean_caption(alt)
    assert len(caption) <= MAX_CAPTION_CHARS
    assert caption == " ".join(caption.split())
    assert not {unicodedata.category(character) for character in caption} & {"Cc", "Cs"}


SCRIPTS = "aZ9-'éàøßÃÂœ猫のア。가русВГРСжёελληνικΒΞאבعربไทย "
MANY = st.one_of(
    ALTS,
    st.text(st.sampled_from(SCRIPTS), max_size=30),
    # Mojibake of Latin-1 and of Cyrillic.
    st.text(max_size=12).map(lambda text: text.encode("utf-8", "replace").decode("latin-1")),
    st.text(st.characters(min_codepoint=0x400, max_codepoint=0x4FF), max_size=9).map(
        lambda text: text.encode().decode("cp1251", "replace")
    ),
)


@example("1\nÂ x").via("ftfy looks at each line by itself, where this is broken")
@given(MANY)
def test_ftfy_is_left_out_only_where_it_changes_nothing(alt: str) -> None:
    quick = clean_caption(alt)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(captions, "_may_be_mended", lambda text: True)
        assert clean_caption(alt) == quick


@given(st.lists(MANY.map(lambda alt: alt.encode("utf-8", "replace").decode()), max_size=8))
def test_a_column_is_cleaned_as_its_values_are(alts: list[str]) -> None:
    cleaned = clean_captions(pl.Series(alts, dtype=pl.String))
    assert cleaned.to_list() == [clean_caption(alt) for alt in alts]


@given(st.lists(MANY.map(clean_caption).map(lambda text: text.encode("utf-8", "replace").decode())))
def test_what_version_1_made_of_captions_is_found_for_those_alone_that_it_changed(
    captions: list[str],
) -> None:
    former = former_captions(pl.Series(captions, dtype=pl.String))
    assert former.to_list() == [former_caption(caption) for caption in captions]


def test_what_is_taken_for_clean_is_not_touched_by_cleaning() -> None:
    for codepoint in (*range(0x20, 0xD800), *range(0xE000, 0x10000)):
        character = chr(codepoint)
        if re.fullmatch(captions._CLEAN, character):
            assert clean_caption(f"x{character}x{character}{character}") == (
                f"x{character}x{character}{character}"
            )
