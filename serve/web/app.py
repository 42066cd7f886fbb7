"""The search page and its API on 127.0.0.1: `pairlake serve`.

Captions and URLs come from the web and are hostile: they leave here as JSON only, and the page
shows them as text.
"""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import uvicorn
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Histogram, generate_latest
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pairlake.lake.errors import BadRequest, PairlakeError
from pairlake.lake.ports import HOST, listening
from pairlake.lake.settings import settings
from pairlake.lake.takedowns import Spell
from pairlake.serve.search.deny_list import NoDenyList
from pairlake.serve.search.in_time import TooSlow
from pairlake.serve.search.index import NothingPublished
from pairlake.serve.search.search import Search, UnknownPair
from pairlake.serve.web.api import api
from pairlake.serve.web.clip_retrieval import clip_retrieval
from pairlake.serve.web.connections import Punctual
from pairlake.serve.web.guard import HEADERS, Bounded, heads, own_site_only, secured
from pairlake.serve.web.story import NoLake

MOST_REASONS = 3  # a vector may have a thousand numbers that are none
_ICON = "/favicon.ico"
_PAGE = Path(__file__).resolve().parent / "page"
_LOG = logging.getLogger("uvicorn.error")


def _as_typed(_: str, url: str) -> set[str]:
    return {url.strip()}


def create_app(search: Search, spell: Spell = _as_typed) -> FastAPI:
    """The page at `/`, the API that it speaks, clip-retrieval's endpoints, and `/metrics`.

    `spell` gives all spellings of a URL under which a pair may have landed.
    """
    # The interactive documentation of FastAPI loads scripts from elsewhere; /openapi.json is here.
    app = FastAPI(title="pairlake", docs_url=None, redoc_url=None)
    metrics = Metrics()
    files = {f"/{file.name}": file for file in sorted(_PAGE.iterdir())}
    files["/"] = files.pop("/page.html")
    _add_guards(app, metrics, pages={*files, _ICON})
    app.exception_handler(PairlakeError)(_failed)
    app.exception_handler(RequestValidationError)(_refused)
    app.exception_handler(HTTPException)(_told)
    app.exception_handler(Exception)(_broken)
    for path, file in files.items():
        app.get(path, include_in_schema=False)(_file(file))
    # Browsers ask for an icon by themselves.
    app.get(_ICON, include_in_schema=False)(lambda: Response(status_code=204))
    for router in (api(search, spell), clip_retrieval(search), metrics.routes()):
        app.include_router(router)
    return app


def serve(
    search: Search,
    *,
    port: int,
    progress: Callable[[str], None],
    spell: Spell = _as_typed,
) -> None:
    """Serve the page until it is interrupted or terminated; PortInUse if the port is taken.

    Port 0 takes any free port; `progress` hears the address once it is open.
    """
    with listening(port, "PAIRLAKE_PORT") as listener:
        try:
            search.load()
        except PairlakeError as error:
            # Without a model, or an index, there is the rest of the page.
            progress(error.format_message())
        progress(f"Search page at http://{HOST}:{listener.getsockname()[1]}/ (Ctrl-C ends it)")
        config = uvicorn.Config(
            create_app(search, spell), log_level="warning", http=Punctual, ws="none"
        )
        server = uvicorn.Server(config)
        # Asked to end, uvicorn ends, and then tells Python, which may say so or not. A service
        # manager asks by SIGTERM, which by itself would leave no time to end the other processes.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        with suppress(KeyboardInterrupt):
            server.run(sockets=[listener])
        progress("The search page is closed.")


def _add_guards(app: FastAPI, metrics: Metrics, *, pages: set[str]) -> None:
    origins = settings().allowed_origins()
    # The last that is added meets a request first.
    app.add_middleware(metrics.counted)
    app.add_middleware(heads)
    app.add_middleware(Bounded)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=origins,
        allow_methods=["GET", "POST"],
        allow_headers=["content-type"],
    )
    app.add_middleware(own_site_only, origins=origins, pages=pages)
    # A page elsewhere whose name resolves to this machine must not read the answers.
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])
    app.add_middleware(secured)


def _file(path: Path) -> Callable[[], FileResponse]:
    return lambda: FileResponse(path, headers={"Cache-Control": "no-cache"})


_STATUS: dict[type[PairlakeError], int] = {
    BadRequest: 400,
    UnknownPair: 404,
    NothingPublished: 503,
    NoDenyList: 503,
    NoLake: 503,
    TooSlow: 503,
}


async def _failed(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, PairlakeError)  # noqa: S101  # the handler is registered for it
    for kind, status in _STATUS.items():
        if isinstance(error, kind):
            return JSONResponse({"error": error.format_message()}, status)
    # Others may name a place on this machine, which a visitor need not know.
    _LOG.error("%s", error)
    return JSONResponse({"error": "This cannot be answered now; the server's log says why."}, 503)


async def _refused(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    problems = error.errors()
    reasons = [f"{_place(problem['loc'])}: {problem['msg']}" for problem in problems[:MOST_REASONS]]
    return JSONResponse({"error": f"The request cannot be answered. {'; '.join(reasons)}."}, 400)


def _place(loc: Sequence[str | int]) -> str:
    """Where something is amiss, as in parts.0.weight; the first says whether in query or body."""
    return ".".join(map(str, loc[1:] or loc))


async def _told(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


async def _broken(_: Request, error: Exception) -> JSONResponse:
    # What was raised goes to the log, by Starlette, which answers from outside the guard.
    text = "Something went wrong here; the server's log says what."
    return JSONResponse({"error": text}, 500, HEADERS)


class Metrics:
    """Requests by route and status, with the seconds that they took, for Prometheus."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._seconds = Histogram(
            "pairlake_request_seconds",
            "Seconds of a request, by its route and status.",
            ("route", "status"),
            registry=self._registry,
        )

    def counted(self, app: ASGIApp) -> ASGIApp:
        """ASGI: the app, with its requests counted."""

        async def counting(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            began, status = time.perf_counter(), 500

            async def noted(message: Message) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = message["status"]
                await send(message)

            try:
                await app(scope, receive, noted)
            finally:
                # The route's pattern, not the path: what visitors write would grow without end.
                route = getattr(scope.get("route"), "path", "none")
                self._seconds.labels(route, status).observe(time.perf_counter() - began)

        return counting

    def routes(self) -> APIRouter:
        """`/metrics`."""
        router = APIRouter()

        @router.get("/metrics", include_in_schema=False)
        def metrics() -> Response:
            return Response(generate_latest(self._registry), media_type=CONTENT_TYPE_LATEST)

        return router
