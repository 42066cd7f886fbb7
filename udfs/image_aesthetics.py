"""How pleasing each picture is, by LAION's aesthetic heads. Writes enriched.image_aesthetics.

`pairlake enrich image_aesthetics`. The score runs from about 0 to 10; LAION-Aesthetics took what
is above 4.5 to 6.5 by V2. Sources: LAION-AI/aesthetic-predictor (V1),
christophschuhmann/improved-aesthetic-predictor (V2).
"""

from __future__ import annotations

from pairlake.udfs import head_job, heads
from pairlake.udfs.job import Bound, Model, Udf

kind = "aesthetic"
keys = ("image_id",)
values = {"aesthetic_score": "FLOAT"}
bound_by: Bound = "lake"
read = head_job.READ_EMBEDDINGS


def identify(name: str) -> Model:
    """The aesthetic head of that name; ModelUnavailable if it or its embeddings are missing."""
    return head_job.identify(name, kind)


def direction(name: str) -> heads.Vector:
    """Where the score of that head grows, (D,), for searches that steer towards it."""
    return head_job.head_of(name, kind, heads.aesthetic).direction


def load(model: Model) -> Udf:
    """(image_id, embedding, encoder) → (image_id, outcome, aesthetic_score)."""
    return head_job.load(model, "aesthetic_score", heads.aesthetic)
