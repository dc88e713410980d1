"""From the Authorization header to the caller."""

from __future__ import annotations

import logging

from engine.access.caller import Caller
from engine.access.errors import AuthenticationFailed
from engine.access.keys import MARK, key_caller
from engine.access.limits import FailureLimit
from engine.access.tokens import LONGEST, TokenVerifier
from engine.model import ProjectFile
from engine.store.base import Store

log = logging.getLogger("actionflow.access")


def authenticate(
    authorization: str | None,
    *,
    project: ProjectFile,
    store: Store,
    tokens: TokenVerifier | None = None,
    limit: FailureLimit | None = None,
    address: str = "",
) -> Caller:
    """Who sent this `Authorization` header (`Bearer af_…`, or `Bearer` and a JWT).

    `address` is the client's, for `limit`. Reads the database, and with `jwks_url` may wait for
    the network: call it in a thread where nothing may wait. Raises AuthenticationFailed (401),
    TooManyFailures (429), KeysUnavailable (503), StoreBusy.
    """
    if limit is not None:
        limit.check(address)
    try:
        caller = _caller(_bearer(authorization), project, store, tokens)
        if caller.role not in project.roles:
            raise AuthenticationFailed(
                "unknown_role",
                "The role of these credentials is no role of this project; see `roles:` in its "
                "project.yaml.",
            )
    except AuthenticationFailed as failure:
        log.info("authentication failed from %s: %s", address or "an unnamed client", failure.code)
        # Who presents nothing guesses nothing; a page that is not signed in yet stays welcome.
        if limit is not None and failure.code != "no_credentials":
            limit.failed(address)
        raise
    return caller


def _bearer(authorization: str | None) -> str:
    scheme, _, token = (authorization or "").strip().partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise AuthenticationFailed(
            "no_credentials",
            "No credentials; send the header `Authorization: Bearer` with an API key or a token.",
        )
    return token


def _caller(token: str, project: ProjectFile, store: Store, tokens: TokenVerifier | None) -> Caller:
    if len(token) > LONGEST or not token.isascii():
        raise AuthenticationFailed(
            "bad_token",
            f"Neither an API key nor a JWT: expected ASCII, at most {LONGEST} characters.",
        )
    if token.startswith(MARK):
        with store.reader() as tx:
            return key_caller(tx, token)
    if token.count(".") != 2:
        raise AuthenticationFailed(
            "bad_token", f"Neither an API key ({MARK}…) nor a JWT (three parts with dots between)."
        )
    if tokens is None:
        raise AuthenticationFailed(
            "bad_token",
            "This project takes API keys only; to take tokens, write `jwt:` in its project.yaml.",
        )
    return tokens.caller(token, project.roles)
