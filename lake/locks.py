"""Lets one process at a time do what two must not do at once."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pairlake.lake.errors import PairlakeError


@contextmanager
def alone(lock: Path, otherwise: PairlakeError) -> Iterator[None]:
    """Hold the file `lock`, whose folder is made if need be; raise `otherwise` where another does.

    The lock goes with the process, however that ends.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise otherwise from None
        yield
