"""Which addresses may be reached, and that the connector reaches no other."""

from __future__ import annotations

import asyncio
import socket
from ipaddress import ip_network

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from ingest.connector import AddressRefused, guarded_connector, is_allowed
from tests.ingest.conftest import Web

LOOPBACK = [ip_network("127.0.0.0/8")]


@pytest.mark.parametrize(
    "address",
    ["93.184.216.34", "8.8.8.8", "2606:2800:220:1::1", "::ffff:8.8.8.8", "64:ff9b::808:808"],
)
def test_public_addresses_are_allowed(address: str) -> None:
    assert is_allowed(address, [])


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",  # noqa: S104
        "10.0.0.1",
        "100.64.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "192.0.0.1",
        "192.0.2.1",
        "192.168.1.1",
        "198.18.0.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "100::1",
        "2001:db8::1",
        "2001:0:808:808::1",
        "2002:7f00:1::1",
        "2002:808:808::1",
        "fc00::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
    ],
)
def test_other_addresses_are_not(address: str) -> None:
    assert not is_allowed(address, [])


def test_networks_can_be_allowed() -> None:
    assert is_allowed("127.0.0.1", LOOPBACK)
    assert is_allowed("::ffff:127.0.0.1", LOOPBACK)
    assert not is_allowed("10.0.0.1", LOOPBACK)
    assert is_allowed("fd00::1", [ip_network("fd00::/8")])


class Names(AbstractResolver):
    """Answers every name with the same addresses."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in self.addresses
        ]

    async def close(self) -> None:
        pass


def get(url: str, names: AbstractResolver | None = None, allowed: bool = False) -> int:
    async def ask() -> int:
        connector = guarded_connector(LOOPBACK if allowed else [], connections=4, resolver=names)
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.get(url) as answer,
        ):
            return answer.status

    return asyncio.run(ask())


def port_of(site: Web) -> str:
    return site.url.rpartition(":")[2]


def test_an_allowed_address_is_reached(site: Web) -> None:
    assert get(f"{site.url}/", allowed=True) == 404
    assert get(f"http://name.example:{port_of(site)}/", Names("127.0.0.1"), allowed=True) == 404


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "0x7f000001", "0177.0.0.1", "[::ffff:127.0.0.1]", "[::1]", "0"],
)
def test_no_way_to_write_loopback_leads_there(host: str, site: Web) -> None:
    with pytest.raises(aiohttp.ClientError):
        get(f"http://{host}:{port_of(site)}/")
    assert site.asked == []


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["10.0.0.1", "127.0.0.1", "::1"]])
def test_a_name_of_private_addresses_is_refused_as_such(addresses: list[str], site: Web) -> None:
    with pytest.raises(aiohttp.ClientConnectorError) as refusal:
        get(f"http://name.example:{port_of(site)}/", Names(*addresses))
    assert isinstance(refusal.value.os_error, AddressRefused)
    assert site.asked == []
