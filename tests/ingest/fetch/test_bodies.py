"""Bodies are read within bounds, whatever a server sends and however slowly."""

from __future__ import annotations

import gzip
import zlib

import pytest

from pairlake.ingest.fetch import bodies
from tests.ingest.conftest import MAX_BYTES, Web
from tests.ingest.drawn import JPEG
from tests.ingest.fetching import drip, outcomes, rows


def test_a_slow_drip_ends_long_before_the_deadline(
    site: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "PATIENCE_S", 0.2)

    site.routes["/drip"] = drip
    assert outcomes(f"{site.url}/drip") == ["too_slow"]
    ((error, elapsed),) = rows("select error, elapsed_ms from lake.raw.downloads")
    assert error.endswith("bytes in 0 s")
    assert elapsed < 60_000


def test_encodings_are_undone_within_the_cap(site: Web) -> None:
    bomb = bytes(100 * MAX_BYTES)
    cases = {
        site.serve("/gzip", gzip.compress(JPEG), Content_Encoding="gzip"): "ok",
        site.serve("/deflate", zlib.compress(JPEG), Content_Encoding="Deflate"): "ok",
        site.serve("/identity", JPEG, Content_Encoding="identity"): "ok",
        site.serve("/brotli", JPEG, Content_Encoding="br"): "bad_encoding",
        site.serve("/two", gzip.compress(JPEG), Content_Encoding="gzip, br"): "bad_encoding",
        site.serve("/utf-8", JPEG, Content_Encoding="UTF-8"): "ok",
        site.serve("/aws", gzip.compress(JPEG), Content_Encoding="aws-chunked,GZIP"): "ok",
        site.serve("/twice", gzip.compress(gzip.compress(JPEG)), Content_Encoding="gzip, gzip"): (
            "ok"
        ),
        site.serve("/lies", JPEG, Content_Encoding="gzip"): "bad_encoding",
        site.serve("/bomb", gzip.compress(bomb), Content_Encoding="gzip"): "too_large",
        site.serve("/bomb2", zlib.compress(bomb), Content_Encoding="deflate"): "too_large",
    }
    assert dict(zip(cases, outcomes(*cases), strict=True)) == cases
