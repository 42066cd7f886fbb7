"""CLD3 with LAION's settings: three outcomes, and scripts folded into languages."""

from __future__ import annotations

import pyarrow as pa
import pytest

from udfs import caption_languages
from udfs.job import ModelUnavailable


def _detect(*captions: str) -> list[dict[str, object]]:
    udf = caption_languages.load(caption_languages.identify("cld3"))
    ids = pa.array([bytes([number] * 16) for number in range(len(captions))], pa.uuid())
    batch = pa.record_batch({"caption_id": ids, "caption": list(captions)})
    return udf(batch).to_pylist()


def test_english_other_and_none_are_told_apart() -> None:
    english, german, none = _detect(
        "A colourful drawing of a cat in the garden",
        "Eine bunte Zeichnung einer Katze im Garten hinter dem Haus",
        "xq 7",
    )
    assert (english["language"], english["is_reliable"]) == ("en", True)
    assert (german["language"], german["is_reliable"]) == ("de", True)
    assert none["is_reliable"] is False


def test_a_script_is_not_a_language() -> None:
    (row,) = _detect("zhè shì yī zhī māo zài huāyuán lǐ wánshuǎ de zhàopiàn")
    assert "-" not in str(row["language"])


def test_an_unknown_detector_is_refused() -> None:
    with pytest.raises(ModelUnavailable, match="cld3"):
        caption_languages.identify("fasttext")
