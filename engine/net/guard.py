"""Where calls may go: public addresses by https, and what project.yaml allows beside them.

A URL can hold what a customer typed. So nothing inside the seller's network is reached through it:
the name is looked up once, every address it has is checked, and the call goes to a checked address.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import quote, urlsplit

from engine.errors import ActionflowError
from engine.net.addresses import METADATA, Address, Network, inner, why_not_public

LONGEST_URL = 4096
SCHEMES = {"https": 443, "http": 80}
BAD_PORTS = frozenset(
    # https://fetch.spec.whatwg.org/#port-blocking, those above 1023: other protocols listen there.
    {1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6379, 6566, 6665, 6666, 6667}
    | {6668, 6669, 6679, 6697, 10080, 11211}
)
_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_]([a-z0-9_-]{0,62}))*\Z")
_ODD = re.compile(r"[\x00-\x20\x7f\\]")
_ALLOW = re.compile(
    r"(?:\[(?P<six>[0-9a-fA-F:.]+)\]|(?P<rest>[^\s\[\]/:@]+|[0-9a-fA-F:.]*:[0-9a-fA-F:.]*:[0-9a-fA-F:.]*))"
    r"(?P<mask>/\d{1,3})?(?::(?P<port>\d{1,5}))?\Z"
)


class Refused(ActionflowError):
    """This call may not be made; nothing was sent, and trying again will not change that."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """One entry of `http.allow`: a host's name or a network, with one port or any."""

    host: str | None
    network: Network | None
    port: int | None

    @classmethod
    def read(cls, written: str) -> Allowed:
        """`warehouse.internal`, `10.0.0.0/8`, `127.0.0.1:9000`, `[::1]:9000`. Raises ValueError."""
        found = _ALLOW.match(written)
        if found is None:
            raise ValueError(
                "expected a host, an address or a network (CIDR), with or without :port"
            )
        port = int(found["port"]) if found["port"] else None
        if port is not None and not 0 < port < 65536:
            raise ValueError("a port is a number from 1 to 65535")
        name = found["six"] or found["rest"]
        try:
            return cls(None, ip_network(name + (found["mask"] or "")), port)
        except ValueError as error:
            if found["mask"] or found["six"] or _numeric(name) or ":" in name:
                raise ValueError(str(error)) from None
        return cls(_ascii(name), None, port)

    def port_fits(self, port: int) -> bool:
        return self.port is None or self.port == port


