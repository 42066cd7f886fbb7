"""What gives access is taken out of a text, and nothing else is."""

from __future__ import annotations

import time
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairlake.lake.errors import BadRequest, as_text, in_words
from pairlake.lake.passwords import has_login, without_login, without_passwords

AMAZON = (
    "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIA%2F20260101&X-Amz-Date=20260101T000000Z"
    "&X-Amz-Expires=3600&X-Amz-SignedHeaders=host&X-Amz-Security-Token=zzz&X-Amz-Signature=zzz"
)
AZURE = "sv=2024-01-01&st=2026&se=2027&sr=b&sp=r&sig=zzz%2Bzzz%3D"


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("https://me:zzz@a.example/1?b=2", "https://a.example/1?b=2"),
        ("https://me@a.example:8080", "https://a.example:8080"),
        ("https://me:z@zz@a.example/?to=b@c", "https://a.example/?to=b@c"),
        ("https://me:zz/zz?z#@a.example/1", "https://a.example/1"),
        ("http:\\\\me:zzz@a.example", "http:\\\\a.example"),
        ("HTTPS:/me:zzz@a.example/", "HTTPS:/a.example/"),
        (f"https://a.example/1?{AMAZON}", "https://a.example/1"),
        (f"https://a.example/1?version=3&{AMAZON}&part=2", "https://a.example/1?version=3&part=2"),
        (f"https://a.example/1?{AZURE}", "https://a.example/1"),
        ("/1?X-Goog-Algorithm=G&X-Goog-Signature=zzz", "/1"),
        ("/1?Expires=1&Signature=zzz&Key-Pair-Id=zzz&Policy=zzz&a=1", "/1?a=1"),
        ("/1?AWSAccessKeyId=zzz&Expires=1&Signature=zzz", "/1"),
        ("/1?%74oken=zzz", "/1"),
        ("/1?a=1;password=z;zz", "/1?a=1"),
        ("/1;jsessionid=zzz?a=1", "/1?a=1"),
        ("/1#access_token=zzz", "/1"),
        ("/1?key=AIzaSyzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz&key=mine", "/1?key=mine"),
        (
            "/get?from=https%3A%2F%2Fme%3Azzz%40b.example%2F1%3Fsig%3Dzzz%26c%3D2",
            "/get?from=https%3A%2F%2Fb.example%2F1%3Fc%3D2",
        ),
        ("zip://1.csv::https://me:zzz@a.example/1.zip?api_key=zzz", "zip://1.csv::https://a.example/1.zip"),
        ("url: /1?token=zzz (Caused by b)", "url: /1 (Caused by b)"),
        ("{'Authorization': 'Basic enp6', 'Host': 'a'}", "{'Authorization': '…', 'Host': 'a'}"),
        ("Cookie: zzz; a", "Cookie: …"),
    ],
)  # fmt: skip
def test_what_gives_access_is_taken_out(text: str, bare: str) -> None:
    assert without_passwords(text) == bare
    assert without_passwords(bare) == bare
    assert as_text(text) == bare
    assert BadRequest(f"No: {text}").message == f"No: {bare}"
    assert in_words(ValueError(text)) == f"ValueError: {bare}"


@pytest.mark.parametrize(
    "text",
    [
        "crawl-data/CC-MAIN-2026-43/segments/1.00/wat/x.warc.wat.gz",
        "s3://bucket/date=2026-01-01/a@b/part-0.parquet?versionId=3",
        "hf://datasets/org/name@main/x.parquet",
        "abfss://container@account.dfs.core.windows.net/x.parquet",
        "https://a.example:8080/@me/1?st=1&sp=2&Expires=3&design=4&e=5",
        "OSError: [Errno 28] No space left on device: '/data/lists/token=1/x.parquet'",
        "mail me@a.example; it is a key, and no password",
    ],
)
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert without_passwords(text) == text


# A secret of letters that stand nowhere else.
secrets = st.text(st.sampled_from("qQ7#?/&;:%+=~.-_@"), min_size=1).map("qq7{}qq7".format)
names = st.sampled_from(
    ["token", "access_token", "SIG", "X-Amz-Signature", "AWSAccessKeyId", "api-key", "pass"]
)


@given(secrets, names, st.sampled_from(["?", "?a=1&", "?a&", "/b;", "#"]))
def test_no_secret_is_left(secret: str, name: str, before: str) -> None:
    escaped = quote(secret, safe="")
    url = f"https://me:{escaped}@a.example/1{before}{name}={escaped}&b=2"
    for text in (url, f"{url} ({url!r})"):
        assert "qq7" not in without_passwords(text)
        assert "a.example/1" in without_passwords(text)
    assert has_login(url)
    assert without_login(url) == url.replace(f"me:{escaped}@", "")


def test_texts_without_end_take_a_moment() -> None:
    started = time.process_time()
    for unit in ("?", "=?", "//a:x", "a.", "x-", "cookie ", "//@", "&sig=", "%25", "; ", "https:"):
        without_passwords("@= " + unit * (50_000 // len(unit)))
    # Where the time grows with the square of the length it is minutes.
    assert time.process_time() - started < 60
