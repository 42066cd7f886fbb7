"""Object storage: what DuckDB and Lance need to know of the S3 at which PAIRLAKE_DATA lies.

Credentials are found by each of the two, along Amazon's usual chain (variables, profiles, roles),
and found again when they have run out: pairlake does not read them.
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

import duckdb

from lake.errors import BadSetting

_NEXT = (
    "see that the bucket is there, and what AWS_PROFILE or AWS_ACCESS_KEY_ID, AWS_REGION and "
    "AWS_ENDPOINT_URL say."
)


def is_remote(place: str | Path) -> bool:
    """Whether a place is a URL and not a folder."""
    return "://" in str(place)


def let_in(con: duckdb.DuckDBPyConnection, place: str) -> None:
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
