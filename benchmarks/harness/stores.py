"""A Postgres and an S3 of one's own on loopback, for the tests and for `benchmarks.cluster`.

Postgres is Debian's; the S3 is moto, which keeps its objects in memory.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from threading import Thread
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

from benchmarks.harness.processes import free_port

PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
# Postgres refuses to run as root.
_AS_POSTGRES = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
BUCKET = "lakes"
# What moto takes for an account; nothing else knows them.
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "an-id", "AWS_SECRET_ACCESS_KEY": "a-secret-key"}


class Postgres:
    """A cluster of databases in a folder, on a port that was free."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "data"
        self._log = folder / "log"
        self.port = free_port()
        self._call("initdb", "-D", self.folder, "-A", "trust", "-U", "postgres", "-N")
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = f"-c listen_addresses=127.0.0.1 -c unix_socket_directories= -p {self.port}"
        self._control("start", "-w", "-o", options, "-l", self._log)

    def stop(self, how: str = "immediate") -> None:
        """End it; `immediate` is as if it had been killed."""
        self._control("stop", "-w", "-m", how)

    def made(self, database: str) -> str:
        """Make an empty database; returns what PAIRLAKE_CATALOG is to be."""
        at = f"host=127.0.0.1 port={self.port} user=postgres"
        self.execute(f"create database {database}", f"postgres:{at} dbname=postgres")
        return f"postgres:{at} dbname={database}"

    def execute(self, sql: str, catalog: str) -> str:
        """Run a statement in a database, named as in PAIRLAKE_CATALOG; returns what it printed."""
        return self._call("psql", catalog.removeprefix("postgres:"), "-qAtc", sql)

    def folder_of(self, catalog: str) -> Path:
        """Where the files of a database are."""
        of_this = "select oid from pg_database where datname = current_database()"
        return self.folder / "base" / self.execute(of_this, catalog).strip()

    def _control(self, *arguments: object) -> None:
        self._call("pg_ctl", "-D", self.folder, *arguments)

    def _call(self, program: str, *arguments: object) -> str:
        command = [*_AS_POSTGRES, str(PROGRAMS[-1] / program), *map(str, arguments)]
        done = subprocess.run(command, check=True, cwd="/", stdout=subprocess.PIPE, text=True)
        return done.stdout


@contextmanager
def postgres() -> Iterator[Postgres]:
    """A Postgres of one's own; there must be PROGRAMS."""
    # Whoever it runs as must be able to enter.
    folder = Path(tempfile.mkdtemp(prefix="pairlake-postgres-"))
    if _AS_POSTGRES:
        shutil.chown(folder, "postgres")
    server = Postgres(folder)
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


class S3:
    """An S3 on a port that was free, served by this process, with an empty bucket BUCKET."""

    def __init__(self) -> None:
        # Whether a request, as WSGI has it, is told to come later (503).
        self.refuses: Callable[[dict[str, Any]], bool] = lambda request: False
        self._app = DomainDispatcherApplication(create_backend_app)
        self._server = make_server(
            "127.0.0.1", 0, self._answer, threaded=True, request_handler=_Silent
        )
        self._thread = Thread(target=self._server.serve_forever)

    def __enter__(self) -> S3:
        self._thread.start()
        asked = HTTPConnection("127.0.0.1", self._server.server_port, timeout=10)
        # All of a process share what moto holds.
        for method, path in (("POST", "/moto-api/reset"), ("PUT", f"/{BUCKET}")):
            asked.request(method, path)
            asked.getresponse().read()
        asked.close()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def variables(self) -> dict[str, str]:
        """The variables that lead to it, as any program that reads S3 knows them."""
        return {**CREDENTIALS, "AWS_ENDPOINT_URL": self.url, "AWS_REGION": "us-east-1"}

    def _answer(self, request: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if self.refuses(request):
            start("503 Slow Down", [("Content-Length", "0")])
            return []
        answer: Iterable[bytes] = self._app(request, start)
        return answer


class _Silent(WSGIRequestHandler):
    def log_request(self, *_: object) -> None:
        """Log nothing."""
