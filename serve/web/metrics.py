"""What the server counts of itself, for Prometheus: `/metrics`."""

from __future__ import annotations

import time

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Metrics:
    """Requests by route and status, with the seconds that they took."""

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
