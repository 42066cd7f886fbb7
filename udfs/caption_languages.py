"""The language of each caption by CLD3, as LAION-5B told it. Writes enriched.caption_languages.

`pairlake enrich caption_languages`. Three outcomes are told apart in SQL: English, another
language, none (CLD3 is unsure); see laion.ai, "LAION-5B", and crawlingathome's `ccpp.py`.
"""

from __future__ import annotations

from importlib.metadata import version

import gcld3
import pyarrow as pa

from udfs.job import Model, ModelUnavailable, Udf

# LAION's settings: shorter texts are not judged, longer ones are cut.
MIN_BYTES = 5
MAX_BYTES = 2000

table = "enriched.caption_languages"
worklist = "int_captions_awaiting_language"
kind = "language"
read = "select caption_id, caption from work"


def identify(name: str) -> Model:
    """CLD3; its weights come with the package, so the package's version stands for them."""
    if name != "cld3":
        raise ModelUnavailable(f"There is no language detector {name!r}; a recipe may name cld3.")
    return Model(
        name=name,
        kind=kind,
        weights_sha256=f"cld3-py {version('cld3-py')}",
        preprocessing=f"min_num_bytes={MIN_BYTES} max_num_bytes={MAX_BYTES}",
    )


def load(model: Model) -> Udf:
    """(caption_id, caption) → (caption_id, outcome, language, probability, is_reliable)."""
    detector = gcld3.NNetLanguageIdentifier(min_num_bytes=MIN_BYTES, max_num_bytes=MAX_BYTES)

    def detect(batch: pa.RecordBatch) -> pa.Table:
        found = [detector.FindLanguage(text=text) for text in batch["caption"].to_pylist()]
        return pa.table(
            {
                "caption_id": batch["caption_id"],
                "outcome": ["ok"] * len(found),
                # CLD3 names a script after a dash (zh-Latn); LAION kept the language alone.
                "language": [result.language.split("-")[0] for result in found],
                "probability": pa.array([result.probability for result in found], pa.float32()),
                "is_reliable": [result.is_reliable for result in found],
            }
        )

    return detect
