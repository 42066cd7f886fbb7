"""The noisy web, crawled, fetched and judged by pairlake itself, in a project with recipes added.

A recipe is some rows of a seed: the project is copied, as someone with a model of their own would
change it, and the rows are written there.
"""

from __future__ import annotations

import csv
import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from benchmarks.harness.processes import ROOT, cleanly, measured
from pairlake.demo.stage import environment
from pairlake.demo.wat import CRAWL_ID
from pairlake.demo.web import base_url, serving
from pairlake.demo.world import World, build_world
from pairlake.lake import catalog, project
from pairlake.lake.settings import settings

FORM = "bench_form"
_PORT = 8931
_CODE = ("pairlake", "lake", "ingest", "udfs", "serve")
# What the demo's recipe says beyond form, none of which is asked for here.
_BEYOND_FORM = (
    "similarity_model_en", "min_similarity_en", "similarity_model_other", "min_similarity_other",
    "nsfw_model", "watermark_model", "toxicity_model",
)  # fmt: skip
_SIMILARITY = ("image_embeddings", "caption_embeddings", "pair_similarities")
_BUILD = "from pairlake.lake import dbt_plugin as dbt; dbt.build_{}()"
_PIXELS = "select image_id::varchar, pixels from lake.staging.stg_raw__image_pixels order by 1"
_VERDICTS = """
select
    judged.pair_id::varchar as pair_id,
    judged.image_id::varchar as image_id,
    pairs.caption,
    judged.split = 'en' as is_english,
    judged.drop_reasons,
    truth.expected_drop_reason is null as is_right,
from lake.intermediate.int_pairs_judged as judged
inner join lake.intermediate.int_pairs_deduplicated as pairs
    on judged.pair_id = pairs.pair_id
inner join truth
    on md5(truth.image_url || chr(31) || truth.caption)::uuid = judged.pair_id
order by judged.pair_id
"""


@dataclass(frozen=True, kw_only=True)
class Head:
    """A head over embeddings of so many numbers that `file`, in a folder of its name, holds."""

    name: str
    kind: str
    encoder: str
    dimension: int
    file: str
    sha256: str

    @property
    def entry(self) -> str:
        """What the registry of models says of it."""
        return (
            f'\n[[model]]\nname = "{self.name}"\nkinds = ["{self.kind}"]\nlicence = "own"\n'
            f'dimension = {self.dimension}\nsource = ""\n'
            f'files = {{ "{self.file}" = "{self.sha256}" }}\n'
        )


