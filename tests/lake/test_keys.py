"""Identity is the same in Python and in SQL, for any text, for ever."""

from __future__ import annotations

import hashlib

import mmh3
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from pairlake.lake.catalog import connect
from pairlake.lake.keys import image_id, pair_id, text_id
from tests.keyed import with_pair_keys

# Lone surrogates are not text that UTF-8 can carry.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@given(st.lists(st.tuples(texts, texts), min_size=1, max_size=20))
@settings(max_examples=50, deadline=None)
def test_python_and_sql_agree_on_every_key(pairs: list[tuple[str, str]]) -> None:
    urls, captions = zip(*pairs, strict=True)
    keyed = with_pair_keys(pa.table({"image_url": list(urls), "caption": list(captions)}))

    for row, (url, caption) in zip(keyed.to_pylist(), pairs, strict=True):
        assert row["pair_id"] == pair_id(url, caption)
        assert row["url_id"] == text_id(url)
        assert row["caption_id"] == text_id(caption)


def test_the_separator_tells_apart_what_laions_md5_confuses() -> None:
    assert pair_id("http://a.example/ab", "c") != pair_id("http://a.example/a", "bc")


def test_keys_are_frozen() -> None:
    # By `printf 'http://a.example/1.png\x1fa cat' | md5sum`.
    assert pair_id("http://a.example/1.png", "a cat").hex == "bc2875e95335d124d85aec558345e0ca"
    assert text_id("a cat").hex == "c1d0e44b09d5ac52f90f463fe410fc88"
    digest = hashlib.sha256(b"picture").digest()
    assert image_id(digest).bytes == digest[:16]


def test_laion_hash_is_mmh3_of_url_and_caption() -> None:
    con = connect()
    row = con.execute("select laion_hash('http://a.example/1', 'ein Hündchen')").fetchone()
    null = con.execute("select laion_hash('x', null)").fetchone()
    con.close()
    assert row == (mmh3.hash64("http://a.example/1ein Hündchen".encode())[0],)
    assert null == (mmh3.hash64(b"x")[0],)
