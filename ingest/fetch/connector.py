"""Lets downloads reach public addresses only, checked at the socket, which nothing goes around."""

from __future__ import annotations

import errno
import socket
from collections.abc import Sequence

import aiohttp

from pairlake.ingest.fetch.networks import Network, is_allowed


class AddressRefused(OSError):
    """The address to connect to is neither public nor in a network that the settings allow."""

    def __init__(self) -> None:
        # The same words for every address: aiohttp gives the first of several errors as it is
        # only where all say the same.
        super().__init__(errno.EACCES, "the address is not public")


def guarded_connector(
    networks: Sequence[Network],
    *,
    connections: int,
    resolver: aiohttp.abc.AbstractResolver | None = None,
) -> aiohttp.TCPConnector:
    """A connector that raises AddressRefused instead of connecting to where it must not.

    The check is made on the very address of each connect, after the name was resolved: names that
    answer differently the second time, redirects, numbers in odd notations and mapped addresses
    all come by here. `connections` is the most that are open at once.
    """

    def guarded_socket(addr_info: aiohttp.AddrInfoType) -> socket.socket:
        family, kind, protocol, _, address = addr_info
        if not is_allowed(str(address[0]), networks):
            raise AddressRefused
        return socket.socket(family=family, type=kind, proto=protocol)

    return aiohttp.TCPConnector(
        limit=connections,
        socket_factory=guarded_socket,
        resolver=resolver,
        ttl_dns_cache=60,
        # Long enough for the next image of a domain (ingest/fetch/turns.py), since a TLS handshake costs
        # more than an image; and short, since most hosts are asked a few times and never again.
        keepalive_timeout=5.0,
    )
