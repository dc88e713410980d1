"""Why a caller is turned away. Each knows its HTTP status, stable code and headers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from engine.errors import ActionflowError

FailureCode = Literal[
    "no_credentials", "unknown_key", "revoked_key", "bad_token", "token_expired", "unknown_role"
]


class AccessError(ActionflowError):
    """The caller is turned away; the message holds nothing secret and may be shown to him."""

    status = 403

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code

    @property
    def headers(self) -> Mapping[str, str]:
        """What the answer carries besides the problem."""
        return {}


class AuthenticationFailed(AccessError):
    """It is not known who calls: 401."""

    status = 401

    def __init__(self, code: FailureCode, message: str) -> None:
        super().__init__(code, message)

    @property
    def headers(self) -> Mapping[str, str]:
        # RFC 6750, section 3: no error word where nothing was presented.
        error = "" if self.code == "no_credentials" else ', error="invalid_token"'
        return {"WWW-Authenticate": f'Bearer realm="actionflow"{error}'}


class AccessDenied(AccessError):
    """It is known who calls, and he may not do this: 403 `action_denied` or `order_denied`."""


class TooManyFailures(AccessError):
    """This address failed to authenticate too often: 429; `retry_after` is in seconds."""

    status = 429

    def __init__(self, retry_after: int) -> None:
        super().__init__(
            "too_many_failures",
            f"Too many failed authentications from this address; try again in {retry_after} s.",
        )
        self.retry_after = retry_after

    @property
    def headers(self) -> Mapping[str, str]:
        return {"Retry-After": str(self.retry_after)}


class KeysUnavailable(AccessError):
    """The issuer's keys cannot be had, so no token can be judged: 503, no fault of the caller."""

    status = 503

    def __init__(self, retry_after: int) -> None:
        super().__init__(
            "token_keys_unavailable",
            "The keys that tokens are verified with cannot be fetched now; try again later.",
        )
        self.retry_after = retry_after

    @property
    def headers(self) -> Mapping[str, str]:
        return {"Retry-After": str(self.retry_after)}
