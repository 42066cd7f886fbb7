"""Requests are recorded as hashes, all or none, and may be hidden among others drawn by chance."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from pairlake.lake.catalog import rows, writing
from pairlake.lake.errors import BadRequest
from pairlake.lake.keys import text_id
from pairlake.lake.requests import read_requests
from pairlake.lake.takedowns import record_takedowns

pytestmark = pytest.mark.usefixtures("lake_without_rows")

MD5 = "00112233445566778899aabbccddeeff"


def _file(folder: Path, text: str) -> Path:
    file = folder / "requests.csv"
    file.write_bytes(text.encode())
    return file


def _recorded() -> list[tuple[str, uuid.UUID]]:
    return rows("select kind, value_id from lake.raw.takedowns order by all")


def test_a_file_holds_requests_of_all_kinds(tmp_path: Path) -> None:
    file = _file(
        tmp_path,
        "\ufeffkind,value\r\nurl,http://a.example/1.jpg\r\n\r\n"
        'caption,"Me, and ""you"",\non two lines"\r\n'
        f"domain,A.Example.\r\nimage_hash,{MD5.upper()}\r\npage,http://a.example/\r\n",
    )
    requests = read_requests(file)
    assert requests["caption"] == ['Me, and "you",\non two lines']

    assert len(record_takedowns(requests)) == 5
    assert _recorded() == [
        ("caption", text_id('Me, and "you",\non two lines')),
        ("domain", text_id("a.example")),
        ("image_md5", uuid.UUID(MD5)),
        ("page", text_id("http://a.example/")),
        ("url", text_id("http://a.example/1.jpg")),
    ]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "first line .* must be: kind,value"),
        ("value,kind\n", "first line .* must be: kind,value"),
        (
            "kind,value\nurl,http://a/\nuri,http://a/\n",
            "Line 3 .* no kind of request; there are url,",
        ),
        ("kind,value\nimage_hash,abc\n", "Line 2 .*: the value is not an image hash"),
        ('kind,value\ncaption,"two\nlines"\ncaption,  \n', "Line 4 .*: the value is empty"),
        ("kind,value\ndomain,https://a.example/\n", "Line 2 .*: the value is not a domain"),
        ("kind,value\ndomain,a.example\ndomain,co.uk\n", "Line 3 .*: the value is a public suffix"),
        ("kind,value\ncaption,one, two\n", "Line 2 .* has 3 columns, not two; quote"),
        ('kind,value\ncaption,"no end\n', "cannot be read as CSV in UTF-8"),
    ],
)
def test_a_file_is_taken_as_a_whole_or_refused_by_its_line(
    text: str, complaint: str, tmp_path: Path
) -> None:
    with pytest.raises(BadRequest, match=complaint):
        read_requests(_file(tmp_path, text))


def test_a_file_of_bytes_is_no_csv(tmp_path: Path) -> None:
    (tmp_path / "requests.csv").write_bytes(b"kind,value\ncaption,\xff\n")
    with pytest.raises(BadRequest, match="cannot be read as CSV in UTF-8"):
        read_requests(tmp_path / "requests.csv")


@pytest.mark.parametrize(
    "suffix",
    ["com", ".COM.", "co.uk", "Co%2EUk", "github.io", "公司.cn", "xn--55qx5d.cn", "a.kawasaki.jp"],
)
def test_below_a_public_suffix_not_all_is_forgotten(suffix: str) -> None:
    with pytest.raises(BadRequest, match="is a public suffix, below which many have their sites"):
        record_takedowns({"domain": ["me.github.io", suffix]})
    assert _recorded() == []


def test_a_domain_and_a_host_of_no_registry_are_no_public_suffix() -> None:
    names = ["me.github.io", "bbc.co.uk", "city.kawasaki.jp", "localhost", "intranet", "127.0.0.1"]
    assert len(record_takedowns({"domain": names})) == len(names)


@pytest.mark.parametrize("kind", ["url", "domain", "page", "caption", "image_hash"])
def test_nothing_is_recorded_beside_a_request_that_is_none(kind: str) -> None:
    with pytest.raises(BadRequest):
        record_takedowns({"url": ["http://a.example/"], kind: [" "]})
    assert _recorded() == []


def _keep(pairs: int) -> None:
    with writing() as con:
        con.execute("create schema lake.marts")
        con.execute(
            "create table lake.marts.pairs as select n::varchar as image_url, 'c' || n as caption, "
            "md5(n::varchar)::uuid as url_id, md5('c' || n)::uuid as caption_id, "
            "md5('i' || n)::uuid as image_id, "
            "md5('m' || n)::uuid as md5, 'http://page/' || n as page_url from range(?) as r (n)",
            [pairs],
        )


def test_others_go_with_a_request_and_look_like_it() -> None:
    _keep(12)
    requests = {"url": ["3"], "caption": ["c5"]}
    assert len(record_takedowns(requests, reason="asked", among=5)) == 2

    found = rows(
        "select kind, count(distinct value_id), count(*), "
        "count(distinct (reason, requested_at, attempt_id, landed_at)), "
        "bool_or(value_id in (md5('3')::uuid, md5('c5')::uuid)) "
        "from lake.raw.takedowns group by kind order by kind"
    )
    assert found == [("caption", 6, 6, 1, True), ("url", 6, 6, 1, True)]
    # They are kept pairs, and in the order of their hashes: the request is not the first.
    for kept in ("url_id", "caption_id"):
        assert rows(
            f"select count(*) from lake.raw.takedowns "
            f"where value_id in (select {kept} from lake.marts.pairs)"
        ) == [(6,)]
    values = rows("select kind, value_id from lake.raw.takedowns")
    assert values == sorted(values)


def test_who_is_drawn_is_left_to_chance() -> None:
    _keep(1_000)
    record_takedowns({"url": ["a", "b"]}, among=10)
    first = set(_recorded())
    record_takedowns({"url": ["c", "d"]}, among=10)
    assert len(set(_recorded()) - first) == 22


def test_others_are_spelled_as_a_request_is() -> None:
    """Else a hash beside that of what went would tell which one was asked for."""
    _keep(12)
    record_takedowns({"url": ["3"]}, among=5, spell=lambda _, value: {value, f"https://{value}"})
    both = rows(
        "select count(*) from lake.marts.pairs "
        "where url_id in (select value_id from lake.raw.takedowns) "
        "and md5('https://' || image_url)::uuid in (select value_id from lake.raw.takedowns)"
    )
    assert both == [(6,)]
    assert len(_recorded()) == 12


def test_what_is_asked_for_again_is_recorded_once() -> None:
    (first,) = record_takedowns({"url": ["a"]})
    (again, other) = record_takedowns({"url": ["a", "a", "b"]})
    assert (first.since, other.since) == (None, None)
    assert again.since is not None
    assert len(_recorded()) == 2


def test_where_too_few_are_left_nothing_is_recorded() -> None:
    with pytest.raises(BadRequest, match="run: dbt build"):
        record_takedowns({"url": ["a"]}, among=1)
    _keep(5)
    with pytest.raises(BadRequest, match="smaller number"):
        record_takedowns({"url": ["a"]}, among=6)
    with pytest.raises(BadRequest, match="A domain that is gone stands out"):
        record_takedowns({"domain": ["a"]}, among=1)
    assert _recorded() == []
