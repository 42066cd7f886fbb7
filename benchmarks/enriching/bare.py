"""The bare work beside a job: a plain open_clip loop, or a language detector over a list.

Prints as JSON what the model alone took, in CPU seconds, and how far the job's first embeddings are
from those of the plain loop.
"""

from __future__ import annotations

import io
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from lake.catalog import connect
from lake.settings import settings
from lake.vectors import cosines, from_blobs
from udfs import clip

BATCH = 256
# So many of the job's embeddings are compared with those of the plain loop.
COMPARED = 1_000


def forward(name: str) -> dict[str, float]:
    """The image tower over all pictures of the lake: batches that are ready, no data to move."""
    torch, open_clip = clip.import_open_clip()
    place = f"local-dir:{clip.folder_of(name)}"
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model, transform = open_clip.create_model_from_pretrained(place, device=device)
    model.eval()
    rows = _rows("select image_id, pixels from lake.raw.image_pixels order by image_id")
    cpu = wall = 0.0
    theirs = []
    with torch.inference_mode(), torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
        for start in range(0, len(rows), BATCH):
            pictures = [
                Image.open(io.BytesIO(row[1])).convert("RGB") for row in rows[start:][:BATCH]
            ]
            batch = torch.stack([transform(picture) for picture in pictures]).to(device)
            _wait(torch, device)
            began, began_wall = time.process_time(), time.perf_counter()
            found = model.encode_image(batch, normalize=True)
            _wait(torch, device)
            cpu += time.process_time() - began
            wall += time.perf_counter() - began_wall
            theirs.append(found.float().cpu().numpy())
    ours = dict(_rows("select image_id, embedding from lake.enriched.image_embeddings"))
    compared = rows[:COMPARED]
    cosine = cosines(
        from_blobs(_binary([ours[row[0]] for row in compared])), np.concatenate(theirs)[:COMPARED]
    )
    return {"cpu_s": cpu, "wall_s": wall, "least_cosine": float(cosine.min()), "rows": len(rows)}


def languages(name: str) -> dict[str, float]:
    """The detector over a list of all captions."""
    captions = [row[0] for row in _rows("select caption from lake.intermediate.captions")]
    detect = _detector(name)
    began = time.process_time()
    for caption in captions:
        detect(caption)
    return {"cpu_s": time.process_time() - began, "rows": len(captions)}


def _detector(name: str) -> Callable[[str], Any]:
    if name == "cld3":
        import gcld3

        found = gcld3.NNetLanguageIdentifier(min_num_bytes=5, max_num_bytes=2_000)
        return lambda caption: found.FindLanguage(text=caption)
    import fasttext

    from udfs.caption_languages import _lid176

    model = fasttext.load_model(str(_lid176()))
    return lambda caption: model.predict(caption)


def _rows(query: str) -> list[tuple[Any, ...]]:
    con = connect(read_only=True)
    try:
        return con.execute(query).fetchall()
    finally:
        con.close()


def _binary(values: list[bytes]) -> Any:
    import pyarrow as pa

    return pa.array(values, pa.binary())


def _wait(torch: Any, device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


if __name__ == "__main__":
    settings()
    _what = {"forward": forward, "languages": languages}[sys.argv[1]]
    print(json.dumps(_what(sys.argv[2])))
