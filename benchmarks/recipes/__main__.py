"""Prints what recipes make of the demo beside its truth, and how a list's captions split.

`python -m benchmarks.recipes [LIST]`: the demo is built in build/bench-recipes, if it is not there.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.harness.processes import BUILD, CommandFailed, cleanly, measured
from benchmarks.harness.tables import heading, note, table
from pairlake.demo.stage import PICTURES, environment, prepare_world
from pairlake.lake import catalog
from pairlake.lake.dbt_plugin import build_dataset, build_worklists

RECIPES = ("demo", "demo_near", "demo_clean")
DATA = BUILD / "bench-recipes"

# Of what was planted with a reason all goes by that, so that one row says it of two dozen kinds.
_BY_KIND = """
select
    case
        when expected_drop_reason is null or kind = 'wrong_caption' then kind
        else 'faults of ' || (
            select count(distinct expected_drop_reason) from truth where kind <> 'wrong_caption'
        ) || ' kinds'
    end as planted,
    count(*) as pairs,
    count(*) filter (where drop_reason is null) as kept,
    count(*) filter (where drop_reason = expected_drop_reason) as by_their_reason,
    count(*) filter (
        where drop_reason = 'similarity_too_low' and expected_drop_reason is null
    ) as unlike,
    count(*) filter (where drop_reason = 'duplicate_image') as same_image,
    count(*) filter (where drop_reason = 'duplicate_near') as near,
    count(*) filter (where drop_reason = 'watermark') as watermark,
    count(*) filter (where drop_reason = 'unsafe') as unsafe,
from truth
left join lake.intermediate.int_pairs_judged as judged
    on md5(truth.image_url || chr(31) || truth.caption)::uuid = judged.pair_id
group by planted
order by planted like 'faults%', planted
"""
_PICTURES = """
select
    count(distinct picture) filter (where drop_reason is null or drop_reason like 'duplicate%'),
    count(distinct picture) filter (where drop_reason is null),
    count(*) filter (where drop_reason is null)
from truth
inner join lake.intermediate.int_pairs_judged as judged
    on md5(truth.image_url || chr(31) || truth.caption)::uuid = judged.pair_id
where kind <> 'wrong_caption'
"""
_FUNNEL = "select sum(sightings)::bigint, sum(pairs)::bigint, sum(kept)::bigint from filter_funnel"
_REASONS = """
select coalesce(drop_reason, 'nothing') as reason, count(*) as pairs
from lake.intermediate.int_pairs_judged
group by reason
order by pairs desc
"""
# What breaks no rule but that it was not downloaded.
_SPLITS = """
select split, count(*) as pairs
from lake.intermediate.int_pairs_judged
where drop_reasons = ['not_downloaded']
group by split
"""
# In billions; https://laion.ai/blog/laion-5b/
_LAION_5B = {"en": 2.32, "multi": 2.26, "nolang": 1.27}


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the demo's part, and that of the list that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recipes", description=__doc__)
    parser.add_argument("list", nargs="?", type=Path, help="a ready-made list, as crawl takes it")
    asked = parser.parse_args(arguments)
    print("# Recipes, beside what was planted")
    DATA.mkdir(parents=True, exist_ok=True)
    _demo()
    if asked.list is not None:
        _list(asked.list.absolute())


def _demo() -> None:
    home = DATA / "demo"
    # Written when the demo is whole; one of another size is built anew.
    done = DATA / f"demo-of-{PICTURES}"
    if not done.exists():
        shutil.rmtree(home, ignore_errors=True)
    where = {"PAIRLAKE_HOME": str(home), "PAIRLAKE_DEMO_PORT": "8918"}
    with cleanly(**where):
        os.environ.update(environment(None))
        if not done.exists():
            _pairlake("demo")
            done.touch()
        world = prepare_world(None)
        truth, totals = world.truth(), world.totals
        for recipe in RECIPES:
            os.environ["PAIRLAKE_RECIPE"] = recipe
            # Only a recipe that says `near` has something on this worklist.
            build_worklists()
            _pairlake("enrich", "image_neighbours")
            build_dataset()
            heading(f"The recipe {recipe}")
            con = catalog.connect(read_only=True)
            con.register("truth", truth)
            found = con.sql(_BY_KIND)
            table([name.replace("_", " ") for name in found.columns], found.fetchall())
            (pictures, kept_pictures, kept) = con.sql(_PICTURES).fetchall()[0]
            con.execute("use lake.marts")
            (funnel,) = con.sql(_FUNNEL).fetchall()
            con.close()
            note(
                f"Of {pictures:,} drawings whose pairs break no rule, {kept_pictures:,} are kept, "
                f"in {kept:,} pairs."
            )
            note(
                f"The funnel: {funnel[0]:,} sightings, {funnel[1]:,} pairs, {funnel[2]:,} kept; "
                f"planted were {totals['sightings']:,} and {totals['pairs']:,}."
            )


def _list(file: Path) -> None:
    home = DATA / "list"
    shutil.rmtree(home, ignore_errors=True)
    with cleanly(PAIRLAKE_HOME=str(home)):
        _pairlake("crawl", str(file))
        build_worklists()
        _pairlake("enrich", "caption_languages")
        build_dataset()
        heading(f"{file.name} by form and language, under laion_5b")
        table(("what keeps it out", "pairs"), catalog.rows(_REASONS, read_only=True))
        found = dict(catalog.rows(_SPLITS, read_only=True))
    print()
    theirs, ours = sum(_LAION_5B.values()), max(sum(found.values()), 1)
    table(
        ("split", "pairs", "share", "of LAION-5B"),
        [
            (name, found.get(name, 0), found.get(name, 0) / ours, billions / theirs)
            for name, billions in _LAION_5B.items()
        ],
    )


def _pairlake(*arguments: str) -> None:
    measured([sys.executable, "-m", "pairlake", *arguments], DATA, dict(os.environ))


if __name__ == "__main__":
    try:
        main()
    except CommandFailed as error:
        sys.exit(str(error))
