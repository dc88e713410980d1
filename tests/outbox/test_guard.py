"""Where calls may go: addresses, spellings, ports, and what project.yaml lets through."""

from __future__ import annotations

from ipaddress import ip_address

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.net import Guard, Refused
from engine.net.addresses import why_not_public
from engine.net.guard import Allowed, parse_url

STRICT = Guard()

NOT_PUBLIC = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.1.1",
    "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.2.1", "192.88.99.1",
    "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.1.1.1", "240.0.0.1",
    "255.255.255.255", "100.100.100.200", "168.63.129.16",
    "::", "::1", "::7f00:1", "fe80::1", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1",
    "64:ff9b::10.0.0.1", "64:ff9b:1::1", "2001::1", "2001:0:7f00:1::", "2001:db8::1", "2002:7f00:1::",
    "2002:a00:1::", "3fff::1", "100::1", "5f00::1", "4000::1",
]  # fmt: skip
PUBLIC = [
    "1.1.1.1", "8.8.8.8", "11.0.0.1", "100.63.255.255", "100.128.0.1", "172.15.0.1", "172.32.0.1",
    "192.167.1.1", "198.17.255.255", "198.20.0.1", "223.255.255.255", "2606:4700:4700::1111",
    "2a00:1450:4001::1", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8",
]  # fmt: skip


def url(address: str) -> str:
    return f"https://[{address}]/" if ":" in address else f"https://{address}/"


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_what_is_not_public_is_refused_as_a_literal_and_as_what_a_name_stands_for(
    address: str,
) -> None:
    with pytest.raises(Refused, match="calls go to public addresses"):
        STRICT.target(url(address))
    target = STRICT.target("https://shop.example/")
    with pytest.raises(Refused, match=r"shop\.example is .* project\.yaml"):
        STRICT.admit(target, [ip_address(address)])


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_may_be_called(address: str) -> None:
    assert STRICT.target(url(address)).port == 443
    STRICT.admit(STRICT.target("https://shop.example/"), [ip_address(address)])


@given(st.ip_addresses(v=4))
def test_no_form_of_an_ipv4_address_is_more_public_than_itself(address: object) -> None:
    number = int(ip_address(str(address)))
    forms = [f"::ffff:{address}", f"64:ff9b::{address}"]
    for form in forms:
        assert bool(why_not_public(ip_address(form))) == bool(
            why_not_public(ip_address(str(address)))
        )
    assert why_not_public(ip_address(f"2002:{number >> 16:x}:{number & 0xFFFF:x}::1"))


def test_one_private_address_among_several_is_enough_to_refuse() -> None:
    target = STRICT.target("https://shop.example/")
    with pytest.raises(Refused):
        STRICT.admit(target, [ip_address("8.8.8.8"), ip_address("10.0.0.1")])


@pytest.mark.parametrize(
    "host",
    ["2130706433", "0x7f000001", "0x7f.1", "127.1", "0177.0.0.1", "127.0.0.01", "127.0.0.1.", "0",
     "1.2.3", "256.0.0.1", "1.2.3.4.5", "017700000001", "0x", "①②⑦.⓪.⓪.①", "127。0。0。1",
     "１２７.0.0.1", "[::1%25eth0]", "[::1", "a..b", "-", "a b", "ex%61mple.com", "[fe80::1%1]"],
)  # fmt: skip
def test_odd_spellings_of_a_host_are_refused(host: str) -> None:
    with pytest.raises(Refused):
        STRICT.target(f"https://{host}/")


@pytest.mark.parametrize(
    "odd",
    ["http://shop.example/", "ftp://shop.example/", "file:///etc/passwd", "shop.example", "", "https://",
     "https:///path", "//shop.example/", "https://ada@shop.example/", "https://ada:pw@shop.example/",
     "https://shop.example@10.0.0.1/", "https://shop.example\\@10.0.0.1/", "https://shop.example/\r\nX: 1",
     "https://shop.example/a b", "https://shop.example:0/", "https://shop.example:70000/",
     "https://shop.example:22/", "https://shop.example:80/", "https://8.8.8.8:6379/",
     "https://shop.example:x/", "gopher://shop.example/", "https://shop.example/" + "a" * 5000],
)  # fmt: skip
def test_odd_urls_are_refused(odd: str) -> None:
    with pytest.raises(Refused):
        STRICT.admit(STRICT.target(odd), [ip_address("8.8.8.8")])


