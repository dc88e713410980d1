"""Who calls, and what they may do: API keys, JWT, roles and row rules (docs/access.md).

The only package that imports jwt.
"""

from engine.access.authenticate import authenticate
from engine.access.caller import Caller
from engine.access.errors import (
    AccessDenied,
    AccessError,
    AuthenticationFailed,
    KeysUnavailable,
    TooManyFailures,
)
from engine.access.limits import FailureLimit
from engine.access.roles import authorize, may_call, may_read
from engine.access.tokens import TokenVerifier

__all__ = [
    "AccessDenied",
    "AccessError",
    "AuthenticationFailed",
    "Caller",
    "FailureLimit",
    "KeysUnavailable",
    "TokenVerifier",
    "TooManyFailures",
    "authenticate",
    "authorize",
    "may_call",
    "may_read",
]
