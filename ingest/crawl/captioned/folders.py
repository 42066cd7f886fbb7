"""Tells which folders hold pictures, and which files belong to them: each is one crawl file."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from pairlake.ingest.crawl.lists.layout import HTTP
from pairlake.ingest.crawl.stream import found_at

# By what pictures are called; what they are is told by their bytes.
PICTURES = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".avif"})
CAPTIONS, FACTS = frozenset({".txt"}), frozenset({".json"})
# What Hugging Face's imagefolder reads beside the pictures, or above them.
METADATA = frozenset({"metadata.csv", "metadata.jsonl"})
_TAR = re.compile(r"(.*)\.(?:tar(?:\.gz)?|tgz)", re.IGNORECASE | re.DOTALL)
# What img2dataset writes beside a tar or a folder: of each image what came of it, and their number.
_ACCOUNT = re.compile(r"(.*?)(?:_stats\.json|\.parquet)")


class File(NamedTuple):
    """A file of a folder by its name in it; `kind` says what it is if it is none to be read."""

    name: str
    kind: str | None
    size: int
    written_at: float
    read: Callable[[int], bytes]


def brings_pictures(location: str) -> bool:
    """Whether a crawl file is a folder of pictures, or by its name a tar."""
    # In the name of a file on disk these are letters as others are.
    path = re.split("[?#]", location)[0] if HTTP.match(location) else location
    return location.endswith("/") or _TAR.fullmatch(path) is not None


def ending(name: str) -> str:
    """The ending of a file's name, in lower case."""
    return PurePosixPath(name).suffix.lower()


def gathered(root: str, files: Sequence[str]) -> list[str]:
    """The files below a folder, those of pictures and what is told of them as their folder, `…/`.

    That is the folder in which they are, or the first above them that has METADATA. What
    img2dataset writes beside its tars and folders is left out.
    """
    told = {_folder(file) for file in files if PurePosixPath(file).name in METADATA}
    owners: dict[str, str] = {}

    def owner(file: str) -> str:
        folder = _folder(file)
        if folder not in owners:
            path = PurePosixPath(folder)
            above = [each for each in (path, *path.parents) if each.is_relative_to(root)]
            owners[folder] = next(
                (str(each) for each in reversed(above) if str(each) in told), folder
            )
        return owners[folder]

    units = {owner(file) for file in files if ending(file) in PICTURES}
    stems = {match[1] for file in files if (match := _TAR.fullmatch(file))} | units
    rest = [
        file
        for file in files
        if not (is_of_pictures(file) and owner(file) in units) and not _is_account(file, stems)
    ]
    return sorted([*rest, *(f"{unit.rstrip('/')}/" for unit in units)])


def is_of_pictures(name: str) -> bool:
    """Whether a file is a picture or tells of some, by its name."""
    return ending(name) in PICTURES | CAPTIONS | FACTS or PurePosixPath(name).name in METADATA


def _is_account(file: str, stems: set[str]) -> bool:
    match = _ACCOUNT.fullmatch(file)
    return match is not None and match[1] in stems


def _folder(file: str) -> str:
    return str(PurePosixPath(file).parent)


def listed(location: str) -> list[File]:
    """What a folder of pictures has, in the order of names; with METADATA, all below it too."""
    filesystem, root = found_at(location)
    root = root.rstrip("/")
    here = filesystem.find(root, maxdepth=1, detail=True)
    if any(PurePosixPath(path).name in METADATA for path in here):
        here = filesystem.find(root, detail=True)
    return [
        file
        for path in sorted(here)
        if not any(part.startswith((".", "_")) for part in path[len(root) + 1 :].split("/"))
        if (file := _file(filesystem, root, path, here[path])) is not None
    ]


def _file(filesystem: Any, root: str, path: str, info: dict[str, Any]) -> File | None:
    name = path[len(root) + 1 :]
    if not is_of_pictures(name):
        return None  # a crawl file of its own

    def read(most: int) -> bytes:
        with filesystem.open(path, "rb") as file:
            content: bytes = file.read(most)
        return content

    kind = None
    if info.get("islink"):
        kind = "link"
    elif info["type"] != "file":
        kind = "no file"
    written_at = info.get("mtime")
    moment = written_at if isinstance(written_at, float) else 0.0
    return File(name, kind, int(info["size"] or 0), moment, read)