@pytest.mark.parametrize(
    ("written", "host", "port", "path"),
    [
        ("https://Shop.Example/a?b=c", "shop.example", 443, "/a?b=c"),
        ("https://shop.example.:8443", "shop.example", 8443, "/"),
        ("https://müller.example/ü?q=ä#part", "xn--mller-kva.example", 443, "/%C3%BC?q=%C3%A4"),
        ("https://shop.example/a%20b/../c?x=%26", "shop.example", 443, "/a%20b/../c?x=%26"),
        ("https://[2606:4700:4700::1111]:8443/", "2606:4700:4700::1111", 8443, "/"),
    ],
)
def test_a_url_is_sent_as_the_parts_that_were_checked(
    written: str, host: str, port: int, path: str
) -> None:
    target = parse_url(written)
    assert (target.host, target.port, target.path) == (host, port, path)


@pytest.mark.parametrize(
    ("allow", "written", "addresses"),
    [
        ("warehouse.internal", "https://warehouse.internal/", "10.0.0.5"),
        ("warehouse.internal", "http://Warehouse.internal:8080/", "10.0.0.5"),
        ("warehouse.internal:8080", "http://warehouse.internal:8080/", "127.0.0.1"),
        ("10.0.0.0/8", "http://warehouse.internal/", "10.0.0.5"),
        ("10.0.0.0/8", "https://10.9.9.9:22/", "10.9.9.9"),
        ("127.0.0.1:9000", "http://127.0.0.1:9000/", "127.0.0.1"),
        ("[::1]:9000", "http://[::1]:9000/", "::1"),
        ("fd00::/8", "http://[fd12::1]/", "fd12::1"),
        ("127.0.0.0/8", "http://localhost/", "::ffff:127.0.0.1"),
        ("169.254.169.254", "http://169.254.169.254/", "169.254.169.254"),
    ],
)
def test_project_yaml_lets_through_what_it_names(allow: str, written: str, addresses: str) -> None:
    guard = Guard.of([allow])
    guard.admit(guard.target(written), [ip_address(addresses)])


@pytest.mark.parametrize(
    ("allow", "written", "addresses"),
    [
        ("warehouse.internal:8080", "http://warehouse.internal:8081/", "10.0.0.5"),
        ("warehouse.internal", "http://evil-warehouse.internal/", "10.0.0.5"),
        ("warehouse.internal", "https://shop.example/", "10.0.0.5"),
        ("warehouse.internal", "http://warehouse.internal/", "169.254.169.254"),
        ("169.254.0.0/16", "http://metadata.example/", "169.254.169.254"),
        ("0.0.0.0/0", "http://169.254.169.254/", "169.254.169.254"),
        ("10.0.0.0/8", "http://shop.example/", "8.8.8.8"),
        ("10.0.0.0/8", "https://shop.example/", "192.168.0.1"),
        ("10.0.0.1", "http://10.0.0.2/", "10.0.0.2"),
    ],
)
def test_and_nothing_beside_it(allow: str, written: str, addresses: str) -> None:
    guard = Guard.of([allow])
    with pytest.raises(Refused):
        guard.admit(guard.target(written), [ip_address(addresses)])


@pytest.mark.parametrize(
    "entry",
    ["", "https://a.example", "a.example/path", "10.0.0.0/33", "10.0.0.1/8", "0x7f.1", "a b", "a:0",
     "a:99999", "[::1", "*.example", "ada@a.example"],
)  # fmt: skip
def test_entries_that_name_nothing_are_refused(entry: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Allowed.read(entry)


@given(st.text(max_size=60))
def test_no_text_makes_the_guard_fail_otherwise(text: str) -> None:
    for written in (text, f"https://{text}", f"https://shop.example/{text}"):
        try:
            target = STRICT.target(written)
        except Refused:
            continue
        httpx.URL(scheme="https", host="8.8.8.8", port=target.port, raw_path=target.path.encode())
        assert target.host.isascii()
        assert target.path.isascii()
        assert not set(target.path + target.host) & set(" \r\n\t\\")
