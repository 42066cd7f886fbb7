"""Opens a crawl file wherever it lies, reads it as it arrives, and goes on after a network failure.

Anything that fsspec opens: a path, http(s), s3 and others. Files of which ranges can be asked for
are read ahead in blocks by fsspec's own cache; a block that fails is asked for again.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, cast

import aiohttp
import fsspec
from fsspec.implementations.http import HTTPStreamFile
from fsspec.implementations.local import LocalFileSystem
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt
from tenacity.wait import wait_random_exponential

from pairlake.ingest.retry_after import retry_after_s
from pairlake.lake.settings import settings

TRIES = 5
FIRST_WAIT_S = 0.5
MAX_WAIT_S = 60.0
# A server may ask for longer than anyone watches; what takes so long is for the next run.
MAX_RETRY_AFTER_S = 300.0
BLOCK_BYTES = 4 * 2**20
_BUFFER_BYTES = 2**18
NETWORK_ERRORS = (aiohttp.ClientError, ConnectionError, TimeoutError)


class GaveUp(Exception):
    """The network failed as often as it is tried; its cause is the last failure."""


@contextmanager
def opened(location: str) -> Iterator[io.BufferedReader]:
    """The file at `location`, opened for reading.

    Errors of the network are tried again, TRIES times in all and no sooner than Retry-After says,
    each time from where the reading was. Then, and for all errors of a server that cannot give
    ranges of a file, GaveUp or the error itself comes through.
    """
    filesystem, path = found_at(location)
    if isinstance(filesystem, LocalFileSystem):
        with Path(path).open("rb") as file:
            yield file
        return
    with io.BufferedReader(_Resuming(filesystem, path), _BUFFER_BYTES) as stream:
        yield cast(io.BufferedReader, stream)


def found_at(location: str) -> tuple[Any, str]:
    """The file system and the path in it. The web is asked by HTTPS_PROXY and by our own name."""
    options: dict[str, Any] = {}
    if location.startswith(("http://", "https://")):
        headers = {"User-Agent": settings().user_agent}
        options = {"client_kwargs": {"trust_env": True, "headers": headers}}
    filesystem, path = fsspec.core.url_to_fs(location, **options)
    return filesystem, path


def retrying() -> Retrying:
    """Calls a function again while the network or the other side is to blame."""
    return Retrying(
        stop=stop_after_attempt(TRIES),
        wait=_wait,
        retry=retry_if_exception(_is_passing),
        reraise=True,
    )


def _is_passing(error: BaseException) -> bool:
    error = underlying(error)
    if isinstance(error, aiohttp.ClientResponseError):
        return error.status >= 500 or error.status == 429
    return isinstance(error, NETWORK_ERRORS)


def underlying(error: BaseException) -> BaseException:
    """The error itself: fsspec says of any http failure at first that there is no such file."""
    told = isinstance(error, FileNotFoundError) and isinstance(error.__cause__, NETWORK_ERRORS)
    return error.__cause__ if told and error.__cause__ else error


def _wait(state: RetryCallState) -> float:
    asked = 0.0
    if state.outcome is not None and (error := state.outcome.exception()):
        headers = getattr(underlying(error), "headers", None) or {}
        asked = retry_after_s(headers.get("Retry-After", ""))
    usual = wait_random_exponential(multiplier=FIRST_WAIT_S, max=MAX_WAIT_S)(state)
    return min(max(usual, asked), MAX_RETRY_AFTER_S)


class _Resuming(io.RawIOBase):
    """A remote file that is opened anew after a failure, at the place it had come to."""

    def __init__(self, filesystem: Any, path: str) -> None:
        self._filesystem, self._path = filesystem, path
        self._file: Any = None
        self._patiently(self._open, 0)

    def readinto(self, buffer: Any) -> int:
        wanted = len(memoryview(buffer))
        read = partial(self._patiently, self._read) if self.seekable() else self._file.read
        data = read(wanted)
        memoryview(buffer)[: len(data)] = data
        return len(data)

    def tell(self) -> int:
        return int(self._file.tell())

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return int(self._file.seek(offset, whence))

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        # fsspec's stream of a server that gives no ranges says that it can seek, and cannot.
        return bool(self._file.seekable()) and not isinstance(self._file, HTTPStreamFile)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
        super().close()

    def _patiently(self, action: Any, argument: int) -> Any:
        try:
            return retrying()(action, argument)
        except Exception as error:
            if _is_passing(error):
                raise GaveUp from underlying(error)
            raise

    def _open(self, position: int) -> None:
        if self._file is not None:
            self._file.close()
        self._file = self._filesystem.open(
            self._path,
            "rb",
            block_size=BLOCK_BYTES,
            cache_type="background",
            cache_options={"maxblocks": 4},
        )
        if position:
            self._file.seek(position)

    def _read(self, size: int) -> bytes:
        position = self._file.tell()
        try:
            data: bytes = self._file.read(size)
        except NETWORK_ERRORS:
            # The cache keeps the failure of a block that it read ahead.
            self._open(position)
            raise
        return data
