"""Runs `pairlake` where every name is an address of loopback, for hosts by the thousand."""

from __future__ import annotations

import asyncio
import socket

import aiohttp.connector
from aiohttp.abc import AbstractResolver, ResolveResult

from pairlake.commands import main


class _Loopback(AbstractResolver):
    def __init__(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        """As aiohttp makes its own."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host, host="127.0.0.1", port=port, family=socket.AF_INET, proto=0, flags=0
            )
        ]

    async def close(self) -> None:
        """Nothing is open."""


if __name__ == "__main__":
    vars(aiohttp.connector)["DefaultResolver"] = _Loopback
    main()
