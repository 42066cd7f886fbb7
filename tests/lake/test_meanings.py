"""What terms mean is read from the seed, and uses that are none are refused in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from pairlake.lake.errors import BadSetting
from pairlake.lake.meanings import meanings, wanted_uses
from pairlake.lake.project import lay_out

USES = "mine, train, train_generative, ai_input, search"


def test_search_and_train_are_wanted_unless_others_are(monkeypatch: pytest.MonkeyPatch) -> None:
    assert wanted_uses() == ("search", "train")
    monkeypatch.setenv("PAIRLAKE_USES", " ai_input,mine , ai_input,")
    assert wanted_uses() == ("ai_input", "mine")


@pytest.mark.parametrize("uses", ["train, serach", "crawl", ",", "TRAIN", "search train"])
def test_what_is_no_use_is_refused_with_the_uses(
    uses: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAIRLAKE_USES", uses)
    with pytest.raises(BadSetting, match=f"PAIRLAKE_USES is {uses!r}.*some of these.*: {USES}"):
        wanted_uses()


@pytest.fixture
def seed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    lay_out(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "models" / "seeds" / "wish_meanings.csv"


def test_a_project_of_ones_own_has_its_own_meanings(seed: Path) -> None:
    seed.write_text(seed.read_text() + "mine,X-Robots-Tag,nopairs,train,disallow\n")
    assert meanings()[-1] == ("mine", "X-Robots-Tag", "nopairs", "train", "disallow")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("signal,property,value,use\n", "'says'.*first line is signal,property,value,use,says"),
        ("signal,property,value,use,says\na,b,c,train,disallow\n", "lay it out anew"),
        (None, "cannot be read"),
    ],
)
def test_a_seed_by_which_robots_txt_would_count_for_nothing_is_none(
    seed: Path, text: str | None, message: str
) -> None:
    if text is None:
        seed.unlink()
    else:
        seed.write_text(f"{text}a,b,c,train\n" if "anew" not in message else text)
    with pytest.raises(BadSetting, match=message):
        meanings()
