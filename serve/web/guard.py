"""What every request and answer goes through: whose page asks, how much of it there is, how long.

Programs send no Origin; browsers tell in Origin and Sec-Fetch-Site which page makes them ask.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection

import anyio
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BODY = 15_000_000  # bytes: a picture of 10 MB in base64, and some
MOST_BODIES = 100_000_000  # bytes of all requests under way
MOST_AT_ONCE = 200  # requests under way; more are told to come back
BODY_S = 30.0  # for a body to come
# For an answer to be found and taken.
ANSWER_S = 120.0
HEADERS = {
    # Pictures come from here, and from what a visitor is about to upload.
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def secured(app: ASGIApp) -> ASGIApp:
    """ASGI: the app, with HEADERS on every answer."""

    async def securing(scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await app(scope, receive, with_headers if scope["type"] == "http" else send)

    return securing


def heads(app: ASGIApp) -> ASGIApp:
    """ASGI: answers HEAD wherever it answers GET."""

    async def heading(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await app(scope, receive, send)
            return

        async def without_body(message: Message) -> None:
            is_body = message["type"] == "http.response.body"
            await send({**message, "body": b""} if is_body else message)

        await app({**scope, "method": "GET"}, receive, without_body)

    return heading


def own_site_only(app: ASGIApp, *, origins: Collection[str], pages: Collection[str]) -> ASGIApp:
    """ASGI: refuses what pages of other sites ask, but for those of `origins`.

    A browser may be led to one of `pages` from anywhere, in a window of its own.
    """

    async def asking(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or _is_own(scope, origins, pages):
            await app(scope, receive, send)
            return
        text = (
            "A page of another site asks; open the search page itself, or name the other site in "
            "PAIRLAKE_ORIGINS."
        )
        await JSONResponse({"error": text}, 403)(scope, receive, send)

    return asking


def _is_own(scope: Scope, origins: Collection[str], pages: Collection[str]) -> bool:
    headers = Headers(scope=scope)
    asked_by = headers.getlist("origin")
    own = {f"http://{headers.get('host', '').lower()}", *origins}
    if any(origin.lower() not in own for origin in asked_by):
        return False
    if asked_by and asked_by[0].lower() in origins:
        # To a browser this is another site's page, and is meant to ask.
        return True
    if all(site in ("same-origin", "none") for site in headers.getlist("sec-fetch-site")):
        return True
    is_led_here = (
        headers.getlist("sec-fetch-mode") == ["navigate"]
        and headers.getlist("sec-fetch-dest") == ["document"]
        and scope["method"] in ("GET", "HEAD")
    )
    return is_led_here and scope["path"] in pages


class Bounded:
    """ASGI: so many requests at once, their bodies whole, of so many bytes, and in time.

    Where a visitor leaves, the work for it is given up.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._under_way = 0
        self._held = 0  # bytes of bodies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on once it is whole, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = bytearray()
        self._under_way += 1
        try:
            refusal = await self._read(scope, receive, body)
            if refusal is None:
                await _while_there(self._app, scope, bytes(body), receive, send)
            else:
                await refusal(scope, receive, send)
        finally:
            self._under_way -= 1
            self._held -= len(body)

    async def _read(self, scope: Scope, receive: Receive, body: bytearray) -> ASGIApp | None:
        """Read the whole body; returns the answer to a request that is not to be passed on."""
        if self._under_way > MOST_AT_ONCE:
            return _refusal(503, f"More than {MOST_AT_ONCE} requests are under way; try again.")
        too_large = _refusal(
            413, f"The request is larger than {MOST_BODY:,} bytes; send a smaller one."
        )
        if int(Headers(scope=scope).get("content-length", "0")) > MOST_BODY:
            return too_large
        with anyio.move_on_after(BODY_S):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return _nothing
                part = message.get("body", b"")
                body += part
                self._held += len(part)
                if len(body) > MOST_BODY:
                    return too_large
                if self._held > MOST_BODIES:
                    return _refusal(503, "Too much is being sent here at once; try again.")
                if not message.get("more_body", False):
                    return None
        return _refusal(408, f"The request did not come within {BODY_S:g} s; send it again.")


def _refusal(status: int, text: str) -> ASGIApp:
    return JSONResponse({"error": text}, status)


async def _nothing(_: Scope, __: Receive, ___: Send) -> None:
    """The answer to who has left."""


async def _while_there(
    app: ASGIApp, scope: Scope, body: bytes, receive: Receive, send: Send
) -> None:
    """Call the app with a body that has come, until the visitor leaves or takes too long."""
    left, is_answered = asyncio.Event(), False
    whole: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def come() -> Message:
        if whole:
            return whole.pop()
        await left.wait()
        return {"type": "http.disconnect"}

    async def noted(message: Message) -> None:
        nonlocal is_answered
        is_answered = message["type"] == "http.response.body" and not message.get("more_body")
        await send(message)

    async def watch() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        left.set()
        # An answer that is complete counts as left too.
        if not is_answered:
            working.cancel()

    with anyio.move_on_after(ANSWER_S) as working:
        watching = asyncio.create_task(watch())
        try:
            await app(scope, come, noted)
        finally:
            watching.cancel()
