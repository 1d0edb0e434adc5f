"""Which addresses a request to a host that a tenant names may reach.

The networks are those of IANA's registries of special-purpose addresses (RFC 6890,
https://www.iana.org/assignments/iana-ipv4-special-registry, and of IPv6 the same), and of RFC 5771.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

DENIED = {
    "unspecified": ("0.0.0.0/8", "::/128"),
    "loopback": ("127.0.0.0/8", "::1/128"),
    "link-local": ("169.254.0.0/16", "fe80::/10"),
    "private": ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fec0::/10"),
    "shared": ("100.64.0.0/10",),
    "unique local": ("fc00::/7",),
    "multicast": ("224.0.0.0/4", "ff00::/8"),
    # A virtual machine of Azure is given its settings there, by an address that belongs to the public.
    "cloud platform": ("168.63.129.16/32",),
    "reserved": (
        *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24"),
        *("203.0.113.0/24", "240.0.0.0/4", "2001:2::/48", "2001:10::/28", "2001:20::/28", "2001:db8::/32"),
        "3fff::/20",
    ),
}
"""The networks of each class of addresses that are denied."""

_DENIED = [(kind, ip_network(text)) for kind, texts in DENIED.items() for text in texts]
_UNICAST = ip_network("2000::/3")
"""All that IANA has given out for the public internet (https://www.iana.org/assignments/ipv6-address-space)."""
_NAT64 = IPv6Network("64:ff9b::/96")
"""Ends in the IPv4 address that is reached (RFC 6052)."""
_ISATAP = (b"\x00\x00\x5e\xfe", b"\x02\x00\x5e\xfe")
"""What stands before the IPv4 address that is reached by a tunnel (RFC 5214)."""

_HOST = re.compile(r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")

_SHOWN = 60
"""Characters of a host's name that a message shows."""


@dataclass(frozen=True, slots=True)
class EgressPolicy:
    """What is allowed although its class is denied."""

    networks: frozenset[Network] = frozenset()
    hosts: frozenset[str] = frozenset()
    """Names in lower case without a dot at the end, wherever they may lead."""

    @classmethod
    def read(cls, texts: Iterable[str]) -> "EgressPolicy":
        """What is written as a network, an address or a host name each; raises ValueError for all else."""
        networks: set[Network] = set()
        hosts: set[str] = set()
        for text in texts:
            try:
                networks.add(ip_network(text))
            except ValueError:
                name = _plain(text)
                if not _HOST.fullmatch(name) or _is_number(name):
                    raise ValueError(f"{text!r} is no network, address or host name in ASCII") from None
                hosts.add(name)
        return cls(frozenset(networks), frozenset(hosts))

    def allows_host(self, host: str) -> bool:
        """Whether a host may be reached at whatever address it has."""
        return _plain(host) in self.hosts

    def refusal(self, host: str, addresses: Iterable[str]) -> str:
        """Why a host with these addresses may not be reached; empty where each of them may."""
        if self.allows_host(host):
            return ""
        for text in addresses:
            if kind := self._denied_class(text):
                shown = host if len(host) <= _SHOWN else f"{host[:_SHOWN]}…"
                fact = f"egress to {shown} is denied: {kind} address"
                return f"{fact}; an administrator can add it to --egress-allow"
        return ""

    def _denied_class(self, text: str) -> str:
        try:
            address = _reached(ip_address(text))
        except ValueError:
            return "no canonical"
        if any(address in network for network in self.networks):
            return ""
        return class_of(address)


def literal_of(host: str) -> str:
    """The address that stands in the place of a host's name, canonical or not; empty for a name.

    Whatever has a colon, or nothing but digits and dots, is no name, and nobody is asked for its address.
    """
    text = host.strip("[]")
    return text if ":" in text or _is_number(text) else ""


def class_of(address: Address) -> str:
    """The class for which an address is denied, of itself or of the IPv4 address within; empty for none."""
    for kind, network in _DENIED:
        if address in network:
            return kind
    if isinstance(address, IPv4Address):
        return ""
    within = _within(address)
    if address not in _UNICAST and address not in _NAT64:
        return "reserved"
    return next((kind for kind in map(class_of, within) if kind), "")


def _reached(address: Address) -> Address:
    """The address that a socket connects to: of one that is mapped, the IPv4 address."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return address if mapped is None else mapped


def _within(address: IPv6Address) -> tuple[IPv4Address, ...]:
    """The IPv4 addresses that an IPv6 address leads to: by NAT64, ISATAP, 6to4 or Teredo."""
    ends_in_one = address in _NAT64 or address.packed[8:12] in _ISATAP
    found = [IPv4Address(address.packed[-4:])] if ends_in_one else []
    found += [address.sixtofour] if address.sixtofour is not None else []
    return (*found, *(address.teredo or ()))


def _plain(host: str) -> str:
    return host.rstrip(".").lower()


def _is_number(text: str) -> bool:
    return text.replace(".", "").isdigit()
