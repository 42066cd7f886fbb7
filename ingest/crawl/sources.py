"""Finds the crawl files that a user means: a crawl's own listing, paths, folders, globs, URLs."""

from __future__ import annotations

import glob
import gzip
import random
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import aiohttp

from pairlake.ingest.crawl.captioned.folders import gathered
from pairlake.ingest.crawl.stream import GaveUp, found_at, opened, underlying
from pairlake.lake.errors import PairlakeError
from pairlake.lake.settings import settings

STANDARD_INPUT = "-"
_HTTP_FILE = re.compile(r"https?://[^*]*[^*/]")
_ERRORS = (aiohttp.ClientError, OSError, GaveUp, ImportError, ValueError, BadZipFile)


class CrawlFileMissing(PairlakeError):
    """A crawl file or a crawl's listing that was asked for by name is not there."""


def crawl_paths(
    crawl_id: str, files: int | None = None, *, seed: int | None = None, kind: str = "wat"
) -> list[str]:
    """Where the first `files` WAT files of a crawl are, or all: below the setting `crawl_root`.

    With a `seed`, `files` of them by chance, each at most once; files of another `kind` are those
    of `robotstxt`. Reads the crawl's own listing, `crawl-data/<crawl_id>/<kind>.paths.gz`. Raises
    CrawlFileMissing where there is none.
    """
    root = settings().crawl_root.rstrip("/")
    listing = f"{root}/crawl-data/{crawl_id}/{kind}.paths.gz"
    try:
        with opened(listing) as stream:
            lines = gzip.decompress(stream.read()).decode().split()
    except (*_ERRORS, EOFError, zlib.error) as error:
        raise CrawlFileMissing(
            f"The crawl {crawl_id} has no readable listing at {listing} ({_words(error)}); "
            "check the name, and PAIRLAKE_CRAWL_ROOT."
        ) from error
    if seed is not None:
        lines = random.Random(seed).sample(lines, min(files or len(lines), len(lines)))
    return [f"{root}/{line}" for line in lines[:files]]


def named_files(names: Sequence[str], standard_input: Iterable[str] = ()) -> list[str]:
    """Crawl files given by name, each once: paths and URLs as they are, folders and globs opened.

    A folder stands for all files below it but those that begin with `.` or `_` and what is behind
    links to folders, those of pictures as their folder, `…/`; `-` for a list of names on
    `standard_input`, one a line. What http URLs lead to is seen when they are read. Raises
    CrawlFileMissing for the first other name that leads to no file.
    """
    found = dict.fromkeys(location for name in names for location in _files(name, standard_input))
    if not found:
        raise CrawlFileMissing("Standard input names no crawl file; give one name a line.")
    return list(found)


def _files(name: str, standard_input: Iterable[str]) -> Iterator[str]:
    if name == STANDARD_INPUT:
        for line in filter(None, map(str.strip, standard_input)):
            yield from _files(line, ())
        return
    try:
        found = _found(name)
    except _ERRORS as error:
        raise CrawlFileMissing(
            f"The crawl file {name} cannot be reached ({_words(error)}); "
            "give a path, a folder, a glob or a URL."
        ) from error
    if not found:
        raise CrawlFileMissing(
            f"There is no crawl file {name or repr(name)}; give the path, folder, glob or URL "
            "of WAT or WARC files, or of lists of URLs and captions."
        )
    yield from found


def _found(name: str) -> list[str]:
    if _HTTP_FILE.fullmatch(name):
        return [name]  # what its server says is an outcome, and costs no other file
    if not name:
        return []
    filesystem, path = found_at(name)
    if filesystem.isfile(path):
        return [name]
    if filesystem.isdir(path):
        below_it = filesystem.find(path, detail=True)
        files = [file for file, info in below_it.items() if not _leads_to_folder(filesystem, info)]
        below = (Path(file).relative_to(path).parts for file in files)
        shown = gathered(
            path,
            [
                file
                for file, parts in zip(files, below, strict=True)
                if not any(part.startswith((".", "_")) for part in parts)
            ],
        )
    elif glob.has_magic(path):
        shown = [file for file in filesystem.glob(path) if filesystem.isfile(file)]
    else:
        return []
    remote = "://" in name
    return [filesystem.unstrip_protocol(file) if remote else file for file in sorted(shown)]


def _leads_to_folder(filesystem: Any, info: Mapping[str, Any]) -> bool:
    """Whether what was found is a link to a folder, which may be one that it is in."""
    return bool(info.get("islink") and filesystem.isdir(info["name"]))


def _words(error: BaseException) -> str:
    error = underlying(error.__cause__ or error if isinstance(error, GaveUp) else error)
    return f"{type(error).__name__}: {error}"
