"""Writes WAT files as Common Crawl publishes them: a gzip member each record, JSON about a page.

The demo, the benchmarks and the tests write theirs with it.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import random
import uuid
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

CRAWLED_AT = "2026-11-17T08:30:00Z"
_WARCINFO_ID = "<urn:uuid:668d88fc-4208-41fc-b327-1aa6cb783331>"
_SERVERS = ("nginx", "Apache", "cloudflare", "LiteSpeed", "Microsoft-IIS/10.0", "nginx/1.24.0")
_BREAKS = (  # what makes JSON malformed, by turns; the last two stand in values that nobody reads
    lambda body: body[: len(body) * 2 // 3],
    lambda body: body + b'{"Links":',
    lambda body: body.replace(b'"path":', b'"path"', 1),
    lambda body: body.replace(b'"Server":"', b'"Server":"\\x', 1),
    lambda body: body.replace(b'"Server":"', b'"Server":"\xff', 1),
)


def record(fields: Mapping[str, str], body: bytes) -> bytes:
    """One record of a web archive, not packed; its length and digests follow its own fields."""
    digest = _sha1(body)
    told = {
        **fields,
        "Content-Length": str(len(body)),
        "WARC-Payload-Digest": digest,
        "WARC-Block-Digest": digest,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in told.items())
    return b"WARC/1.0\r\n" + head.encode() + b"\r\n" + body + b"\r\n\r\n"


def packed(content: bytes) -> bytes:
    """A record in a gzip member of its own."""
    return zlib.compress(content, 6, wbits=31)


def write_listing(folder: Path, crawl_id: str, paths: Sequence[str]) -> None:
    """Write the wat.paths.gz of a crawl whose files stand at `paths` below `folder`."""
    listing = "".join(f"{path}\n" for path in paths).encode()
    file = folder / "crawl-data" / crawl_id / "wat.paths.gz"
    file.write_bytes(gzip.compress(listing, mtime=0))


class Records:
    """Makes the records of one crawl file, in their order; what nobody reads is drawn by chance."""

    def __init__(self, filename: str, rng: random.Random) -> None:
        self._filename, self._rng = filename, rng
        self._offset = 1_000
        self.raw_bytes = 0

    def warcinfo(self) -> bytes:
        """The record that a file starts with."""
        lines = (
            "Software-Info: ia-web-commons.1.1.10-SNAPSHOT-20240513074037",
            "Extracted-Date: Tue, 17 Nov 2026 11:16:45 GMT",
            "hostname: localhost",
            "format: WARC File Format 1.0",
        )
        fields = {
            "WARC-Type": "warcinfo",
            "WARC-Date": CRAWLED_AT,
            "WARC-Filename": self._filename,
            "WARC-Record-ID": self._id(),
            "Content-Type": "application/warc-fields",
        }
        return self._member(fields, "".join(f"{line}\r\n" for line in lines).encode())

    def request(self, url: str) -> bytes:
        """What the crawler asked for."""
        _, _, place = url.partition("://")
        host, _, path = place.partition("/")
        payload = {
            "Request-Message": {"Method": "GET", "Path": f"/{path}", "Version": "HTTP/1.1"},
            "Headers-Length": "263",
            "Headers": {
                "User-Agent": "CCBot/2.0 (https://commoncrawl.org/faq/)",
                "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
                "Accept-Language": "en-US,en;q=0.5",
                "Accept-Encoding": "br,gzip",
                "Host": host,
                "Connection": "Keep-Alive",
            },
            **self._entity(0),
        }
        kind = "application/http; msgtype=request"
        return self._record(url, self._json(url, kind, {"HTTP-Request-Metadata": payload}))

    def response(
        self,
        url: str,
        head: Mapping[str, Any],
        links: Sequence[Mapping[str, object]],
        broken: int | None = None,
    ) -> bytes:
        """The page itself, with its links; malformed in the given way, of five, if one is given."""
        body = self.page_json(url, head, links)
        if broken is not None:
            body = _BREAKS[broken % len(_BREAKS)](body)
        return self._record(url, body)

    def page_json(
        self, url: str, head: Mapping[str, Any], links: Sequence[Mapping[str, object]]
    ) -> bytes:
        """The JSON about a page, its links as a parser found them: `{"path": "IMG@/src", …}`."""
        html = {"Head": head, "Links": links}
        return self._response(url, "text/html; charset=utf-8", {"HTML-Metadata": html})

    def other_response(self, url: str, content_type: str) -> bytes:
        """A document that is not HTML."""
        return self._record(url, self._response(url, content_type, {}))

    def note(self, url: str) -> bytes:
        """The crawler's own note."""
        notes = {"fetchTimeMs": str(self._rng.randrange(20, 2_000)), "charset-detected": "UTF-8"}
        pairs = [{"Name": name, "Value": value} for name, value in notes.items()]
        payload = {"WARC-Metadata-Metadata": {"Metadata-Records": pairs}}
        body = self._json(url, "application/metadata-fields", payload)
        return self._record(url, body)

    def _response(self, url: str, content_type: str, html: Mapping[str, Any]) -> bytes:
        rng = self._rng
        headers = {
            "Date": "Tue, 17 Nov 2026 08:30:00 GMT",
            "Content-Type": content_type,
            "X-Crawler-Transfer-Encoding": "chunked",
            "Connection": "keep-alive",
            "Server": _SERVERS[int(rng.random() * len(_SERVERS))],
            "Set-Cookie": f"session={rng.getrandbits(128):032x}; path=/; HttpOnly; secure",
            "Cache-Control": "no-store, no-cache, must-revalidate",
            "ETag": f'"{rng.getrandbits(64):016x}"',
            "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
            "Content-Length": str(rng.randrange(9_000, 300_000)),
        }
        payload = {
            "Response-Message": {"Version": "HTTP/1.1", "Status": "200", "Reason": "OK"},
            "Headers-Length": "812",
            "Headers": headers,
            **html,
            **self._entity(rng.randrange(9_000, 300_000)),
        }
        kind = "application/http; msgtype=response"
        return self._json(url, kind, {"HTTP-Response-Metadata": payload})

    def _entity(self, length: int) -> Mapping[str, str]:
        return {
            "Entity-Length": str(length),
            "Entity-Digest": _sha1(self._rng.randbytes(8)),
            "Entity-Trailing-Slop-Length": "0",
        }

    def _json(self, url: str, content_type: str, payload: Mapping[str, Any]) -> bytes:
        rng = self._rng
        length = str(rng.randrange(4_000, 80_000))
        self._offset += int(length)
        container = self._container(length)
        warc = self._warc_fields(url, content_type, length)
        envelope = {
            "Payload-Metadata": {
                "Actual-Content-Type": content_type,
                **payload,
                "Actual-Content-Length": length,
                "Trailing-Slop-Length": "4",
                "Block-Digest": _sha1(rng.randbytes(8)),
            },
            "Format": "WARC/1.0",
            "WARC-Header-Length": "612",
            "WARC-Header-Metadata": warc,
        }
        record = {"Container": container, "Envelope": envelope}
        text = json.dumps(record, ensure_ascii=False, separators=(",", ":"), check_circular=False)
        return text.replace("</", "<\\/").encode()

    def _container(self, length: str) -> Mapping[str, Any]:
        gzip_fields = {
            "Deflate-Length": length,
            "Header-Length": "10",
            "Footer-Length": "8",
            "Inflated-CRC": str(self._rng.getrandbits(32)),
            "Inflated-Length": str(self._rng.randrange(80_000)),
        }
        return {
            "Filename": self._filename.replace(".warc.wat.gz", ".warc.gz"),
            "Compressed": True,
            "Offset": str(self._offset),
            "Gzip-Metadata": gzip_fields,
        }

    def _warc_fields(self, url: str, content_type: str, length: str) -> Mapping[str, str]:
        rng = self._rng
        return {
            "WARC-Type": content_type.rpartition("=")[2] if "=" in content_type else "metadata",
            "WARC-Date": CRAWLED_AT,
            "WARC-Record-ID": self._id(),
            "Content-Length": length,
            "Content-Type": content_type,
            "WARC-Warcinfo-ID": _WARCINFO_ID,
            "WARC-Concurrent-To": self._id(),
            "WARC-IP-Address": ".".join(str(byte) for byte in rng.randbytes(4)),
            "WARC-Target-URI": url,
            "WARC-Payload-Digest": _sha1(rng.randbytes(8)),
        }

    def _record(self, url: str, body: bytes) -> bytes:
        fields = {
            "WARC-Type": "metadata",
            "WARC-Target-URI": url,
            "WARC-Date": CRAWLED_AT,
            "WARC-Record-ID": self._id(),
            "WARC-Refers-To": self._id(),
            "Content-Type": "application/json",
        }
        return self._member(fields, body)

    def _member(self, fields: Mapping[str, str], body: bytes) -> bytes:
        content = record(fields, body)
        self.raw_bytes += len(content)
        return packed(content)

    def _id(self) -> str:
        return f"<urn:uuid:{uuid.UUID(int=self._rng.getrandbits(128), version=4)}>"


def _sha1(data: bytes) -> str:
    digest = hashlib.sha1(data, usedforsecurity=False).digest()
    return f"sha1:{base64.b32encode(digest).decode()}"
