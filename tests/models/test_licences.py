"""A licence that is named late changes a verdict, wherever it stands, and what is told of it."""

from __future__ import annotations

import pytest

from pairlake.lake.catalog import rows, writing
from pairlake.lake.dbt_plugin import run_dbt
from tests.models import histories, landed
from tests.models.histories import BY_CAPTION, CASES, LAZY
from tests.models.landed import Case

NAMED = BY_CAPTION["a name"]
GERMAN = CASES[1]
# The recipe `demo`, which takes what is open.
_RECIPE = """
insert into lake.seeds.recipes (recipe, rule, value) values
    ('demo', 'licences', 'CC0 CC-PDM CC-BY CC-BY-SA')
"""


def _reasons() -> dict[str, str | None]:
    query = """
        select caption, drop_reason from lake.intermediate.int_pairs_judged
        inner join lake.intermediate.int_pairs_deduplicated using (pair_id)
    """
    return dict(rows(query, read_only=True))


def _told(*cases: Case) -> list[tuple[str | None, str | None]]:
    query = "select caption, licence, licence_scope from lake.marts.pairs"
    told = {caption: rest for caption, *rest in rows(query, read_only=True)}
    return [tuple(told.get(case.caption, (None, None))) for case in cases]


def test_a_licence_that_is_named_late_changes_the_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAIRLAKE_RECIPE", "demo")
    histories.first()
    run_dbt("seed")
    with writing() as con:
        con.execute(_RECIPE)
    histories.build()
    before = _reasons()
    kept = {case.caption for case in (CASES[0], GERMAN, NAMED, LAZY)}
    assert {before[caption] for caption in kept} == {"licence_not_wanted"}
    assert before["not yet fetched"] == "not_downloaded"

    histories.late_licence_of_file()
    histories.late_licence_of_image()
    histories.late_licence_of_page()
    link = "//creativecommons.org/licenses/by/2.0/"
    landed.land_file((GERMAN,), "CRAWL-4", "by.wat", license_url=link)
    histories.build()
    assert {caption for caption, reason in _reasons().items() if reason is None} == kept
    assert _told(CASES[0], GERMAN, NAMED, LAZY) == [
        ("CC-BY-4.0", "image"),
        ("CC-BY-2.0", "page"),
        ("CC-BY-SA-4.0", "file"),
        ("CC0-1.0", "page"),
    ]
    query = "select creator, licence_url from lake.marts.attributions order by licence"
    assert rows(query, read_only=True) == [
        ("Ann; Bea", "https://creativecommons.org/licenses/by/2.0/"),
        ("Ann; Bea", "https://creativecommons.org/licenses/by/4.0/"),
        ("Ann; Bea", "https://creativecommons.org/licenses/by-sa/4.0/"),
        ("Ann; Bea", "https://creativecommons.org/publicdomain/zero/1.0/"),
    ]

    # One page says otherwise of two of them.
    histories.licence_in_a_later_crawl()
    histories.build()
    after = _reasons()
    assert after[GERMAN.caption] == after[LAZY.caption] == "licence_not_wanted"
    query = "select is_decisive, licence from lake.marts.pair_licences where scope = 'page'"
    assert sorted(rows(query, read_only=True)) == [
        (False, "CC-BY-2.0"),
        (False, "CC0-1.0"),
        (True, "CC-BY-NC-3.0-DE"),
        (True, "CC-BY-NC-3.0-DE"),
    ]

    # And is to be forgotten.
    histories.forgotten_page()
    histories.build()
    after = _reasons()
    assert after[GERMAN.caption] is after[LAZY.caption] is None
    gone_on = histories.contents()
    run_dbt("run", "--full-refresh", "--select", "int_licence_links+", "int_images+")
    assert histories.contents() == gone_on
