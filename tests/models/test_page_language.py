"""Where a recipe asks pages, one of the detector's mind makes a language sure."""

from __future__ import annotations

from datetime import datetime

import pytest

from pairlake.lake.catalog import rows, writing
from pairlake.lake.dbt_plugin import run_dbt
from tests.models import histories, landed
from tests.models.landed import CRAWL, Case

# The page, and the detector, which is not sure.
AGREED = Case(caption="as the page", drop_reason=None, language="de", is_reliable=False)
OTHER = Case(caption="unlike the page", drop_reason=None, language="fr", is_reliable=False)
SURE = Case(caption="sure of itself", drop_reason=None, language="fr", split="multi")
_RECIPE = "insert into lake.seeds.recipes (recipe, rule, value) values ('demo', ?, 'true')"
_TOLD = "select caption, language, language_source, split from lake.marts.pairs"


def _told() -> dict[str, tuple[str | None, ...]]:
    return {caption: tuple(rest) for caption, *rest in rows(_TOLD, read_only=True)}


def test_a_page_makes_a_language_sure_that_is_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAIRLAKE_RECIPE", "demo")
    cases = (AGREED, OTHER, SURE)
    landed.land_file(cases, CRAWL, "one.wat")
    landed.land_file(histories.MANY, CRAWL, "many.wat")
    landed.land_models()
    landed.land_found(*cases, *histories.MANY)
    landed.hear_page(CRAWL, "one.wat", language="de-AT")
    histories.build()
    before = _told()
    assert before[AGREED.caption] == (None, None, "nolang")

    with writing() as con:
        con.execute(_RECIPE, ["page_language"])
    histories.build()
    asked = _told()
    assert asked[AGREED.caption] == ("de", "page", "multi")
    assert asked[OTHER.caption] == (None, None, "nolang")
    assert asked[SURE.caption] == ("fr", "caption", "multi")

    # The page is crawled again, and says that it is another's.
    landed.hear_page(CRAWL, "one.wat", language="fr", heard_at=datetime(2026, 2, 1))
    histories.build()
    gone_on = histories.contents()
    again = _told()
    assert again[AGREED.caption] == (None, None, "nolang")
    assert again[OTHER.caption] == ("fr", "page", "multi")
    run_dbt("run", "--full-refresh", "--select", "int_pairs_page_languages+")
    assert _told() == again
    assert histories.contents() == gone_on