@dataclass(frozen=True, kw_only=True)
class Lake:
    """A noisy web of so many drawings and its lake, both below `home`.

    Beside each right pair stand `wrong_per_right` wrong ones and the few that the demo has anyway.
    """

    home: Path
    drawings: int
    wrong_per_right: float

    def land(self) -> None:
        """Crawl, fetch and judge by form, as far as that is not done yet."""
        with self._settled(FORM):
            world = self._world()
            if (self.home / "landed").exists():
                return
            with serving(world.folder, _PORT):
                self._pairlake("crawl", "--crawl", CRAWL_ID, "--files", "all")
                self._dbt("worklists")
                self._pairlake("enrich", "caption_languages")
                self._pairlake("fetch")
            self._dbt("dataset")
            (self.home / "landed").touch()

    def judge(self, recipe: str, models: Path, *scores: str) -> None:
        """Judge anew by another recipe, whose models lie in that folder, with these scores too."""
        with self._settled(recipe, PAIRLAKE_MODELS=str(models)):
            self._dbt("worklists")
            self._pairlake("enrich", *_SIMILARITY, *scores)
            self._dbt("dataset")

    def export(self, destination: Path, *options: str) -> None:
        """What `pairlake export` writes, with those options."""
        with self._settled(FORM):
            self._pairlake("export", str(destination), *options)

    def verdicts(self) -> pa.Table:
        """One row per pair of the last verdict, beside the truth."""
        with self._settled(FORM):
            con = catalog.connect(read_only=True)
            con.register("truth", self._world().truth())
            found = con.execute(_VERDICTS).to_arrow_table()
            con.close()
            return found

    def truth(self) -> pa.Table:
        """What should become of each pair; see pairlake.demo.world."""
        with self._settled(FORM):
            return self._world().truth()

    def pixels(self) -> Iterator[tuple[str, bytes]]:
        """Each downloaded image's id and its pixels as the lake keeps them."""
        with self._settled(FORM):
            con = catalog.connect(read_only=True)
            con.execute(_PIXELS)
            while row := con.fetchone():
                yield row[0], row[1]
            con.close()

    def _world(self) -> World:
        return build_world(
            self.home / "world",
            base_url(_PORT),
            self.drawings,
            wrong_per_right=self.wrong_per_right,
        )

    @contextmanager
    def _settled(self, recipe: str, **variables: str) -> Iterator[None]:
        self.home.mkdir(parents=True, exist_ok=True)
        own = {"PAIRLAKE_HOME": str(self.home), "PAIRLAKE_DEMO_PORT": str(_PORT)}
        with cleanly(**own, PAIRLAKE_RECIPE=recipe, **variables):
            os.environ.update(environment(None))
            yield

    def _pairlake(self, *arguments: str) -> None:
        self._run("-m", "pairlake", *arguments)

    def _dbt(self, what: str) -> None:
        self._run("-c", _BUILD.format(what))

    def _run(self, *arguments: str) -> None:
        # -P: the copy is imported, and not the project in whose folder this runs.
        where = {**os.environ, "PYTHONPATH": str(self.home.parent / "project")}
        measured([sys.executable, "-P", *arguments], settings().home, where)


def lay_out(
    folder: Path,
    recipes: Iterable[Mapping[str, object]] = (),
    models: Sequence[str] = (),
    heads: Sequence[Head] = (),
) -> None:
    """Copy the project to `folder`, with these recipes besides FORM, by models of these names.

    A recipe is told by what it changes in FORM, the demo's rules of form.
    """
    shutil.rmtree(folder, ignore_errors=True)
    project.lay_out(folder)
    ignored = shutil.ignore_patterns("__pycache__")
    for part in _CODE:
        shutil.copytree(ROOT / part, folder / part, symlinks=True, ignore=ignored)
    seeds = folder / "models" / "seeds"
    _append(seeds / "recipes.csv", _rows(FORM, "demo", dict.fromkeys(_BEYOND_FORM)))
    for changes in recipes:
        name, rules = str(changes["recipe"]), {**changes}
        del rules["recipe"]
        _append(seeds / "recipes.csv", _rows(name, FORM, rules))
    _append(seeds / "similarity_models.csv", [[name, name, name] for name in models])
    _append(seeds / "image_heads.csv", [[head.name, head.encoder] for head in heads])
    with (folder / "udfs" / "models.toml").open("a") as registry:
        registry.writelines(head.entry for head in heads)


def by_similarity(name: str, thresholds: tuple[float, float]) -> list[dict[str, object]]:
    """Recipes that keep by a model's similarity, for English and for other captions.

    `bench_NAME`, and `bench_NAME_deduplicated` with one pair an image.
    """
    english, other = thresholds
    kept: dict[str, object] = {
        "recipe": f"bench_{name}",
        "similarity_model_en": name,
        "min_similarity_en": english,
        "similarity_model_other": name,
        "min_similarity_other": other,
    }
    return [kept, {**kept, "recipe": f"bench_{name}_deduplicated", "duplicates": "image"}]


def _rows(name: str, like: str, rules: Mapping[str, object]) -> list[list[object]]:
    """A recipe as the seed has it: as another, but for these rules."""
    told = {"source": "training.filtering", "duplicates": "none", **rules}
    return [[name, like, rule, value] for rule, value in told.items()]


def _append(seed: Path, rows: Sequence[Sequence[object]]) -> None:
    with seed.open("a", newline="") as handle:
        csv.writer(handle, lineterminator="\n").writerows(rows)
