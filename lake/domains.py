"""Tells to which registrable domain a host belongs, whose servers one is polite to as to one."""

from __future__ import annotations

from functools import cache, lru_cache
from urllib.parse import urlsplit

from publicsuffixlist import PublicSuffixList


# Each list takes 30 ms to read, and most commands want none.
@cache
def _suffixes() -> PublicSuffixList:
    """Those of registries only: all blogs below blogspot.com are one operator's servers."""
    return PublicSuffixList(only_icann=True)


@cache
def _given_away() -> PublicSuffixList:
    """Those too below which an operator gives names away; what is on no list is a host."""
    return PublicSuffixList(accept_unknown=False)


@lru_cache(65_536)
def registrable_domain(host: str) -> str:
    """`example.co.uk` of `img.example.co.uk`; an address, and a name without a suffix, as it is.

    By the Public Suffix List that the package publicsuffixlist carries.
    """
    return host if is_address(host) else _suffixes().privatesuffix(host) or host


def is_address(host: str) -> bool:
    """Whether a host is an address in figures, and no name."""
    return ":" in host or host.rpartition(".")[2].isdecimal()


def is_public_suffix(host: str) -> bool:
    """Whether many have names of their own right below a host in ASCII: com, co.uk, github.io."""
    return bool(_given_away().is_public(host))


def host_of(url: str) -> str:
    """The host of a URL, in lower case and without a last dot; empty where there is none.

    As `host_of` of macros/host.sql has it.
    """
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return ""
    return f"[{host}]" if ":" in host else host.rstrip(".")


def is_same_domain(url: str, other: str) -> bool:
    """Whether the hosts of two URLs are of one registrable domain."""
    return registrable_domain(host_of(url)) == registrable_domain(host_of(other))
