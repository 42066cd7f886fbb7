"""Which addresses may be reached, and that the connector reaches no other."""

from __future__ import annotations

import asyncio
import socket
from ipaddress import ip_network

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from pairlake.ingest.fetch.connector import SPECIAL, AddressRefused, guarded_connector, is_allowed
from tests.ingest.conftest import Web

LOOPBACK = [ip_network("127.0.0.0/8")]


@pytest.mark.parametrize(
    "address",
    [
        *("93.184.216.34", "8.8.8.8", "1.1.1.1", "168.63.129.15", "192.88.98.255", "192.88.100.0"),
        *("2606:2800:220:1::1", "2001:200::1", "2620:4f:8001::", "3fff:1000::", "3fff:ffff::1"),
        *("::ffff:8.8.8.8", "64:ff9b::808:808"),
    ],
)
def test_public_addresses_are_allowed(address: str) -> None:
    assert is_allowed(address, [])


# Those of IANA's registries one by one, most of which lie within a wider one of the table; and
# where clouds tell a machine its secrets.
NOT_PUBLIC = (
    *("0.0.0.0/32", "192.0.0.0/29", "192.0.0.8/32", "192.0.0.9/32", "192.0.0.10/32"),
    *("192.0.0.170/31", "192.88.99.2/32", "255.255.255.255/32"),
    *("::/128", "::1/128", "::ffff:7f00:1/128", "::ffff:a00:0/104", "64:ff9b::7f00:0/104"),
    *("64:ff9b::a83f:8110/128", "::7f00:1/128", "2001::/32", "2001:1::1/128", "2001:1::2/128"),
    *("2001:1::3/128", "2001:2::/48", "2001:3::/32", "2001:4:112::/48", "2001:10::/28"),
    *("2001:20::/28", "2001:30::/28", "4000::/2", "8000::/1", "2002:808:808::1/128"),
    *("169.254.169.254/32", "169.254.170.2/32", "100.100.100.200/32", "192.0.0.192/32"),
    *("168.63.129.16/32", "fd00:ec2::254/128", "fd20:ce::254/128", "fe80::a9fe:a9fe/128"),
)


@pytest.mark.parametrize("network", [*SPECIAL, *NOT_PUBLIC])
def test_no_address_of_a_special_network_is_public(network: str) -> None:
    ends = ip_network(network)
    for address in (ends[0], ends[-1]):
        assert not is_allowed(str(address), [])
        assert is_allowed(str(address), [ip_network("0.0.0.0/0"), ip_network("::/0")])


def test_a_zone_makes_no_address_public() -> None:
    assert not is_allowed("fe80::1%eth0", [])


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
