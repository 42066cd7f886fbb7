"""What the tests of exports share: verdicts beside the mart, what is in one, other readers."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pairlake.lake.catalog import rows, writing
from pairlake.serve.export.export import export
from pairlake.serve.export.selection import Selection
from tests.serve.conftest import Mart, Pair

_VERDICTS = """
drop view lake.intermediate.int_pairs_judged;
create table lake.intermediate.int_pairs_judged (
    pair_id uuid, drop_reason varchar, is_taken_down boolean, is_domain_blocked boolean
);
"""


def with_verdicts(mart: Mart) -> Mart:
    """The mart, with what a build says of takedowns beside it: nothing yet."""
    with writing(mart.con):
        mart.con.execute(_VERDICTS)
    return mart


def drop(mart: Mart, pair: Pair, reason: str = "takedown") -> None:
    """What the next build does with a pair that was taken down."""
    with writing(mart.con):
        mart.con.execute(
            "insert into lake.intermediate.int_pairs_judged values (?, ?, ?, ?)",
            [pair.pair_id, reason, reason == "takedown", reason == "blocked_domain"],
        )
        mart.con.execute("delete from lake.marts.pairs where pair_id = ?", [pair.pair_id])


def snapshot() -> int:
    """The newest snapshot of the lake."""
    ((newest,),) = rows("select max(snapshot_id) from ducklake_snapshots('lake')")
    return int(newest)


def exported_captions(folder: Path, selection: Selection, **how: Any) -> list[str]:
    export(folder / "pairs.parquet", selection, **how)
    captions: list[str] = pq.read_table(folder / "pairs.parquet")["TEXT"].to_pylist()
    return captions


def captions_of(*pairs: Pair) -> list[str]:
    """In the order of an export."""
    return [pair.caption for pair in sorted(pairs, key=lambda pair: pair.pair_id)]


def files_of(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, with what is in it; provenances say when, and differ."""
    files = [path for path in folder.rglob("*") if path.is_file() and "provenance" not in path.name]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def read_by_img2dataset(
    source: Path, format: str, folder: Path, more: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """The rows of a list, as img2dataset's own reader hands them to its downloaders."""
    reader = _img2dataset_reader().Reader(
        url_list=str(source),
        input_format=format,
        url_col="URL",
        caption_col="TEXT",
        verify_hash_col=None,
        verify_hash_type=None,
        save_additional_columns=list(more) or None,
        number_sample_per_shard=2,
        done_shards=set(),
        tmp_path=str(folder),
    )
    found: list[dict[str, Any]] = []
    for _, shard in reader:
        with pa.memory_map(shard) as file:
            found += pa.ipc.open_file(file).read_all().to_pylist()
    return found


def _img2dataset_reader() -> ModuleType:
    # The package itself imports what does not go with ours.
    spec = importlib.util.find_spec("img2dataset")
    assert spec is not None
    assert spec.submodule_search_locations
    path = Path(spec.submodule_search_locations[0]) / "reader.py"
    module_spec = importlib.util.spec_from_file_location("img2dataset_reader", path)
    assert module_spec is not None
    assert module_spec.loader is not None
    module = importlib.util.module_from_spec(module_spec)
    sys.modules[module_spec.name] = module
    module_spec.loader.exec_module(module)
    return module


_LISTED = """
create table if not exists lake.marts.listed_pairs (
    pair_id uuid, crawl_id varchar, source_id varchar, image_url varchar, caption varchar,
    similarity float, punsafe float, pwatermark float, aesthetic_score float, width integer,
    height integer, language varchar, split varchar, drop_reason varchar, is_refused boolean
)
"""


def list_pairs(mart: Mart, *pairs: Pair, of: str = "list", **said: object) -> None:
    """Have pairs in the mart of ready-made lists, with what a list says beside their similarity."""
    shared = {"crawl_id": of, "drop_reason": "not_downloaded", "is_refused": False, **said}
    columns = ("image_url", "caption", "similarity", "language", "split")
    listed = [
        {name: getattr(pair, name) for name in columns} | {"pair_id": str(pair.pair_id)} | shared
        for pair in pairs
    ]
    with writing(mart.con):
        mart.con.execute(_LISTED)
        mart.con.register("listed", pa.Table.from_pylist(listed))
        mart.con.execute("insert into lake.marts.listed_pairs by name from listed")
