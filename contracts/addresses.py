"""Network addresses, as far as they tell people apart."""

from ipaddress import IPv6Address, ip_address


def network(address: str) -> str:
    """Who an address stands for: a household has a whole /64 of IPv6."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(IPv6Address(int(parsed) >> 64 << 64)) + "/64"
    return address