@dataclass(frozen=True, slots=True)
class Target:
    """Where a URL points, in parts, as it is sent. `host` is a name in ASCII or an address."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def address(self) -> Address | None:
        """The address, where the URL has one in the place of a name."""
        try:
            return ip_address(self.host)
        except ValueError:
            return None

    @property
    def host_header(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == SCHEMES[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        # Without path and query: those may hold what a log must not.
        return f"{self.scheme}://{self.host_header}"


@dataclass(frozen=True, slots=True)
class Guard:
    """The rules of one project."""

    allowed: tuple[Allowed, ...] = ()

    @classmethod
    def of(cls, allow: Iterable[str]) -> Guard:
        """From the entries of `http.allow` in project.yaml. Raises ValueError."""
        return cls(tuple(Allowed.read(written) for written in allow))

    def target(self, url: str) -> Target:
        """The URL in parts, when nothing in its text forbids it. Raises Refused; looks nothing up."""
        target = parse_url(url)
        named = any(one.host == target.host and one.port_fits(target.port) for one in self.allowed)
        networks = any(one.network is not None for one in self.allowed)
        if target.address is not None:
            self.admit(target, [target.address])
        elif target.scheme == "http" and not named and not networks:
            raise _plain_http(target)
        return target

    def admit(self, target: Target, addresses: Sequence[Address]) -> None:
        """Raises Refused unless every one of these addresses of the target may be called."""
        for address in addresses:
            self._admit(target, address)

    def _admit(self, target: Target, address: Address) -> None:
        if METADATA & {address, inner(address)}:
            # A network that happens to hold it is not enough: nobody means this one by accident.
            if not any(one.network and one.network.num_addresses == 1 and self._in(one, address)
                       for one in self.allowed):  # fmt: skip
                raise self._private(target, address)
            return
        if any(
            one.port_fits(target.port) and (one.host == target.host or self._in(one, address))
            for one in self.allowed
        ):
            return
        if why_not_public(address):
            raise self._private(target, address)
        if target.scheme != "https":
            raise _plain_http(target)
        if target.port != 443 and (target.port < 1024 or target.port in BAD_PORTS):
            raise Refused(
                f"{target}: port {target.port} is not one for https; expected 443, or one above 1023 "
                f"that no other protocol uses. {_let_through(f'{target.host}:{target.port}')}"
            )

    def _in(self, one: Allowed, address: Address) -> bool:
        network = one.network
        return network is not None and any(
            found.version == network.version and found in network
            for found in (address, inner(address))
        )

    def _private(self, target: Target, address: Address) -> Refused:
        named = "" if target.address == address else f"{target.host} is "
        return Refused(
            f"{target}: {named}{address}, {why_not_public(address)}; calls go to public addresses. "
            + _let_through(str(address))
        )


def parse_url(url: str) -> Target:
    """A URL in parts, read strictly. Raises Refused.

    The call is put together from these parts, so no other reader can see another host in the text.
    """
    if len(url) > LONGEST_URL:
        raise Refused(f"the URL has {len(url)} characters; at most {LONGEST_URL} are sent.")
    if _ODD.search(url):
        raise Refused(
            "the URL holds a space, a control character or a backslash. Use `| urlencode` on values "
            "that are put into it."
        )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise Refused(f"the URL cannot be read ({error}).") from None
    if parts.scheme not in SCHEMES or not parts.hostname:
        raise Refused(f"the URL begins with '{url[:20]}'; expected https://host/….")
    if "@" in parts.netloc:
        raise Refused(
            "the URL holds a user or password before the host. Put an environment variable with the "
            "whole Authorization header under `secret_headers`."
        )
    if port == 0:
        raise Refused("the URL has port 0; expected one from 1 to 65535, or none.")
    host = _host(parts.hostname)
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~")
    if parts.query:
        path += "?" + quote(parts.query, safe="/%:@!$&'()*+,;=~?")
    return Target(parts.scheme, host, port or SCHEMES[parts.scheme], path)


def _host(written: str) -> str:
    if ":" in written:
        if "%" in written:
            raise Refused(f"the host '{written}' names a network interface; leave out the %.")
        try:
            return str(IPv6Address(written))
        except ValueError:
            raise Refused(f"the host '{written}' is no IPv6 address.") from None
    try:
        host = _ascii(written)
    except ValueError:
        raise Refused(f"the host '{written}' is no host name.") from None
    if not _numeric(host):
        return host
    try:
        return str(IPv4Address(host))
    except ValueError:
        raise Refused(
            f"the host '{written}' is a number; an address is written as four decimal numbers "
            "without leading zeros, like 192.0.2.7."
        ) from None


def _ascii(name: str) -> str:
    """A host name in small ASCII letters, without the dot at its end. Raises ValueError."""
    # Only after this are fullwidth digits and dots seen as what a resolver makes of them.
    host = name.encode("idna").decode("ascii").lower().removesuffix(".")
    if not _NAME.match(host):
        raise ValueError(f"'{name}' is no host name")
    return host


def _numeric(host: str) -> bool:
    """Whether resolvers read it as an address: its last part is a number (WHATWG URL, 3.5)."""
    last = host.rpartition(".")[2].lower()
    return last.isdigit() or re.fullmatch(r"0x[0-9a-f]*", last) is not None


def _plain_http(target: Target) -> Refused:
    return Refused(
        f"{target}: without TLS anyone on the way can read and change the call; expected https. "
        + _let_through(target.host)
    )


def _let_through(entry: str) -> str:
    return f"To let it through name it in project.yaml, as in http: {{allow: ['{entry}']}}."
