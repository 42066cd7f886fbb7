"""How likely each picture is inappropriate, by Q16. Writes enriched.image_inappropriate.

`pairlake enrich image_inappropriate`. Inappropriate is what offends, insults, threatens or
frightens, of which violence is a part. Source: Schramowski et al., arXiv 2202.06675.
"""

from __future__ import annotations

from pairlake.udfs import head_job, heads
from pairlake.udfs.job import Bound, Model, Udf

kind = "inappropriate"
keys = ("image_id",)
values = {"pinappropriate": "FLOAT"}
bound_by: Bound = "lake"
read = head_job.READ_EMBEDDINGS


def identify(name: str) -> Model:
    """The Q16 head of that name; ModelUnavailable if it or its embeddings are missing."""
    return head_job.identify(name, kind)


def load(model: Model) -> Udf:
    """(image_id, embedding, encoder) → (image_id, outcome, pinappropriate)."""
    return head_job.load(model, "pinappropriate", heads.q16)
