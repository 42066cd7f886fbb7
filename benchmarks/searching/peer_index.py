"""Builds clip-retrieval's index in its own environment: `EMBEDDINGS INDEX CORES`."""

from __future__ import annotations

import sys

from autofaiss import build_index  # type: ignore[import-not-found]


def main(embeddings: str, index: str, cores: int) -> None:
    """As `clip-retrieval index` does (clip_index.py): autofaiss chooses an index and tunes it."""
    build_index(
        embeddings=embeddings,
        index_path=index,
        index_infos_path=f"{index}.json",
        max_index_memory_usage="4G",
        current_memory_available="16G",
        nb_cores=cores,
    )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
