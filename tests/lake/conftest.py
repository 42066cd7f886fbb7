"""What lakes elsewhere are held against: the same pairs in a lake on this machine's disk."""

from __future__ import annotations

import pytest

from pairlake.lake.dbt_plugin import run_dbt
from tests.lake import writers
from tests.marts import contents
from tests.models import landed


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, int]]:
    """The marts of what all writers land, landed one after the other into SQLite."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PAIRLAKE_HOME", str(tmp_path_factory.mktemp("undisturbed")))
        environment.setenv("PAIRLAKE_RECIPE", "demo")
        landed.land_models()
        for number in range(writers.WRITERS):
            assert list(writers.land(number))
        run_dbt("build", *writers.MODELS_ALONE)
        return contents()
