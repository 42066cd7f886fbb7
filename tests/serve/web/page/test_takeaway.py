"""What the page lets one take home: a file, and a command that a shell reads as it is meant."""

from __future__ import annotations

import csv
import json
import shlex
from pathlib import Path

import pyarrow.parquet
import pytest
from playwright.sync_api import Page, expect

from tests.serve.conftest import CAT


def _open(page: Page) -> None:
    page.get_by_role("button", name="Take home").click()


@pytest.mark.parametrize("format", ["csv", "jsonl", "parquet"])
def test_results_are_downloaded(page: Page, address: str, tmp_path: Path, format: str) -> None:
    page.goto(f"{address}?q=cat&where=split+%3D+en")
    _open(page)
    page.get_by_label("Format").select_option(format)
    page.get_by_label("First results").select_option("100")
    with page.expect_download() as taken:
        page.get_by_role("button", name="Download").click()
    path = tmp_path / "taken"
    taken.value.save_as(path)
    if format == "csv":
        rows = list(csv.DictReader(path.read_text().splitlines()))
    elif format == "jsonl":
        rows = [json.loads(line) for line in path.read_text().splitlines()]
    else:
        rows = pyarrow.parquet.read_table(path).to_pylist()
    assert taken.value.suggested_filename == f"pairlake-{len(rows)}.{format}"
    assert (rows[0]["URL"], rows[0]["TEXT"]) == (CAT.image_url, CAT.caption)
    expect(page.get_by_role("dialog")).to_contain_text("is yours")


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("?q=cat", ["--search=cat"]),
        ("?q=a+cat&where=width+>=+9", ["--search=a cat", "--where=width >= 9"]),
        ("?q='%3B+rm+-rf+~", ["--search='; rm -rf ~"]),
        ("?q='$(id)`id`\"!!\\", ["--search='$(id)`id`\"!!\\"]),
        ("?q=--sql%3Dx", ["--search=--sql=x"]),
        ("?where=language+%3D+fr", ["--where=language = fr"]),
    ],
)
def test_the_command_is_safe_to_paste(
    page: Page, address: str, asked: str, words: list[str]
) -> None:
    page.goto(f"{address}{asked}")
    _open(page)
    command = page.locator("#takeaway code").inner_text()
    read = shlex.split(command)
    assert read[:5] == ["pairlake", "export", "pairs.csv", "--format", "csv"]
    assert read[5:] == [*words, "--limit", "1000"]
    page.get_by_label("First results").select_option("10000")
    expect(page.locator("#takeaway code")).to_contain_text("--limit 10000")


def test_what_the_command_cannot_say_is_said(page: Page, address: str) -> None:
    page.goto(f"{address}?q=cat&q=apple&not=sea&by=caption&fold=none")
    _open(page)
    expect(page.get_by_role("dialog")).to_contain_text(
        "this search also has several texts, what to steer away from, the search in captions, "
        "another folding."
    )
    expect(page.locator("#takeaway code")).to_have_count(0)


def test_a_download_that_fails_says_why(careless: Page, address: str) -> None:
    careless.goto(f"{address}?q=cat")
    _open(careless)
    careless.route("**/api/export*", lambda route: route.abort())
    careless.get_by_role("button", name="Download").click()
    expect(careless.get_by_role("dialog")).to_contain_text("does not answer")
