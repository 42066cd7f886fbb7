"""Says which record of a crawl file is being read, also when the process that reads it has died."""

from __future__ import annotations

import os
from pathlib import Path


class Mark:
    """Notes in a folder which page is being read, for whoever finds that the process died."""

    _NAME = "record"

    def __init__(self, folder: Path) -> None:
        self._file = os.open(folder / self._NAME, os.O_WRONLY | os.O_CREAT)

    def set(self, number: int) -> None:
        """The record of this number, from 0 on, is next."""
        os.pwrite(self._file, number.to_bytes(8), 0)

    def close(self) -> None:
        """Nothing more is noted."""
        os.close(self._file)

    @classmethod
    def last(cls, folder: Path) -> int | None:
        """The number that was noted last in `folder`, if any was."""
        try:
            return int.from_bytes((folder / cls._NAME).read_bytes())
        except FileNotFoundError:
            return None
