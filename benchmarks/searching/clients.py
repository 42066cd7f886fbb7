"""Asks a server as many clients at once would, and tells how long it took them."""

from __future__ import annotations

import http.client
import itertools
import json
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness.processes import CommandFailed
from benchmarks.searching.servers import Server
from benchmarks.searching.truths import NEAREST
from pairlake.lake.vectors import Matrix

Vector = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is sent: a body for POST, none for GET."""

    path: str
    body: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class Load:
    """What some clients met together: the seconds of each request, and the server's CPU time."""

    seconds: list[float]
    wall_s: float
    cpu_s: float

    @property
    def per_s(self) -> float:
        """Requests per second."""
        return len(self.seconds) / self.wall_s

    @property
    def cpu_s_of_1000(self) -> float:
        """CPU seconds of the server for a thousand requests."""
        return 1_000 * self.cpu_s / len(self.seconds)

    def ms(self, percentile: float) -> float:
        """Milliseconds within which so many of a hundred requests were answered."""
        return float(1_000 * np.percentile(self.seconds, percentile))


def knn(vectors: Matrix, modality: str = "image") -> list[Request]:
    """`/knn-service` by embedding, as clip-retrieval's page and client ask both servers."""
    asked = {
        "text": None, "image": None, "image_url": None, "modality": modality,
        "num_images": NEAREST, "indice_name": None, "use_mclip": False, "deduplicate": False,
        "use_safety_model": False, "use_violence_detector": False, "aesthetic_score": "",
        "aesthetic_weight": "",
    }  # fmt: skip
    bodies = [{**asked, "embedding_input": vector} for vector in vectors.tolist()]
    return [_posted("/knn-service", body) for body in bodies]


def filtered(vectors: Matrix, *where: str) -> list[Request]:
    """Our own search by embedding, with filters."""
    rest = {"where": where, "fold": "none", "limit": NEAREST}
    bodies = [{"parts": [{"vector": vector}], **rest} for vector in vectors.tolist()]
    return [_posted("/api/search", body) for body in bodies]


def answers(server: Server, requests: Sequence[Request]) -> list[list[int]]:
    """The ids in each answer, best first."""
    connection, found = _connected(server), []
    for request in requests:
        answer: Any = json.loads(_answered(connection, request))
        hits = answer["results"] if isinstance(answer, dict) else answer
        found.append([int(hit["id"] if "id" in hit else hit["sample_id"]) for hit in hits])
    connection.close()
    return found


def load(
    server: Server, requests: Sequence[Request], *, clients: int, seconds: float | None
) -> Load:
    """So many clients, each with its connection, for so long, over and over; once if None."""
    began, cpu = time.perf_counter(), server.cpu_s()
    end = began + seconds if seconds is not None else float("inf")
    turns = itertools.cycle(requests) if seconds is not None else iter(requests)
    taken: list[float] = []
    errors: list[Exception] = []
    lock = threading.Lock()

    def ask() -> None:
        connection = _connected(server)
        try:
            while time.perf_counter() < end:
                with lock:
                    request = next(turns, None)
                if request is None or errors:
                    return
                sent = time.perf_counter()
                _answered(connection, request)
                taken.append(time.perf_counter() - sent)
        except (OSError, CommandFailed, http.client.HTTPException) as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=ask) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return Load(seconds=taken, wall_s=time.perf_counter() - began, cpu_s=server.cpu_s() - cpu)


def first_answer_s(server: Server, request: Request) -> float:
    """Seconds from the server's start to the end of its first answer."""
    connection = _connected(server)
    _answered(connection, request)
    connection.close()
    return time.perf_counter() - server.started


def _posted(path: str, body: dict[str, Any]) -> Request:
    return Request(path=path, body=json.dumps(body).encode())


def _connected(server: Server) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)


def _answered(connection: http.client.HTTPConnection, request: Request) -> bytes:
    method = "GET" if request.body is None else "POST"
    connection.request(method, request.path, request.body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise CommandFailed(f"{request.path} was answered by {answer.status}: {body[:500]!r}")
    return body
