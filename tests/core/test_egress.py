"""Which address is of which class, and what an administrator's list lets through."""

import pytest

from watchbill.core.egress import EgressPolicy, literal_of

CLASSES = {
    "unspecified": "0.0.0.0 0.1.2.3 0.255.255.255 ::",
    "loopback": "127.0.0.1 127.0.0.2 127.255.255.255 ::1 0:0:0:0:0:0:0:1",
    "link-local": "169.254.169.254 169.254.0.0 169.254.255.255 fe80::1 febf::1 fe80::a9fe:a9fe%eth0",
    "private": "10.0.0.0 10.255.255.255 172.16.0.1 172.31.255.255 192.168.0.1 192.168.255.255 fec0::1",
    "shared": "100.64.0.0 100.100.100.200 100.127.255.255",
    "unique local": "fc00::1 fd00:ec2::254 fdff:ffff::1",
    "multicast": "224.0.0.1 239.255.255.255 ff02::1 ff0e::1",
    "cloud platform": "168.63.129.16",
    "reserved": "192.0.0.192 192.0.2.1 192.88.99.1 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 "
    "240.0.0.1 255.255.255.255 2001:db8::1 2001:2::1 2001:10::1 2001:20::1 3fff::1 100::1 64:ff9b:1::a00:1 "
    "::127.0.0.1 ::8.8.8.8 ::ffff:0:7f00:1 4000::1 5f00::1 200::1",
}
"""Addresses of each class, the first and the last of a network among them."""

EMBEDDED = {
    "mapped": "::ffff:{} 0:0:0:0:0:ffff:{}",
    "NAT64": "64:ff9b::{}",
    "6to4": "2002:{:x}:{:x}:: 2002:{:x}:{:x}::1",
    "Teredo's server": "2001:0:{:x}:{:x}:0:0:f7f7:f7f7",
    "Teredo's client": "2001:0:808:808:0:0:{:x}:{:x}",
    "ISATAP": "2606:4700::5efe:{:x}:{:x} 2606:4700::200:5efe:{:x}:{:x}",
}
"""Ways to write an IPv4 address within one of IPv6."""

PUBLIC = (
    "1.1.1.1 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 169.253.255.255 "
    "169.255.0.0 172.15.255.255 172.32.0.0 192.167.255.255 192.169.0.0 223.255.255.255 168.63.129.15 "
    "2606:4700:4700::1111 2a00:1450::1 2001:4860:4860::8888 2400:cb00::1"
)
"""The neighbors of denied networks, and others."""

POLICY = EgressPolicy()


def embedded(way: str, address: str) -> list[str]:
    """An IPv4 address within addresses of IPv6, as this way has it."""
    first, second, third, fourth = map(int, address.split("."))
    words = first << 8 | second, third << 8 | fourth
    if way == "Teredo's client":
        words = words[0] ^ 0xFFFF, words[1] ^ 0xFFFF
    forms = EMBEDDED[way].split()
    return [each.format(*words) if ":x}" in each else each.format(address) for each in forms]


@pytest.mark.parametrize("kind", CLASSES)
def test_an_address_of_a_denied_class_is_refused_and_the_class_is_named(kind: str):
    for text in CLASSES[kind].split():
        refusal = POLICY.refusal("inner.example.com", [text])
        assert f"egress to inner.example.com is denied: {kind} address" in refusal, text
        assert refusal.endswith("an administrator can add it to --egress-allow")


@pytest.mark.parametrize("text", PUBLIC.split())
def test_a_public_address_is_not_refused(text: str):
    assert POLICY.refusal("pager.example.com", [text]) == ""


@pytest.mark.parametrize("way", EMBEDDED)
def test_an_address_of_ipv6_is_what_it_leads_to(way: str):
    inner = {"127.0.0.1": "loopback", "169.254.169.254": "link-local", "10.1.2.3": "private"}
    for address, kind in inner.items():
        for text in embedded(way, address):
            assert f"{kind} address" in POLICY.refusal("a", [text]), text
    for text in embedded(way, "8.8.8.8"):
        assert POLICY.refusal("a", [text]) == "", text


@pytest.mark.parametrize("denied", [("10.0.0.1", "1.1.1.1"), ("1.1.1.1", "10.0.0.1"), ("1.1.1.1", "::1")])
def test_one_address_that_is_denied_is_enough(denied: tuple[str, str]):
    assert POLICY.refusal("a", denied)
    assert POLICY.refusal("a", ["1.1.1.1", "8.8.8.8"]) == ""


@pytest.mark.parametrize("text", ["127.1", "0177.0.0.1", "2130706433", "127.0.0.1.", "::g", "", "a"])
def test_what_is_no_canonical_address_is_refused(text: str):
    assert "no canonical address" in POLICY.refusal("a", [text])


ALLOWED = EgressPolicy.read(
    ["10.96.0.0/16", "192.168.7.9", "fd00::/8", "Prometheus.Monitoring.svc.", "2002:a00::/32"]
)
LISTS = {
    "10.96.3.4": True,
    "::ffff:10.96.3.4": True,
    "10.97.0.1": False,
    "192.168.7.9": True,
    "192.168.7.10": False,
    "fd12::1": True,
    "fc00::1": False,
    "64:ff9b::a60:304": False,
    "2002:a00:1::": True,
    "127.0.0.1": False,
}
"""Whether an address may be reached by a host that is not listed."""


@pytest.mark.parametrize(("address", "allowed"), LISTS.items())
def test_a_network_that_is_listed_is_allowed_and_no_other(address: str, allowed: bool):
    assert (ALLOWED.refusal("a", [address]) == "") is allowed
    assert ALLOWED.refusal("a", [address, "169.254.169.254"])


@pytest.mark.parametrize("host", ["prometheus.monitoring.svc", "PROMETHEUS.monitoring.svc.", "a.prometheus"])
def test_a_host_that_is_listed_is_allowed_wherever_it_leads_and_nothing_below_it(host: str):
    assert (ALLOWED.refusal(host, ["127.0.0.1", "10.0.0.1"]) == "") is host.lower().startswith("prometheus")
    assert ALLOWED.refusal(f"evil.{host}", ["127.0.0.1"])


@pytest.mark.parametrize(
    "text", ["", ".", "10.0.0.1/8", "127.1", "2130706433", "a b", "http://a", "a:80", "a/8", "bücher.de", "*"]
)
def test_what_is_neither_network_nor_name_is_refused(text: str):
    with pytest.raises(ValueError, match="is no network, address or host name in ASCII"):
        EgressPolicy.read([text])


def test_a_long_name_is_cut_so_that_the_reason_is_seen():
    assert "is denied: loopback" in POLICY.refusal("a" * 253, ["127.0.0.1"])[:128]


@pytest.mark.parametrize(
    ("host", "literal"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("[::1]", "::1"),
        ("::1%eth0", "::1%eth0"),
        ("2130706433", "2130706433"),
        ("127.0.0.1.", "127.0.0.1."),
        ("0x7f.1", ""),
        ("localhost", ""),
        ("", ""),
    ],
)
def test_what_stands_in_the_place_of_a_name_is_told_from_a_name(host: str, literal: str):
    assert literal_of(host) == literal
