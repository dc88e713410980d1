"""API keys: made, hashed, looked up. Only the SHA-256 of a key is ever kept."""

from __future__ import annotations

import hashlib
import hmac
import secrets

from engine.access.caller import Caller, proper_text
from engine.access.errors import AuthenticationFailed
from engine.errors import BadInput, did_you_mean
from engine.model import ProjectFile
from engine.store import keys
from engine.store.base import Transaction

MARK = "af_"
"""What every key begins with, so that people and secret scanners know one when they see it."""
LENGTH = len(MARK) + 43
PREFIX_LENGTH = len(MARK) + 8
NO_DIGEST = "0" * 64


def new_key() -> str:
    """A key of 32 random bytes."""
    return MARK + secrets.token_urlsafe(32)


def digest(key: str) -> str:
    """What is kept of a key. A fast hash is right: 256 random bits cannot be tried out, while a
    slow one would cost every request."""
    return hashlib.sha256(key.encode()).hexdigest()


def create(
    tx: Transaction,
    project: ProjectFile,
    *,
    role: str,
    caller: str | None = None,
    label: str | None = None,
) -> str:
    """Make a key and keep its digest; the key itself is given back this once.

    `caller` is who the key speaks for in row rules; without one, `key:PREFIX`. Raises BadInput.
    """
    if role not in project.roles:
        known = list(project.roles)
        raise BadInput(
            f"'{role}' is no role of this project.{did_you_mean(role, known)} Expected one of: "
            f"{', '.join(known) or 'none yet (write `roles:` in project.yaml)'}."
        )
    if caller is not None:
        proper_text("the caller's id", caller)
    if label is not None:
        proper_text("the label", label)
    while True:
        key = new_key()
        if keep(tx, key, role=role, caller=caller, label=label):
            return key


def keep(tx: Transaction, key: str, *, role: str, caller: str | None, label: str | None) -> bool:
    """Keep the digest of a key; False when its digest or its prefix is taken."""
    prefix = key[:PREFIX_LENGTH]
    return keys.add(
        tx,
        digest=digest(key),
        prefix=prefix,
        role=role,
        caller=caller if caller is not None else f"key:{prefix}",
        label=label,
    )


def key_caller(tx: Transaction, key: str) -> Caller:
    """Who this key speaks for. Raises AuthenticationFailed (unknown_key, revoked_key).

    One look-up and one comparison whatever is found, so that time tells nothing about the keys.
    """
    wanted = digest(key)
    found = keys.find(tx, wanted)
    same = hmac.compare_digest(found.digest if found else NO_DIGEST, wanted)
    if found is None or not same:
        raise AuthenticationFailed(
            "unknown_key",
            "No such API key. Check that it was copied whole, or make one: actionflow keys create.",
        )
    if found.revoked_at is not None:
        raise AuthenticationFailed(
            "revoked_key", f"The API key {found.prefix}… was revoked. Use another one."
        )
    return Caller(found.caller, found.role, "key", key=found.prefix)
