"""The bare work beside a job: plain open_clip, decoding alone, or a detector over a list.

Prints as JSON what the model alone took, in CPU seconds, and how far the job's first embeddings are
from those of the plain loop.
"""

from __future__ import annotations

import io
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from PIL import Image

from pairlake.lake.catalog import rows
from pairlake.lake.settings import settings
from pairlake.lake.vectors import cosines, from_blobs
from pairlake.udfs import caption_embeddings, clip, image_embeddings
from pairlake.udfs.device import BLOCK_ROWS

# As clip-retrieval has them by default, and as the job takes them on a CPU.
BATCHES = (256, BLOCK_ROWS)
# So many of the job's embeddings are compared with those of the plain loop.
COMPARED = 1_000


def images(name: str) -> dict[str, Any]:
    """The image tower over all pictures of the lake: batches that are ready, no data to move."""
    tower = _Tower(name)
    stored = rows("select image_id, pixels from lake.raw.image_pixels order by image_id")

    def read(row: tuple[Any, ...]) -> Any:
        return tower.transform(Image.open(io.BytesIO(row[1])).convert("RGB"))

    threads = ThreadPoolExecutor(os.cpu_count())

    def ready(part: Sequence[tuple[Any, ...]]) -> Any:
        return tower.torch.stack(list(threads.map(read, part)))

    ours = _Embeddings("image_embeddings", "image_id", image_embeddings.identify(name).model_id)
    return tower.measured(stored, ready, tower.model.encode_image, ours)


def captions(name: str) -> dict[str, Any]:
    """The text tower over all captions, as tokens that are ready."""
    tower = _Tower(name)
    stored = rows("select caption_id, caption from lake.intermediate.captions order by caption_id")

    def ready(part: Sequence[tuple[Any, ...]]) -> Any:
        return tower.tokenize([caption for _, caption in part])

    ours = _Embeddings(
        "caption_embeddings", "caption_id", caption_embeddings.identify(name).model_id
    )
    return tower.measured(stored, ready, tower.model.encode_text, ours)


class _Embeddings(NamedTuple):
    """What the job made: a table of `enriched`, its key, and the model's id."""

    table: str
    key: str
    model_id: str

    def by_key(self) -> dict[Any, bytes]:
        """The embeddings."""
        query = f"select {self.key}, embedding from lake.enriched.{self.table} where model_id = ?"
        return dict(rows(query, [self.model_id]))


class _Tower:
    """A plain open_clip model, as its README loads one."""

    def __init__(self, name: str) -> None:
        self.torch, open_clip = clip.import_open_clip()
        place = f"local-dir:{clip.folder_of(name)}"
        self.device = "cuda" if self.torch.cuda.is_available() else "cpu"
        model, self.transform = open_clip.create_model_from_pretrained(place, device=self.device)
        self.model, self.tokenize = model.eval(), open_clip.get_tokenizer(place)

    def measured(
        self,
        stored: Sequence[tuple[Any, ...]],
        ready: Callable[[Sequence[tuple[Any, ...]]], Any],
        encode: Callable[..., Any],
        made: _Embeddings,
    ) -> dict[str, Any]:
        """CPU and wall seconds by batch size, of `encode` alone; and the least cosine with ours."""
        cpu, wall = dict.fromkeys(BATCHES, 0.0), dict.fromkeys(BATCHES, 0.0)
        theirs: list[Any] = []
        on_gpu = self.device == "cuda"
        with (
            self.torch.inference_mode(),
            self.torch.autocast(self.device, self.torch.bfloat16, enabled=on_gpu),
        ):
            # Warm: the first pass chooses kernels.
            encode(ready(stored[: BATCHES[0]]).to(self.device), normalize=True)
            for start in range(0, len(stored), BATCHES[0]):
                batch = ready(stored[start : start + BATCHES[0]]).to(self.device)
                for size in BATCHES:
                    found = self._timed(batch, size, encode, cpu, wall)
                theirs.append(found.float().cpu().numpy())
        ours = made.by_key()
        first = _binary([ours[row[0]] for row in stored[:COMPARED]])
        cosine = cosines(from_blobs(first), np.concatenate(theirs)[:COMPARED])
        return {"cpu_s": cpu, "wall_s": wall, "least_cosine": float(cosine.min())}

    def _timed(
        self,
        batch: Any,
        size: int,
        encode: Callable[..., Any],
        cpu: dict[int, float],
        wall: dict[int, float],
    ) -> Any:
        self._wait()
        began, began_wall = time.process_time(), time.perf_counter()
        found = [encode(part, normalize=True) for part in batch.split(size)]
        self._wait()
        cpu[size] += time.process_time() - began
        wall[size] += time.perf_counter() - began_wall
        return self.torch.cat(found)

    def _wait(self) -> None:
        if self.device == "cuda":
            self.torch.cuda.synchronize()


def decoding(name: str) -> dict[str, Any]:
    """Decoding and resizing alone, on as many threads as there are processors."""
    prepare = image_embeddings.load(image_embeddings.identify(name)).prepare
    stored = rows("select image_id, pixels from lake.raw.image_pixels")
    ids, pixels = zip(*stored, strict=True)
    batch = pa.table(
        {"image_id": pa.array([key.bytes for key in ids], pa.uuid()), "pixels": _binary(pixels)}
    )
    began, began_wall = time.process_time(), time.perf_counter()
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        for _ in threads.map(lambda part: bool(prepare(part)), batch.to_batches(BLOCK_ROWS)):
            pass
    cpu_s, wall_s = time.process_time() - began, time.perf_counter() - began_wall
    return {"cpu_s": cpu_s, "wall_s": wall_s}


def languages(name: str) -> dict[str, Any]:
    """The detector over a list of all captions."""
    texts = [row[0] for row in rows("select caption from lake.intermediate.captions")]
    detect = _detector(name)
    began = time.process_time()
    for caption in texts:
        detect(caption)
    return {"cpu_s": time.process_time() - began, "rows": len(texts)}


def _detector(name: str) -> Callable[[str], Any]:
    if name == "cld3":
        import gcld3

        found = gcld3.NNetLanguageIdentifier(min_num_bytes=5, max_num_bytes=2_000)
        return lambda caption: found.FindLanguage(text=caption)
    import fasttext

    from pairlake.udfs.caption_languages import _lid176

    model = fasttext.load_model(str(_lid176()))
    return lambda caption: model.predict(caption)


def _binary(values: Sequence[bytes]) -> pa.Array:
    return pa.array(values, pa.binary())


if __name__ == "__main__":
    settings()
    _what = {
        "images": images, "captions": captions, "decoding": decoding, "languages": languages
    }[sys.argv[1]]  # fmt: skip
    print(json.dumps(_what(sys.argv[2])))
