"""Whose request it is: the address of the client, behind the proxies that were named to us, and a name to limit it by.
Addresses are used for limits, in memory; none is stored.

`X-Forwarded-For` is anybody's to write. Only what trusted proxies have added to its end is believed: going from right to
left, the first address that is no trusted proxy's is the client's.
"""

import ipaddress
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, TypeAlias

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

UNKNOWN: Final = "unknown"
HOPS_MAX: Final = 16
"""Addresses of one header that are looked at."""
_CHARS_MAX: Final = 64
_HOUSEHOLD_BITS: Final = 64


@lru_cache(maxsize=64)
def networks(said: tuple[str, ...]) -> tuple[Network, ...]:
    """Read networks and single addresses. Raises ValueError."""
    return tuple(ipaddress.ip_network(each, strict=False) for each in said)


def client(peer: str | None, forwarded: Sequence[str], proxies: tuple[Network, ...]) -> str:
    """The client's address: *peer*, or what trusted proxies say in *forwarded*, the header's values in their order."""
    found = _read(peer or "")
    if found is None:
        return UNKNOWN
    if not forwarded or not proxies:
        return str(found)
    said = ",".join(forwarded[-HOPS_MAX:]).rsplit(",", HOPS_MAX)[-HOPS_MAX:]
    while said and _trusted(found, proxies):
        before = _read(said.pop())
        if before is None:  # of what lies beyond an address that cannot be read, nothing is known
            break
        found = before
    return str(found)


@lru_cache(maxsize=4096)
def limited_by(address: str) -> str:
    """What stands for *address* when it is counted: of IPv6 the network that one household has."""
    found = _read(address)
    if isinstance(found, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((found, _HOUSEHOLD_BITS), strict=False))
    return address


def _trusted(address: Address, proxies: tuple[Network, ...]) -> bool:
    return any(address in network for network in proxies)


@lru_cache(maxsize=4096)
def _read(said: str) -> Address | None:
    """One address as proxies write it: with a port, in brackets, with a zone, or an IPv4 address in IPv6's clothes."""
    text = said.strip()
    if len(text) > _CHARS_MAX:
        return None
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return found.ipv4_mapped or found if isinstance(found, ipaddress.IPv6Address) else found
