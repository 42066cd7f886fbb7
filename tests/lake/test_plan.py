"""A plan is the sum of its stages, which grow with the files; what is no number is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairlake.lake.errors import BadRequest
from pairlake.lake.plan import PAIRS_PER_FILE, Prices, Stage, as_text, plan


def _by_name(stages: list[Stage]) -> dict[str, Stage]:
    return {stage.name: stage for stage in stages}


def test_one_crawl_by_hand() -> None:
    stages = _by_name(plan(files=90_000, distinct=0.5, arrives=0.5, kept=0.1, gpu_rate=1_000))
    # 90,000 files of 220 x 3.8 MB at 0.0115 CPU s: 865,260 s.
    assert stages["crawl"].core_hours == pytest.approx(240.35)
    assert stages["crawl"].network_gb == pytest.approx(19_800)
    # 36 billion pairs land, of 320 bytes; half of them are distinct, and half of their images come.
    assert stages["crawl"].stored_gb == pytest.approx(11_520)
    assert stages["languages"].core_hours == pytest.approx(18e9 / 52_648 / 3_600)
    assert stages["fetch"].core_hours == pytest.approx(9e9 / 279 / 3_600)
    assert stages["fetch"].network_gb == pytest.approx(9e9 * 47e3 / 1e9)
    assert stages["enrich"].gpu_hours == pytest.approx((9e9 / 1_000 + 9e9 / 10_457) / 3_600)
    assert stages["dbt build"].core_hours == pytest.approx(18_000 * 61.7 / 3_600)
    assert stages["publish"].stored_gb == pytest.approx(1.8e9 * 2_926 / 1e9)


def test_money_is_hours_storage_and_network() -> None:
    stage = Stage(
        name="x", core_hours=100, gpu_hours=10, stored_gb=1_000, network_gb=50, formula=""
    )
    prices = Prices(core_hour=0.5, gpu_hour=2, gb_month=0.1, gb_in=0.2)
    assert stage.dollars(prices) == pytest.approx(50 + 20 + 100 + 10)


@given(files=st.floats(1, 1e6), times=st.floats(1, 100))
def test_more_files_take_as_many_times_more(files: float, times: float) -> None:
    for one, more in zip(plan(files=files), plan(files=files * times), strict=True):
        for column in ("core_hours", "gpu_hours", "stored_gb", "network_gb"):
            assert getattr(more, column) == pytest.approx(getattr(one, column) * times)


def test_files_and_pairs_are_two_ways_to_say_it() -> None:
    by_files = plan(files=3, distinct=0.25)
    assert by_files == plan(pairs=3 * PAIRS_PER_FILE * 0.25, distinct=0.25)


def test_what_is_known_already_is_read_but_not_fetched() -> None:
    some, all_ = (_by_name(plan(files=7, distinct=share)) for share in (0.25, 1))
    assert some["crawl"] == all_["crawl"]
    assert all_["fetch"].core_hours == pytest.approx(4 * some["fetch"].core_hours)


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"files": 1, "pairs": 1},
        {"files": 0},
        {"pairs": -5},
        {"files": float("nan")},
        {"files": 1, "arrives": 1.1},
        {"pairs": 1, "distinct": 0},
        {"files": 1, "distinct": float("nan")},
        {"files": 1, "kept": -0.1},
        {"files": 1, "gpu_rate": 0},
    ],
)
def test_what_cannot_be_planned_is_refused(asked: dict[str, float]) -> None:
    with pytest.raises(BadRequest, match=r"Say how much|above 0|between 0 and 1"):
        plan(**asked)


def test_a_price_below_nothing_is_refused() -> None:
    with pytest.raises(BadRequest, match="A price of -1"):
        Prices(gpu_hour=-1)


def test_the_text_has_the_sum_and_each_formula() -> None:
    stages = plan(files=1)
    text = as_text(stages, Prices())
    (total,) = [line for line in text.splitlines() if line.startswith("in all")]
    assert f"{sum(stage.core_hours for stage in stages):,.1f}" in total
    assert all(stage.formula in text for stage in stages)


def test_published_figures_stand_beside_ours_for_the_same_work() -> None:
    lines = [line.split() for line in as_text(plan(files=1), Prices()).splitlines()]
    # 10 nodes of 16 cores, and 32 GPUs, for 168 hours; 5.86 billion at 279 and 1,723 a second.
    assert any(line[-4:] == ["26,880", "core", "h", "5,834"] for line in lines)
    assert any(line[-5:] == ["5,376", "A100", "h", "945", "H200"] for line in lines)
