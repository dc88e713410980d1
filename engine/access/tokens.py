"""JSON Web Tokens: verified by PyJWT with the keys and rules that project.yaml names, no others."""

from __future__ import annotations

import os
import pathlib
import time
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Protocol

from engine.access.caller import LONGEST_ID, Caller
from engine.access.errors import AuthenticationFailed
from engine.access.jwks import KeySet, SetUnreadable, from_file, from_url
from engine.errors import BadInput
from engine.model import JwtSettings, ProjectFile, Value

if TYPE_CHECKING:
    from jwt import PyJWK

LONGEST = 8192
"""Characters of a token; an honest one has a few hundred to a few thousand."""
SHORTEST_SECRET = 32
"""Bytes of an HS256 secret (RFC 7518, section 3.2)."""


class Keys(Protocol):
    """Where the keys come from."""

    def key(self, algorithm: str, kid: str | None) -> PyJWK | None:
        """The key for this header, or None. Raises KeysUnavailable."""


class TokenVerifier:
    """Turns tokens into callers. Safe to use from several threads."""

    def __init__(self, settings: JwtSettings, keys: Keys) -> None:
        self._settings = settings
        self._keys = keys

    @classmethod
    def of(
        cls,
        project: ProjectFile,
        folder: pathlib.Path,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> TokenVerifier | None:
        """As `jwt:` in project.yaml says; None where it says nothing.

        `folder` is the project's, for `jwks_file`. A `jwks_url` is not asked before the first
        token. Raises BadInput when the secret or the file is not there or cannot be used.
        """
        settings = project.jwt
        if settings is None:
            return None
        if settings.secret is not None:
            return cls(settings, Secret(settings.secret))
        if settings.jwks_file is not None:
            keys = KeySet(from_file(folder / settings.jwks_file), settings.algorithms, clock)
            try:
                keys.load()
            except SetUnreadable as why:
                raise BadInput(f"jwt.jwks_file: {why}") from None
            return cls(settings, keys)
        assert settings.jwks_url is not None, "project.yaml names exactly one source of keys"
        keys = KeySet(from_url(settings.jwks_url), settings.algorithms, clock)
        return cls(settings, keys)

    def caller(self, token: str, roles: Collection[str]) -> Caller:
        """Who this token speaks for; `roles` are the project's.

        Raises AuthenticationFailed, KeysUnavailable.
        """
        claims = self._claims(token)
        until = claims["exp"] + self._settings.leeway
        return Caller(self._id(claims), self._role(claims, roles), "jwt", until=until)

    def _claims(self, token: str) -> Mapping[str, Value]:
        import jwt

        settings = self._settings
        try:
            header = jwt.get_unverified_header(token)
        except jwt.PyJWTError:
            raise _bad("its header cannot be read") from None
        algorithm, kid = header.get("alg"), header.get("kid")
        # The list is the project's, never the token's: `none` and HS256 signed with a public key
        # end here. Nothing else of the header (jwk, jku, x5u) is looked at.
        if algorithm not in settings.algorithms:
            raise _bad(f"it is not signed with {' or '.join(settings.algorithms)}")
        key = self._keys.key(algorithm, kid)
        if key is None:
            raise _bad("it names no key (`kid`) of this project's issuer")
        try:
            claims: dict[str, Value] = jwt.decode(
                token,
                key,
                algorithms=list(settings.algorithms),
                audience=settings.audience or None,
                issuer=settings.issuer,
                leeway=settings.leeway,
                options={
                    "require": ["exp", "iss", *(["aud"] if settings.audience else [])],
                    "enforce_minimum_key_length": True,
                },
            )
        except jwt.ExpiredSignatureError:
            raise AuthenticationFailed(
                "token_expired", "The token has expired; sign in again, or renew it."
            ) from None
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError) as error:
            raise _bad(_reason(error, settings)) from None
        return claims

    def _id(self, claims: Mapping[str, Value]) -> str:
        found = _claim(claims, self._settings.caller_claim)
        if isinstance(found, int) and not isinstance(found, bool):
            found = str(found)
        if (
            not isinstance(found, str)
            or not 0 < len(found) <= LONGEST_ID
            or not found.isprintable()
        ):
            raise _bad(
                f"its claim {_shown(self._settings.caller_claim)} is not the caller's id: expected "
                f"1 to {LONGEST_ID} characters, or an integer"
            )
        return found

    def _role(self, claims: Mapping[str, Value], roles: Collection[str]) -> str:
        """A role of the project: the claim itself, or the one among a list of them."""
        found = _claim(claims, self._settings.role_claim)
        listed = found if isinstance(found, list) else [found]
        known = [role for role in roles if role in listed]
        if len(known) == 1:
            return known[0]
        what = f"several roles ({', '.join(known)})" if known else "no role of this project"
        raise AuthenticationFailed(
            "unknown_role",
            f"The token's claim {_shown(self._settings.role_claim)} names {what}; expected one of: "
            f"{', '.join(roles)}.",
        )


class Secret:
    """The one key of HS256, from the environment variable of this name."""

    def __init__(self, variable: str) -> None:
        import jwt

        secret = os.environ.get(variable, "").strip().encode()
        if len(secret) < SHORTEST_SECRET:
            found = f"has {len(secret)} bytes" if secret else "is not set"
            raise BadInput(
                f"jwt.secret: the environment variable {variable} {found}; expected at least "
                f"{SHORTEST_SECRET} bytes of a random secret. Make one with: openssl rand -hex 32"
            )
        algorithm = jwt.get_algorithm_by_name("HS256")
        try:
            algorithm.prepare_key(secret)
        except jwt.InvalidKeyError:
            raise BadInput(
                f"jwt.secret: the environment variable {variable} holds a public or private key; "
                "HS256 needs a secret that only issuer and server know. For keys use jwks_file or "
                "jwks_url with RS256 or ES256."
            ) from None
        self._key = jwt.PyJWK({"kty": "oct", "k": jwt.utils.base64url_encode(secret).decode()})

    def key(self, algorithm: str, kid: str | None) -> PyJWK | None:
        return self._key


def _claim(claims: Mapping[str, Value], path: tuple[str, ...]) -> Value:
    found: Value = claims
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _shown(path: tuple[str, ...]) -> str:
    return f"`{'.'.join(path)}`"


def _bad(reason: str) -> AuthenticationFailed:
    return AuthenticationFailed("bad_token", f"The token is refused: {reason}.")


def _reason(error: Exception, settings: JwtSettings) -> str:
    """What PyJWT found, in words that repeat nothing of the token."""
    import jwt

    if isinstance(error, jwt.MissingRequiredClaimError):
        return f"its claim `{error.claim}` is missing"
    if isinstance(error, jwt.InvalidSignatureError):
        return "its signature is not right"
    if isinstance(error, jwt.InvalidIssuerError):
        return f"its issuer (`iss`) is not {settings.issuer}"
    if isinstance(error, jwt.InvalidAudienceError):
        expected = " or ".join(settings.audience) or "absent, as project.yaml names none"
        return f"its audience (`aud`) is not {expected}"
    if isinstance(error, jwt.ImmatureSignatureError):
        return "it is not valid yet (`nbf` or `iat`); compare the clocks of issuer and server"
    return "it is malformed"
