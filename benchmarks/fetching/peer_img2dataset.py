"""Runs img2dataset as its documentation has it, in its own environment: `URLS FOLDER PROCESSES`."""

from __future__ import annotations

import sys

from img2dataset import download


def main(urls: str, folder: str, processes: int) -> None:
    """Download a Parquet list of URLs and captions; short side 256, Parquet out."""
    download(
        url_list=urls,
        input_format="parquet",
        url_col="url",
        caption_col="caption",
        output_folder=folder,
        output_format="parquet",
        image_size=256,
        resize_mode="keep_ratio",
        resize_only_if_bigger=True,
        processes_count=processes,
        thread_count=32,
        enable_wandb=False,
    )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
