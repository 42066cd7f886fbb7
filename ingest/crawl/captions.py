"""Cleans alt text into captions. What it does decides caption_id and pair_id.

A change here is a migration: raise CLEANING_VERSION, which stands on every crawl file.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable

import ftfy
import polars as pl
from ftfy.badness import is_bad
from ftfy.fixes import uncurl_quotes

from pairlake.ingest.crawl.references import decoded_if_whole

CLEANING_VERSION = 2
MAX_CAPTION_CHARS = 2_000

# Alt text may be megabytes long; an entity of ten characters may stand for one of the caption.
_MAX_ALT_CHARS = 10 * MAX_CAPTION_CHARS
# Each round can uncover the work of the next: an entity within mojibake within an entity.
_MAX_ROUNDS = 8

# Controls, and the invisible characters that change what a reader sees: zero-width space, marks
# and overrides of direction, soft hyphen, byte order mark, tags, lone surrogates, noncharacters.
# The joiners U+200C and U+200D stay: Persian and emoji need them.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e"
    "\u2060-\u206f\ufdd0-\ufdef\ufeff\ufff0-\ufffb\ufffe\uffff\ud800-\udfff"
    "\U000e0000-\U000e007f]"
)
# What ftfy mends beside encodings: escapes, controls, surrogates and ligatures. Line ends are white
# space here; it looks at every line by itself, where these letters are bad if they come first.
_MENDABLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u0132\u0133\u0149\u01c4-\u01cc\u01f1-\u01f3"
    "\u2028\u2029\u206a-\u206f\ud800-\udfff\ufb00-\ufb06\ufeff\ufff9-\uffff]"
    "|\n[\xc2\xc3]"
)
_CURLY = re.compile("[\u02bc\u2018-\u201f]")
# As LAION called it, but that Chinese and Japanese keep their punctuation: ftfy would narrow their
# commas and straighten the marks that Chinese quotes with. References are decoded here.
_MENDING = ftfy.TextFixerConfig(unescape_html=False, fix_character_width=False, uncurl_quotes=False)
_CJK = re.compile("[\u3001-\u30ff\u3400-\u9fff\uff00-\uffef\U00020000-\U0003ffff]")
# What version 1 cleaned otherwise: loose references, quotation marks, characters of other width.
_CLEANED_OTHERWISE = "[&\u02bc\u2018-\u201f\uff01-\uffee]"
# Letters and digits of another width, which are narrowed, or widened, as ftfy does.
_OF_OTHER_WIDTH = re.compile("[\uff10-\uff19\uff21-\uff3a\uff41-\uff5a\uff66-\uffdc]+")

# Alt text that is its own caption, told by one pass of a regular expression over a whole column:
# words with single spaces between, of ASCII without entities, of scripts of which no broken
# encoding consists, and of accented letters that stand alone. Mojibake is two characters of which
# neither is ASCII side by side, but for the letters left out here, and but for Cyrillic and Greek
# capitals with a hyphen between.
_LETTER = (
    "!-%'-~"  # ASCII but for &
    "Α-ΡΣ-Ωα-ωА-Яа-яЁё"  # noqa: RUF001 - Greek, Cyrillic
    "א-תء-غف-يก-ฮ"  # Hebrew, Arabic, Thai
    "ぁ-ゖァ-ヺ・ー一-鿿가-힣"  # Japanese, Chinese, Korean
    "\u3001-\u3011\u3014-\u301c\uff01-\uff0f\uff1a-\uff20"  # and their punctuation
    "\uff3b-\uff40\uff5b-\uff65"
)
_ACCENTED = "À-ÁÄ-ÖØ-öø-ıĴ-ňŊ-őŔ-ž"
_WORD = f"(?:(?:[{_ACCENTED}]?[{_LETTER}])+[{_ACCENTED}]?|[{_ACCENTED}])"
_CLEAN = f"^{_WORD}(?: {_WORD})*$"
_MAY_BE_MOJIBAKE = "[ВГРСΒΓΞΟ]-[ВГРСΒΓΞΟ]"


def clean_captions(alts: pl.Series) -> pl.Series:
    """`clean_caption` of every value; null stays null."""
    frame = alts.alias("alt").to_frame()
    is_clean = (
        pl.col("alt").str.contains(_CLEAN)
        & ~pl.col("alt").str.contains(_MAY_BE_MOJIBAKE)
        & (pl.col("alt").str.len_chars() <= MAX_CAPTION_CHARS)
    )
    others = frame.filter(~is_clean).unique()
    cleaned = [clean_caption(alt) for alt in others["alt"]]
    captions = others.with_columns(caption=pl.Series(cleaned, dtype=pl.String))
    return frame.join(captions, on="alt", how="left", maintain_order="left").select(
        pl.coalesce("caption", "alt")
    )["caption"]


def clean_caption(alt: str) -> str:
    """The caption of an alt text: at most 2,000 characters on one line, '' if nothing is left.

    References that the page's author encoded twice are decoded, broken encodings mended (ftfy, as
    LAION did), invisible characters taken out, white space folded. Cleaning a caption again gives
    the same caption.
    """
    return _cleaned(alt, _once)


def former_caption(alt: str) -> str:
    """What version 1 made of an alt text, by which older rows and takedowns have its caption."""
    try:
        return _cleaned(alt, _once_in_version_1)
    except ValueError:  # version 1 could not read numbers of thousands of digits
        return clean_caption(alt)


def former_captions(captions: pl.Series) -> pl.Series:
    """`former_caption` of captions as they are cleaned today."""
    may_differ = captions.str.contains(_CLEANED_OTHERWISE)
    others = captions.filter(may_differ).unique()
    former = pl.Series([former_caption(caption) for caption in others], dtype=pl.String)
    return captions.replace(others, former)


def former_captions_of_any(alts: pl.Series) -> pl.Series:
    """`former_caption` of every value."""
    return former_captions(clean_captions(alts))


def is_plain_caption(column: str) -> str:
    """The condition in SQL that every version leaves a text as it is; a few others are left too."""
    return rf"regexp_full_match({column}, '[!-%\x27-~]+( [!-%\x27-~]+)*')"


def _cleaned(alt: str, once: Callable[[str], str]) -> str:
    text = once(alt[:_MAX_ALT_CHARS])
    if text == alt or (text.isascii() and "&" not in text):
        return text
    for _ in range(_MAX_ROUNDS):
        again = once(text)
        if again == text:
            break
        text = again
    return text


def _once(text: str) -> str:
    text = decoded_if_whole(text)
    if not text.isascii() and _may_be_mended(text):
        text = ftfy.fix_text(text, _MENDING)
    if not text.isascii():
        if _CURLY.search(text) and not _CJK.search(text):
            text = uncurl_quotes(text)
        text = _OF_OTHER_WIDTH.sub(_of_usual_width, text)
    return _folded(text)


def _once_in_version_1(text: str) -> str:
    text = html.unescape(text)
    return _folded(text if text.isascii() else ftfy.fix_text(text))


def _folded(text: str) -> str:
    if not text.isprintable():
        text = _INVISIBLE.sub("", text)
    # Cut at the start too: what is cut off must not be able to change the rest in a next round.
    return " ".join(text.split())[:MAX_CAPTION_CHARS].rstrip()


def _of_usual_width(letters: re.Match[str]) -> str:
    return unicodedata.normalize("NFKC", letters[0])


def _may_be_mended(text: str) -> bool:
    """Whether ftfy could change the text, which takes it ten times as long to find out."""
    return (
        _MENDABLE.search(text) is not None
        or not unicodedata.is_normalized("NFC", text)
        or is_bad(text)
    )
