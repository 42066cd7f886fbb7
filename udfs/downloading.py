"""Brings a file of a model onto the disk in one stream, and goes on where that was stopped.

By Python's own client, which keeps to HTTPS_PROXY, HTTP_PROXY and NO_PROXY.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, build_opener

from pairlake.lake.errors import JobFailed
from pairlake.lake.progress import bar
from pairlake.lake.settings import settings

HUB = "https://huggingface.co/"
_CHUNK_BYTES = 1 << 20
_TIMEOUT_S = 60.0
_SHOW_EVERY_S = 0.2

Progress = Callable[[str], object]


def download(url: str, part: Path, progress: Progress) -> str:
    """Bring what lies at `url` to the file `part`, behind what is there of it; gives its sha256.

    What has come stays where this is stopped. A mirror of Hugging Face may stand in HF_ENDPOINT.
    JobFailed, with the next step, if not all of it can be fetched.
    """
    part.parent.mkdir(parents=True, exist_ok=True)
    url = _mirrored(url)
    try:
        with _answer(url, part) as answer:
            return _received(answer, part, progress)
    except HTTPError as error:
        raise JobFailed(
            f"{url} cannot be downloaded: {error.code} {error.reason}; {_why(error)}."
        ) from error
    except (URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", None) or error or type(error).__name__
        raise JobFailed(
            f"{url} cannot be reached, or broke off ({reason}); what has come is kept. See that "
            "there is a network, name a proxy with HTTPS_PROXY or a mirror with HF_ENDPOINT, and "
            "run it again."
        ) from error


def forget(part: Path) -> None:
    """Remove what has come of a file."""
    for file in (part, _seal(part)):
        file.unlink(missing_ok=True)


def _answer(url: str, part: Path) -> Any:
    """What the server sends: the rest of the file, or all of it if that is another by now."""
    headers = {"User-Agent": settings().user_agent}
    seal = _seal(part).read_text() if _seal(part).is_file() else ""
    if seal and part.is_file():
        headers |= {"Range": f"bytes={part.stat().st_size}-", "If-Range": seal}
    try:
        return build_opener().open(Request(url, headers=headers), timeout=_TIMEOUT_S)  # noqa: S310 - the registry's
    except HTTPError as error:
        if error.code != http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise
    # All of it had come, or too much.
    forget(part)
    return _answer(url, part)


def _received(answer: Any, part: Path, progress: Progress) -> str:
    digest, started, shown = hashlib.sha256(), time.monotonic(), 0.0
    if answer.status == http.client.PARTIAL_CONTENT:
        with part.open("rb") as before:
            while chunk := before.read(_CHUNK_BYTES):
                digest.update(chunk)
    else:
        # A weak one, W/…, does not say that each byte is the same.
        etag = answer.headers.get("ETag", "")
        _seal(part).write_text(etag if etag.startswith('"') else "")
        part.write_bytes(b"")
    done = part.stat().st_size
    length = answer.headers.get("Content-Length")
    total = done + int(length) if length else None
    with part.open("ab") as target:
        while chunk := answer.read(_CHUNK_BYTES):
            digest.update(chunk)
            target.write(chunk)
            done += len(chunk)
            if time.monotonic() - shown > _SHOW_EVERY_S:
                shown = time.monotonic()
                name = part.stem
                progress(bar(done, total, started, prefix=name, unit="B", scaled=True))
    if total is not None and done < total:
        raise http.client.IncompleteRead(b"", total - done)
    return digest.hexdigest()


def _why(error: HTTPError) -> str:
    if error.code in (401, 403):
        return "its owner asks for a leave, see its page"
    if error.code in (404, 410):
        return "it may have moved; see that the name is right, and HF_ENDPOINT if you have set it"
    return "what has come is kept, run it again later"


def _mirrored(url: str) -> str:
    mirror = os.environ.get("HF_ENDPOINT", "").rstrip("/")
    return f"{mirror}/{url.removeprefix(HUB)}" if mirror and url.startswith(HUB) else url


def _seal(part: Path) -> Path:
    """Beside it: the ETag with which it began to come."""
    return part.with_name(part.name + ".etag")
