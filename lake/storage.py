"""Places of files: folders, and the S3 at which PAIRLAKE_DATA may lie, for all that reads it.

Credentials are found by DuckDB, Lance and Arrow each, along Amazon's usual chain (variables,
profiles, roles), and found again when they have run out: pairlake does not read them.
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import duckdb
from pyarrow import fs

from pairlake.lake.errors import BadSetting, first_line

_NEXT = (
    "see that the bucket is there, and what AWS_PROFILE or AWS_ACCESS_KEY_ID, AWS_REGION and "
    "AWS_ENDPOINT_URL say."
)


def is_remote(place: str | Path) -> bool:
    """Whether a place is a URL and not a folder."""
    return "://" in str(place)


def grant_access(con: duckdb.DuckDBPyConnection, place: str) -> None:
    """Let DuckDB read and write what lies at `place`; BadSetting where it cannot list it."""
    options = ""
    if endpoint := _endpoint():
        url = urlsplit(endpoint)
        ssl = str(url.scheme == "https").lower()
        options = f", endpoint '{_quoted(url.netloc)}', url_style 'path', use_ssl {ssl}"
    try:
        con.execute(
            "create secret lake_data (type s3, provider credential_chain, refresh auto, "
            f"scope '{_quoted(place)}'{options})"
        )
        # Of what is not there: to list what is would take a request for each thousand files.
        con.execute(f"from glob('{_quoted(place)}/.none*')").fetchall()
    except duckdb.Error as error:
        said = " ".join(str(error).split())
        raise BadSetting(f"{place} cannot be opened ({said}); {_NEXT}") from error


def read_small(con: duckdb.DuckDBPyConnection, place: str, name: str) -> bytes | None:
    """A small file of a place; None where there is none. BadSetting where it cannot be read."""
    # As a pattern: of what is not there a pattern finds nothing, and a name is an error.
    pattern = f"{place}/{name[:-1]}[{name[-1]}]"
    try:
        found = con.execute("select content from read_blob(?)", [pattern]).fetchone()
    except duckdb.IOException as error:
        said = first_line(error)
        raise BadSetting(f"{place}/{name} cannot be read ({said}); see that you may.") from error
    return None if found is None else found[0]


def write_small(con: duckdb.DuckDBPyConnection, place: str, name: str, content: bytes) -> None:
    """Write a small file of a place, whole or not at all."""
    if is_remote(place):
        target = _quoted(f"{place}/{name}")
        con.execute(f"copy (select ?::blob as content) to '{target}' (format blob)", [content])
        return
    made = Path(place, f".{name}.{os.getpid()}")
    try:
        with made.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        made.replace(Path(place, name))
    except OSError as error:
        made.unlink(missing_ok=True)
        raise BadSetting(
            f"{place}/{name} cannot be written ({error.strerror}); see that you may write there "
            "and that there is room, then run it again."
        ) from error


def filesystem(place: str) -> tuple[fs.FileSystem, str]:
    """What moves and removes the files of a place, and the place as it names it.

    DuckDB only reads and writes them. Credentials are found along Amazon's chain again.
    """
    if not is_remote(place):
        return fs.LocalFileSystem(), place
    uri = place
    if endpoint := _endpoint():
        url = urlsplit(endpoint)
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
        where = {"endpoint_override": url.netloc, "scheme": url.scheme, "region": region}
        uri += f"?{urlencode(where)}"
    files, path = fs.FileSystem.from_uri(uri)
    return files, path


def is_same(one: str, other: str) -> bool:
    """Whether two folders of this machine are one, by whatever names."""
    return Path(one).exists() and Path(other).exists() and Path(one).samefile(other)


def lance_options(place: str | Path) -> dict[str, str] | None:
    """What lancedb.connect is to be given beside a place."""
    endpoint = _endpoint()
    if endpoint is None or not is_remote(place):
        return None
    options = {"aws_endpoint": endpoint, "allow_http": str(endpoint.startswith("http:")).lower()}
    if not (os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")):
        # It would ask Amazon; others have regions in name only.
        options["aws_region"] = "us-east-1"
    return options


def _endpoint() -> str | None:
    """The server, where it is not Amazon's."""
    return os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or None


def _quoted(text: str) -> str:
    return text.replace("'", "''")
