"""Lets downloads reach public addresses only, checked at the socket, which nothing goes around.

Which are public is by IANA's table, and not by the Python version's, which lags behind by years.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import aiohttp

Network = IPv4Network | IPv6Network

# What IANA has set aside, as of October 2025, and what for. Some of it leads somewhere; no website
# is there.
# https://www.iana.org/assignments/iana-ipv4-special-registry
# https://www.iana.org/assignments/iana-ipv6-special-registry
# https://www.iana.org/assignments/ipv4-address-space, https://www.iana.org/assignments/ipv6-address-space
SPECIAL = {
    "0.0.0.0/8": "this network",
    "10.0.0.0/8": "private use",
    "100.64.0.0/10": "shared by the customers of a provider; the metadata of Alibaba's cloud",
    "127.0.0.0/8": "loopback",
    "169.254.0.0/16": "link-local; the metadata of most clouds",
    "172.16.0.0/12": "private use",
    "192.0.0.0/24": "IETF protocols; the metadata of Oracle's cloud",
    "192.0.2.0/24": "documentation",
    "192.31.196.0/24": "AS112",
    "192.52.193.0/24": "AMT",
    "192.88.99.0/24": "relays of 6to4",
    "192.168.0.0/16": "private use",
    "192.175.48.0/24": "AS112",
    "198.18.0.0/15": "benchmarks",
    "198.51.100.0/24": "documentation",
    "203.0.113.0/24": "documentation",
    "224.0.0.0/4": "multicast",
    "240.0.0.0/4": "reserved; broadcast",
    "::/96": "unspecified, loopback, and addresses that were IPv4's",
    "::ffff:0:0:0/96": "IPv4, translated",
    "64:ff9b:1::/48": "translators of one network",
    "100::/64": "discarded",
    "100:0:0:1::/64": "dummies",
    "2001::/23": "IETF protocols: Teredo, benchmarks, AMT, AS112, ORCHID, drones",
    "2001:db8::/32": "documentation",
    "2002::/16": "6to4",
    "2620:4f:8000::/48": "AS112",
    "3ffe::/16": "the 6bone, which is gone",
    "3fff::/20": "documentation",
    "5f00::/16": "segment routing",
    "fc00::/7": "private use; the metadata of Amazon's and Google's clouds",
    "fe80::/10": "link-local",
    "fec0::/10": "private use, formerly",
    "ff00::/8": "multicast",
    # Not IANA's: within Azure a host of its platform, and nobody's elsewhere.
    "168.63.129.16/32": "the metadata of Azure",
}
# All of IPv6 that is given to anybody.
GIVEN = IPv6Network("2000::/3")
# Behind these a machine finds an IPv4 address: it is that one that counts.
CARRIERS = (IPv6Network("::ffff:0:0/96"), IPv6Network("64:ff9b::/96"))

_SPECIAL = tuple(map(ip_network, SPECIAL))


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
        # Long enough for the next image of a domain (ingest/fetch/turns.py), since a TLS handshake
        # costs more than an image; and short, since most hosts are asked a few times and no more.
        keepalive_timeout=5.0,
    )


@lru_cache(4_096)
def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether anybody's website may be at `address`."""
    if isinstance(address, IPv6Address) and address not in GIVEN:
        return False
    return not any(address in network for network in _SPECIAL)


def is_allowed(address: str, networks: Sequence[Network]) -> bool:
    """Whether `address`, in numbers, is public or in one of `networks`."""
    ip = ip_address(address)
    if any(ip in network for network in CARRIERS):
        ip = IPv4Address(int(ip) & 0xFFFFFFFF)
    return is_public(ip) or any(ip in network for network in networks)
