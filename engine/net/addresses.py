"""Which IP addresses are public, by IANA's special-purpose registries (read 2026-05).

https://www.iana.org/assignments/iana-ipv4-special-registry and …/iana-ipv6-special-registry. The
`is_global` of Python's ipaddress differs between patch releases, so the table is our own.
"""

from __future__ import annotations

from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_SPECIAL: tuple[tuple[Network, str], ...] = tuple(
    (ip_network(written), word)
    for written, word in (
        ("0.0.0.0/8", "an unspecified address"),
        ("10.0.0.0/8", "a private address"),
        ("100.64.0.0/10", "an address shared behind carriers"),
        ("127.0.0.0/8", "a loopback address"),
        ("169.254.0.0/16", "a link-local address"),
        ("172.16.0.0/12", "a private address"),
        ("192.0.0.0/24", "a reserved address"),
        ("192.0.2.0/24", "an address for documentation"),
        ("192.88.99.0/24", "a reserved address"),
        ("192.168.0.0/16", "a private address"),
        ("198.18.0.0/15", "an address for benchmarks"),
        ("198.51.100.0/24", "an address for documentation"),
        ("203.0.113.0/24", "an address for documentation"),
        ("224.0.0.0/4", "a multicast address"),
        ("240.0.0.0/4", "a reserved address"),
        ("::/128", "an unspecified address"),
        ("::1/128", "a loopback address"),
        ("fc00::/7", "a private address"),
        ("fe80::/10", "a link-local address"),
        ("fec0::/10", "a private address"),
        ("ff00::/8", "a multicast address"),
        ("2001::/23", "a reserved address"),  # Teredo, ORCHID, benchmarks
        ("2001:db8::/32", "an address for documentation"),
        ("2002::/16", "a 6to4 address, which hides another one"),
        ("3fff::/20", "an address for documentation"),
    )
)
_UNICAST = IPv6Network("2000::/3")
_MAPPED = (
    (IPv6Network("::ffff:0:0/96"), "IPv4-mapped"),
    (IPv6Network("64:ff9b::/96"), "NAT64"),
)
METADATA = frozenset(
    ip_address(written)
    for written in (
        "169.254.169.254",  # AWS, Azure, Google, DigitalOcean and most others
        "169.254.170.2",  # AWS ECS
        "169.254.170.23",  # AWS EKS
        "100.100.100.200",  # Alibaba
        "168.63.129.16",  # Azure's host, a public address by the registry
        "192.0.0.192",  # Oracle
        "fd00:ec2::254",  # AWS
        "fd00:ec2::23",
        "fd20:ce::254",  # Google
    )
)
"""Where clouds hand out the credentials of a machine to whoever asks from it."""


def inner(address: Address) -> Address:
    """The IPv4 address that an IPv4-mapped or NAT64 form stands for, else the address itself."""
    if isinstance(address, IPv6Address):
        for network, _ in _MAPPED:
            if address in network:
                return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def why_not_public(address: Address) -> str:
    """`a private address`, `the NAT64 form of a loopback address` …; empty for a public address."""
    real = inner(address)
    if real != address:
        form = next(word for network, word in _MAPPED if address in network)
        why = why_not_public(real)
        return f"the {form} form of {real}, {why}" if why else ""
    if address in METADATA:
        return "an address where clouds hand out a machine's credentials"
    for network, why in _SPECIAL:
        if address.version == network.version and address in network:
            return why
    if isinstance(address, IPv6Address) and address not in _UNICAST:
        return "a reserved address"
    return ""
