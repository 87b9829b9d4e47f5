"""Where a request comes from: the peer's address, or what proxies of ours say of it."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

from gateway.request import REMEMBERED_BYTES_MAX
from gateway.settings import Network


class Proxies:
    """Believes `X-Forwarded-For` only from trusted proxies, and only as far as they reach."""

    def __init__(self, trusted: tuple[Network, ...]) -> None:
        self._trusted = trusted
        self._remembered = lru_cache(maxsize=4096)(self._find)

    def address(self, peer: str, forwarded: bytes | None) -> str:
        """The client's address."""
        if not self._trusted or forwarded is None:
            return peer
        find = self._remembered if len(forwarded) <= REMEMBERED_BYTES_MAX else self._find
        return find(peer, forwarded)

    def _find(self, peer: str, forwarded: bytes) -> str:
        # From the right: each trusted hop vouches for the one before it.
        address = peer
        for hop in reversed(forwarded.decode("latin-1").split(",")):
            if not self._trusts(address):
                break
            parsed = _parsed(hop.strip())
            if parsed is None:
                break
            address = str(parsed)
        return address

    def _trusts(self, address: str) -> bool:
        parsed = _parsed(address)
        return parsed is not None and any(parsed in network for network in self._trusted)


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None
