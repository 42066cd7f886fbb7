"""The small world that the tests of the demo share."""

from __future__ import annotations

import socket

import pytest

from pairlake.demo.web import base_url
from pairlake.demo.world import World, build_world


@pytest.fixture(scope="session")
def web_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory, web_port: int) -> World:
    return build_world(tmp_path_factory.mktemp("world"), base_url(web_port), 60)
