"""The dataset's tab: its figures as plots and as text, and ways from them into the search."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.serve.conftest import POMME
from tests.serve.web.page.conftest import ALL
from tests.serve.web.page.test_search import state


def _rows(page: Page, caption: str) -> list[list[str]]:
    table = page.get_by_role("table", name=caption)
    cells = "rows => rows.map(row => [...row.cells].map(cell => cell.innerText.trim()))"
    found: list[list[str]] = table.locator("tbody tr").evaluate_all(cells)
    return found


def test_the_dataset_is_shown_in_figures(page: Page, address: str) -> None:
    page.get_by_role("link", name="Dataset").click()
    expect(page.get_by_role("heading", name=f"{len(ALL)} pairs")).to_be_visible()
    assert page.url == f"{address}?tab=dataset"
    expect(page).to_have_title("Dataset · pairlake")
    assert _rows(page, "Sightings, distinct pairs and pairs kept") == [
        ["Sightings on pages", "", "11", ""],
        ["Distinct pairs", "", "8", "72.7 %"],
        ["Kept by demo", "", "5", "62.5 %"],
    ]
    assert _rows(page, "Reasons for dropping pairs") == [["caption too short", "", "3", "37.5 %"]]
    assert _rows(page, "Languages, by split") == [
        ["English", "", "en", "6", "3"],
        ["no language", "", "nolang", "2", "1"],
    ]
    plot = page.get_by_role("img", name="English: 3 of 4 pairs kept, from 0.30 to 0.32")
    expect(plot).to_be_visible()
    page.get_by_text("As a table").click()
    assert _rows(page, "English") == [["0.30 to 0.32", "4", "3"]]
    bar = page.get_by_role("table", name="Languages, by split").locator("rect").first
    assert bar.evaluate("one => getComputedStyle(one).fill") != "rgb(0, 0, 0)"


def test_figures_lead_to_the_search_and_back(page: Page, address: str) -> None:
    page.goto(f"{address}?q=apple&tab=dataset")
    page.get_by_role("link", name="Other languages").click()
    expect(page.locator("#grid .caption")).to_have_text([POMME.caption])
    assert state(page) == {"q": ["apple"], "where": ["split = multi"]}
    page.go_back()
    expect(page.get_by_role("heading", name=f"{len(ALL)} pairs")).to_be_visible()
    page.get_by_role("link", name="CC BY 4.0").click()
    assert state(page)["where"] == ["license_url = https://creativecommons.org/licenses/by/4.0/"]
    expect(page.locator("#grid > li")).to_have_count(1)
    page.go_back()
    page.get_by_role("link", name="images.example").click()
    assert state(page)["where"] == ["domain = images.example"]


def test_a_reason_says_what_it_means_and_gives_the_command_that_lists_its_pairs(
    page: Page, address: str
) -> None:
    page.goto(f"{address}?tab=dataset")
    page.get_by_role("button", name="caption too short").click()
    meaning = "caption too short: its caption has fewer characters than the recipe wants."
    expect(page.get_by_text(meaning)).to_be_visible()
    expect(page.locator("#dataset .command code")).to_have_text(
        'pairlake sql "select image_url, caption from int_pairs_judged join '
        "int_pairs_deduplicated using (pair_id) where drop_reason = 'caption_too_short' limit 20\""
    )


def test_figures_that_do_not_come_can_be_asked_again(careless: Page, address: str) -> None:
    careless.route("**/api/dataset", lambda route: route.abort())
    careless.goto(f"{address}?tab=dataset")
    expect(careless.get_by_role("alert")).to_contain_text("does not answer")
    careless.unroute("**/api/dataset")
    careless.get_by_role("button", name="Try again").click()
    expect(careless.get_by_role("heading", name=f"{len(ALL)} pairs")).to_be_visible()
