"""Every way a download can end, over real connections to loopback, down to the rows of raw."""

from __future__ import annotations

import asyncio
import gzip
import hashlib

import pyarrow as pa
import pytest
from aiohttp import web

from pairlake.lake.append import append
from pairlake.lake.keys import image_id, text_id
from tests.ingest.conftest import MAX_BYTES, Web
from tests.ingest.drawn import JPEG, encoded, noise
from tests.ingest.fetching import drip, fetch_all, md5_of, outcomes, redirect, rows


def test_statuses_and_bodies_are_named(site: Web) -> None:
    cases = {
        site.serve("/404", JPEG, 404): "not_found",
        site.serve("/410", JPEG, 410): "gone",
        site.serve("/403", JPEG, 403): "http_error",
        site.serve("/204", b"", 204): "http_error",
        site.serve("/304", b"", 304): "http_error",
        site.serve("/302", b"", 302): "http_error",
        site.serve("/429", JPEG, 429): "too_many_requests",
        site.serve("/500", JPEG, 500): "server_error",
        site.serve("/503", JPEG, 503): "server_error",
        site.serve("/html", b"<!doctype html><p>Sorry", Content_Type="image/jpeg"): "not_an_image",
        site.serve("/empty", b""): "not_an_image",
        site.serve("/tiff", encoded(noise(32, 32), "TIFF")): "unsupported_format",
        site.serve("/cut", JPEG[: len(JPEG) // 2]): "corrupt_image",
        site.serve("/noindex-404", JPEG, 404, X_Robots_Tag="noindex"): "not_found",
    }
    assert dict(zip(cases, outcomes(*cases), strict=True)) == cases
    assert rows("select count(*) from lake.raw.images") == [(0,)]


def test_urls_that_cannot_be_asked_for_are_bad(free_port: int) -> None:
    urls = [
        "ftp://127.0.0.1/1.jpg",
        "file:///etc/passwd",
        "data:image/png;base64,AAAA",
        "//127.0.0.1/1.jpg",
        "http://[::1/1.jpg",
        "http://127.0.0.1:99999/1.jpg",
        f"http://{'x' * 70}.example/1.jpg",
        "",
    ]
    assert outcomes(*urls) == ["bad_url"] * len(urls)
    assert outcomes(f"http://127.0.0.1:{free_port}/1.jpg") == ["connection_error"]


def test_addresses_that_are_not_public_are_not_reached(site: Web) -> None:
    port = site.url.rpartition(":")[2]
    urls = [
        "http://10.0.0.1/1.jpg",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::ffff:10.0.0.1]/1.jpg",
        "http://[64:ff9b::a00:1]/1.jpg",
        f"http://127.0.0.2:{port}/1.jpg",
        f"http://0x7f000002:{port}/1.jpg",
        f"http://2130706434:{port}/1.jpg",
        redirect(site, "/away", "http://192.168.1.1/1.jpg"),
        redirect(site, "/far-away", "/away"),
    ]
    assert outcomes(*urls) == ["private_address"] * len(urls)
    assert set(site.asked) == {"/away", "/far-away"}


def test_redirects_are_followed_five_times(site: Web) -> None:
    end = site.serve("/0", JPEG)
    for number in range(1, 7):
        redirect(site, f"/{number}", f"/{number - 1}", (301, 302, 303, 307, 308)[number % 5])
    loop = redirect(site, "/loop", f"{site.url}/loop#again")
    to_file = redirect(site, "/file", "file:///etc/passwd")
    to_nowhere = redirect(site, "/nowhere", "http://[::1/")
    urls = [f"{site.url}/5", f"{site.url}/6", loop, to_file, to_nowhere]
    assert outcomes(*urls) == [
        *("ok", "too_many_redirects", "too_many_redirects", "bad_url", "bad_url")
    ]
    assert rows("select final_url from lake.raw.downloads where outcome = 'ok'") == [(end,)]


def test_no_signature_of_a_place_to_which_a_redirect_leads_lands(site: Web) -> None:
    served = {"/kept": JPEG, "/none": b""}
    to = site.url.replace("//", "//me:zzz@")
    for path, body in served.items():
        site.serve(path, body)
    led = [redirect(site, f"/to{path}", f"{to}{path}?a=1&Signature=zzz") for path in served]
    assert outcomes(*led) == ["ok", "not_an_image"]
    landed = rows("select final_url, error from lake.raw.downloads order by 1")
    assert [url for url, _ in landed] == [f"{site.url}/kept?a=1", f"{site.url}/none?a=1"]
    assert "zzz" not in str(landed)


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_beyond_the_cap_is_left(announced: bool, site: Web) -> None:
    sent = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        if announced:
            response.content_length = 1000 * MAX_BYTES
        await response.prepare(request)
        while sent < 1000 * MAX_BYTES:
            await response.write(JPEG.ljust(65_536, b"\0"))
            sent += 65_536
        return response

    site.routes["/endless"] = endless
    assert outcomes(f"{site.url}/endless") == ["too_large"]
    assert sent < 500 * MAX_BYTES


def test_the_cap_counts_what_a_compressed_body_unpacks_to(site: Web) -> None:
    bomb = gzip.compress(bytes(100 * MAX_BYTES))
    assert len(bomb) < MAX_BYTES
    fits = gzip.compress(JPEG)
    urls = [
        site.serve("/bomb", bomb, Content_Encoding="gzip"),
        site.serve("/fits", fits, Content_Encoding="gzip"),
        site.serve("/lies", JPEG, Content_Encoding="gzip"),
    ]
    assert outcomes(*urls) == ["too_large", "ok", "bad_encoding"]


def test_a_body_of_just_the_cap_is_taken(site: Web) -> None:
    full = site.serve("/full", JPEG.ljust(MAX_BYTES - 2, b"\0") + b"\xff\xd9")
    over = site.serve("/over", JPEG.ljust(MAX_BYTES - 1, b"\0") + b"\xff\xd9")
    assert outcomes(full, over) == ["ok", "too_large"]


def test_the_deadline_covers_the_last_byte_and_every_hop(
    site: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAIRLAKE_FETCH_TIMEOUT_S", "0.5")

    async def silent(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(30)
        return web.Response()

    async def hop(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.2)
        return web.Response(status=302, headers={"Location": f"{request.path}x"})

    site.routes |= {"/drip": drip, "/silent": silent}
    site.routes |= {f"/hop{'x' * number}": hop for number in range(6)}
    urls = [f"{site.url}/drip", f"{site.url}/silent", f"{site.url}/hop"]
    assert outcomes(*urls) == ["timeout"] * 3
    assert all(
        450 <= elapsed < 600_000 for (elapsed,) in rows("select elapsed_ms from lake.raw.downloads")
    )


def test_connections_that_break_are_named(site: Web) -> None:
    async def short(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(len(JPEG))})
        await response.prepare(request)
        await response.write(JPEG[:100])
        assert request.transport is not None
        request.transport.close()
        return response

    async def reset(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async def nonsense(request: web.Request) -> web.StreamResponse:
        assert isinstance(request.transport, asyncio.Transport)
        request.transport.write(b"220 smtp.example ready\r\n")
        request.transport.close()
        return web.Response()

    site.routes |= {"/short": short, "/reset": reset, "/nonsense": nonsense}
    secure = site.url.replace("http:", "https:") + "/1.jpg"
    urls = [*(site.url + path for path in ("/short", "/reset", "/nonsense")), secure]
    assert outcomes(*urls) == ["connection_error"] * 4


def test_opt_outs_are_respected_and_their_evidence_kept(site: Web) -> None:
    refused = site.serve("/1", JPEG, X_Robots_Tag="NoIndex, max-image-preview:large, NoAI")
    others = site.serve("/2", JPEG, X_Robots_Tag="otherbot: noai, noindex")
    moved = site.serve("/3", b"", 301, Location="/2", X_Robots_Tag="pairlake: noimageai, none")
    assert outcomes(refused, others, moved) == [
        "opted_out_x_robots_tag",
        "ok",
        "opted_out_x_robots_tag",
    ]
    evidence = rows(
        "select opt_out_evidence, sha256, image_id from lake.raw.downloads "
        "where outcome = 'opted_out_x_robots_tag' order by 1"
    )
    assert evidence == [
        ("X-Robots-Tag: NoIndex, max-image-preview:large, NoAI", None, None),
        ("X-Robots-Tag: pairlake: noimageai, none", None, None),
    ]
    assert "/2" in site.asked
    assert rows("select count(*) from lake.raw.images") == [(1,)]


def test_pictures_taken_down_are_not_kept(site: Web) -> None:
    other = encoded(noise(40, 40, seed=1), "JPEG")
    taken_down = pa.table(
        {
            "kind": ["image_sha256", "image_md5", "url"],
            "value_id": pa.array(
                [
                    image_id(hashlib.sha256(JPEG).digest()),
                    md5_of(other),
                    text_id("http://x.example/"),
                ],
                pa.uuid(),
            ),
        }
    )
    append({"raw.takedowns": taken_down})
    urls = [
        site.serve("/1", JPEG),
        site.serve("/2", other),
        site.serve("/3", encoded(noise(40, 40), "PNG")),
    ]
    assert outcomes(*urls) == ["blocked", "blocked", "ok"]
    assert rows("select count(*) from lake.raw.image_pixels") == [(1,)]


def test_hostile_headers_land_as_plain_text(site: Web) -> None:
    url = site.serve("/1", JPEG, Content_Type="image/jpeg; x=\udcff\udcfe" + "y" * 2_000)
    assert outcomes(url) == ["ok"]
    ((content_type,),) = rows("select content_type from lake.raw.downloads")
    assert content_type.startswith("image/jpeg; x=")
    assert len(content_type) == 500


def test_requests_are_honest_and_anonymous(site: Web) -> None:
    seen: list[dict[str, str]] = []

    async def look(request: web.Request) -> web.StreamResponse:
        seen.append(dict(request.headers))
        response = web.Response(body=JPEG)
        response.set_cookie("track", "me")
        return response

    site.routes |= {"/1": look, "/2": look}
    fetch_all(f"{site.url}/1")
    fetch_all(f"{site.url}/2")
    for headers in seen:
        assert headers["User-Agent"].startswith("pairlake/")
        assert "image/webp" in headers["Accept"]
        assert not {"Cookie", "Referer"} & set(headers)
