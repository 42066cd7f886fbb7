"""The search page and its API on 127.0.0.1: `pairlake serve`.

Captions and URLs come from the web and are hostile: they leave here as JSON only, and the page
shows them as text.
"""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

import uvicorn
from fastapi import FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from starlette.middleware.trustedhost import TrustedHostMiddleware

from lake.errors import PairlakeError
from serve.index import NothingPublished
from serve.search import Search, Side, UnknownPair

HOST = "127.0.0.1"
LONGEST_QUERY = 500
MOST_RESULTS = 200
_HERE = Path(__file__).resolve().parent
_PAGE = {"/": "page.html", "/page.css": "page.css", "/page.js": "page.js"}
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}

Split = Literal["en", "multi", "nolang"]
Text = Annotated[str | None, Query(min_length=1, max_length=LONGEST_QUERY)]
Limit = Annotated[int, Query(ge=1, le=MOST_RESULTS)]
Language = Annotated[str | None, Query(pattern="^[a-z]{2,3}$")]


class PortInUse(PairlakeError):
    """Another program listens on the port."""


def create_app(search: Search) -> FastAPI:
    """The page at `/`, `/api/search`, `/api/stats` and `/thumbnails/{image_id}.jpg`."""
    # The interactive documentation of FastAPI loads scripts from elsewhere.
    app = FastAPI(title="pairlake", docs_url=None, redoc_url=None)
    # A page elsewhere whose name resolves to this machine must not read the answers.
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])
    app.middleware("http")(_secured)
    app.exception_handler(PairlakeError)(_failed)
    app.exception_handler(RequestValidationError)(_refused)
    for path, name in _PAGE.items():
        app.get(path, include_in_schema=False)(_file(_HERE / name))
    # Browsers ask for an icon by themselves.
    app.get("/favicon.ico", include_in_schema=False)(lambda: Response(status_code=204))
    _add_api(app, search)
    return app


def serve(search: Search, *, port: int, progress: Callable[[str], None]) -> None:
    """Serve the page until it is interrupted; raises PortInUse if the port is taken.

    Port 0 takes any free port; `progress` hears the address once it is open.
    """
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
            listener.listen()
        except OSError as error:
            raise PortInUse(
                f"Port {port} on {HOST} cannot be opened ({error.strerror}); "
                "end the program that uses it, or choose another with PAIRLAKE_PORT."
            ) from error
        progress(f"Search page at http://{HOST}:{listener.getsockname()[1]}/ (Ctrl-C ends it)")
        server = uvicorn.Server(uvicorn.Config(create_app(search), log_level="warning"))
        try:
            server.run(sockets=[listener])
        except KeyboardInterrupt:
            progress("The search page is closed.")


def _add_api(app: FastAPI, search: Search) -> None:
    @app.get("/api/search")
    def find(
        q: Text = None,
        like: UUID | None = None,
        limit: Limit = 48,
        by: Side = "image",
        split: Split | None = None,
        language: Language = None,
    ) -> dict[str, Any]:
        """Pictures nearest to the text `q`, or to the picture of the pair `like`."""
        if (q is None or not q.strip()) == (like is None):
            raise RequestValidationError(
                [{"loc": ("query", "q"), "msg": "give either q, a text, or like, a pair_id"}]
            )
        if like is not None:
            hits = search.by_pair(like, limit=limit, split=split, language=language)
        else:
            text = (q or "").strip()
            hits = search.by_text(text, limit=limit, side=by, split=split, language=language)
        return {"results": [asdict(hit) for hit in hits]}

    @app.get("/api/stats")
    def stats() -> dict[str, Any]:
        """What is published; rows is 0 where nothing is."""
        try:
            return asdict(search.publication())
        except NothingPublished as error:
            return {"rows": 0, "published_at": None, "message": error.format_message()}

    @app.get("/thumbnails/{image_id}.jpg", response_class=Response)
    def thumbnail(image_id: UUID) -> Response:
        """The picture of a published pair, within 256 x 256 pixels."""
        jpeg = search.thumbnail(image_id)
        if jpeg is None:
            return JSONResponse({"error": f"There is no thumbnail of {image_id}."}, 404)
        return Response(jpeg, media_type="image/jpeg", headers={"Cache-Control": "max-age=300"})


def _file(path: Path) -> Callable[[], FileResponse]:
    return lambda: FileResponse(path, headers={"Cache-Control": "no-cache"})


async def _secured(
    request: Request, call_next: Callable[[Request], Awaitable[Response]]
) -> Response:
    response = await call_next(request)
    response.headers.update(_HEADERS)
    return response


async def _failed(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, PairlakeError)  # noqa: S101  # the handler is registered for it
    status = 404 if isinstance(error, UnknownPair) else 503
    return JSONResponse({"error": error.format_message()}, status)


async def _refused(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    reasons = [f"{problem['loc'][-1]}: {problem['msg']}" for problem in error.errors()]
    return JSONResponse({"error": f"The request cannot be answered. {'; '.join(reasons)}."}, 400)
