"""Visitors who ask nothing, too slowly or too much lock no other out, and leave nothing at work."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from http.client import HTTPResponse
from pathlib import Path
from threading import Event

import pytest
import uvicorn

from pairlake.serve.search import in_time
from pairlake.serve.search.in_time import check_wanted
from pairlake.serve.search.search import Search
from pairlake.serve.web import connections, guard
from pairlake.serve.web.app import create_app
from pairlake.serve.web.connections import Punctual
from tests.serve.conftest import ENCODERS

ASKED = b"GET /favicon.ico HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"
POSTED = b"POST /api/search HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
SEARCHED = b"GET /api/search?q=cat HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"

Connect = Callable[[bytes], socket.socket]


@pytest.fixture(scope="module")
def searched(published: Path) -> Search:
    return Search(published, ENCODERS)


@pytest.fixture(scope="module")
def _port(searched: Search) -> Iterator[int]:
    config = uvicorn.Config(create_app(searched), http=Punctual, ws="none", log_level="error")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        listener.listen()
        yield listener.getsockname()[1]
        server.should_exit = True
        thread.join()


@pytest.fixture
def connect(_port: int) -> Iterator[Connect]:
    """Opens a connection and sends what it is given; all are closed at the end."""
    with ExitStack() as stack:

        def connect(sent: bytes) -> socket.socket:
            opened = socket.create_connection(("127.0.0.1", _port))
            stack.enter_context(closing(opened))
            opened.sendall(sent)
            return opened

        yield connect


def _answer(connection: socket.socket) -> tuple[int, str]:
    response = HTTPResponse(connection)
    response.begin()
    body = response.read()
    return response.status, json.loads(body)["error"] if body else ""


def _is_closed(connection: socket.socket) -> bool:
    """Waits for the other side."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def test_two_hundred_that_ask_nothing_lock_no_other_out(connect: Connect) -> None:
    for _ in range(210):
        connect(b"")
    assert _answer(connect(ASKED)) == (204, "")


def test_one_more_takes_the_place_of_who_waits_longest(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "MOST_CONNECTIONS", 3)
    monkeypatch.setattr(connections, "HEADERS_S", 3_600)
    idle = connect(b"GET / HT")
    # More than those of the last test that the server may not have closed yet.
    for _ in range(300):
        connect(b"")
    assert _answer(connect(ASKED)) == (204, "")
    assert _is_closed(idle)


@pytest.mark.parametrize("begun", [b"", b"GET / HTTP/1.1\r\nhost: 127", ASKED + b"GET"])
def test_headers_that_do_not_come_are_not_waited_for(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, begun: bytes
) -> None:
    monkeypatch.setattr(connections, "HEADERS_S", 0.2)
    waiting = connect(begun)
    if begun.startswith(ASKED):
        assert _answer(waiting)[0] == 204
    assert _is_closed(waiting)


def test_a_body_that_does_not_come_is_not_waited_for(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "HEADERS_S", 0.2)
    monkeypatch.setattr(guard, "BODY_S", 0.1)
    slow = connect(POSTED + b"content-length: 90\r\n\r\n{")
    status, error = _answer(slow)
    assert status == 408
    assert "did not come within 0.1 s" in error
    assert _is_closed(slow)


def test_bodies_take_so_much_memory_together(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "MOST_BODIES", 10)
    status, error = _answer(connect(POSTED + b"content-length: 11\r\n\r\n" + b" " * 11))
    assert (status, error) == (503, "Too much is being sent here at once; try again.")
    assert _answer(connect(POSTED + b"content-length: 2\r\n\r\n{}"))[0] == 400
    assert _answer(connect(POSTED + b"content-length: 99999999\r\n\r\n"))[0] == 413


def test_more_at_once_are_told_to_come_back_and_who_leaves_ends_the_work(
    connect: Connect, searched: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, ended = Event(), Event()

    def endless(_: object) -> None:
        begun.set()
        try:
            while not ended.wait(0.001):
                check_wanted()
        finally:
            ended.set()

    monkeypatch.setattr(searched, "find", endless)
    monkeypatch.setattr(guard, "MOST_AT_ONCE", 1)
    # Nothing but the visitor's leaving ends it.
    monkeypatch.setattr(in_time, "LONGEST_S", 3_600)
    first = connect(SEARCHED)
    begun.wait()
    status, error = _answer(connect(ASKED))
    assert status == 503
    assert "More than 1 requests are under way" in error
    first.close()
    ended.wait()
    assert ended.is_set()
