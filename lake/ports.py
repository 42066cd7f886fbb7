"""Opens a port of this machine, for the servers that it alone may reach."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from pairlake.lake.errors import PairlakeError

HOST = "127.0.0.1"


class PortInUse(PairlakeError):
    """Another program listens on the port, or this one may not."""


@contextmanager
def listening(port: int, setting: str) -> Iterator[socket.socket]:
    """A socket that listens on `port` of 127.0.0.1 alone; 0 takes any that is free.

    Raises PortInUse, which names the `setting` to change, where it cannot be opened.
    """
    # As TCP by name: asyncio sends small packets at once only where the socket says so.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
            listener.listen()
        except OSError as error:
            raise PortInUse(
                f"Port {port} on {HOST} cannot be opened ({error.strerror}); "
                f"end the program that uses it, or choose another with {setting}."
            ) from error
        yield listener
