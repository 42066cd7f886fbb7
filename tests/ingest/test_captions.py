# ruff: noqa: RUF001 - look-alike characters are what is tested here
"""What cleaning makes of alt text: golden vectors, since caption_id and pair_id depend on it."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.captions import CLEANING_VERSION, MAX_CAPTION_CHARS, clean_caption

# Frozen: who must change one raises CLEANING_VERSION; the keys of old rows stay as they are.
GOLDEN_VERSION = 1
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
    ("&#0;&#x1F600;&#xD800;", "\ufffd😀\ufffd"),
    ("cafÃ© crÃ¨me", "café crème"),
    ("âœ” No problems", "✔ No problems"),
    ("Ð¿Ñ€Ð¸Ð²ÐµÑ‚", "привет"),
    ("“quoted” and ‘single’", "\"quoted\" and 'single'"),
    ("ﬂuﬃest", "fluffiest"),
    ("ＦＵＬＬ　ｗｉｄｔｈ", "FULL width"),
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


# Pieces that change each other's meaning when they come together.
PIECES = st.sampled_from(
    ["&", "amp;", "&amp;", "&lt;", "#8217;", "&#x26;", "Ã", "©", "â€™", "â", "€", "\u00a0", " ",
     "\x00", "\x1b[0m", "\u200b", "\u202e", "é", "e\u0301", "ﬁ", "“", "Ａ", "猫", "😀", "x" * 700]
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
