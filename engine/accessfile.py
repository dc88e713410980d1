"""project.yaml's `jwt` section and the read rights of roles, and what can be wrong with them."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import urlsplit

from engine.errors import Place, Problem, did_you_mean
from engine.model import JwtSettings, Path, Table, Value

SOURCES = ("secret", "jwks_file", "jwks_url")
SOURCES_MEND = "Write `secret: ENV_NAME` for HS256; `jwks_url` or `jwks_file` for RS256 and ES256."
SYMMETRIC = "HS256"

ORIGIN = re.compile(
    r"https?://[a-z0-9.-]+(:[1-9][0-9]{0,4})?|https?://\[[0-9a-f:.]+\](:[1-9][0-9]{0,4})?"
)
"""As a browser sends it: no path, no user, and a host in its ASCII form."""

PlaceOf = Callable[[Path], Place]


def jwt_settings(data: Mapping[str, Value]) -> JwtSettings | None:
    """The `jwt` section of a project file whose shape and rules are checked."""
    written = data.get("jwt")
    if written is None:
        return None
    listed = {
        name: (value,) if isinstance(value, str) else tuple(value)
        for name in ("algorithms", "audience", "role_claim", "caller_claim")
        if (value := written.get(name)) is not None
    }
    return JwtSettings(**{**written, **listed})


def access_problems(
    data: Mapping[str, Value], tables: Mapping[str, Table], place_of: PlaceOf
) -> Iterator[Problem]:
    """What the shape of the file cannot say; `tables` are all of the project, by name."""
    yield from _read_problems(data.get("roles") or {}, tables, place_of)
    for index, origin in enumerate((data.get("cors") or {}).get("origins", ())):
        if not _is_origin(origin):
            yield Problem(
                "project.cors_origin",
                place_of(("cors", "origins", index)),
                f"'{origin}' is no origin that can be let in: expected https://HOST or "
                "https://HOST:PORT in small letters, or http:// on this machine, and nothing behind.",
                "Write the address of the page up to the first slash, each origin by itself; `*` "
                "would let every page on the web use what its visitor has.",
            )
    if data.get("jwt") is not None:
        yield from _jwt_problems(data["jwt"], place_of)


def _read_problems(
    roles: Mapping[str, Value], tables: Mapping[str, Table], place_of: PlaceOf
) -> Iterator[Problem]:
    for role, written in roles.items():
        for table in written.get("read") or {}:
            if table not in tables:
                yield Problem(
                    "project.read",
                    place_of(("roles", role, "read", table)),
                    f"the role '{role}' reads '{table}', which is no table."
                    + did_you_mean(table, list(tables)),
                    f"Known tables: {', '.join(sorted(tables))}.",
                )


def _jwt_problems(jwt: Mapping[str, Value], place_of: PlaceOf) -> Iterator[Problem]:
    given = [name for name in SOURCES if name in jwt]
    if len(given) != 1:
        yield Problem(
            "project.jwt_source",
            place_of(("jwt", given[1]) if given else ("jwt",)),
            f"`jwt` has {' and '.join(given) or 'no source of keys'}; expected exactly one of "
            f"{', '.join(SOURCES)}.",
            SOURCES_MEND,
        )
        return
    # A public key that could be taken for a secret is the classic hole, so the two never mix.
    for index, algorithm in enumerate(jwt["algorithms"]):
        if (algorithm == SYMMETRIC) != (given == ["secret"]):
            yield Problem(
                "project.jwt_algorithms",
                place_of(("jwt", "algorithms", index)),
                f"{algorithm} does not go with `{given[0]}`: HS256 is signed with a secret, RS256 "
                "and ES256 with keys of a JWKS.",
                SOURCES_MEND,
            )
    url = jwt.get("jwks_url")
    if url is not None and not _safe(url):
        yield Problem(
            "project.jwt_url",
            place_of(("jwt", "jwks_url")),
            f"'{url}': expected https://HOST/…, or http:// to this machine (localhost, 127.0.0.1, "
            "::1). Whoever can change the keys on their way can sign in as anybody.",
            "Write the https address your issuer documents (often …/.well-known/jwks.json).",
        )


def _is_origin(text: str) -> bool:
    return ORIGIN.fullmatch(text) is not None and _safe(text)


def _safe(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port  # the port, since a bad one raises
    except ValueError:
        return False
    if not host or parts.username is not None or not url.isprintable() or " " in url:
        return False
    if parts.scheme == "https":
        return True
    return parts.scheme == "http" and (host == "localhost" or _loopback(host))


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
