"""API keys: what is kept of each, which is never the key itself."""

from __future__ import annotations

from dataclasses import dataclass

from engine.store.base import Transaction

HEAD = "digest, prefix, role, caller, label, created_at, revoked_at"

ADD = """
    INSERT INTO actionflow_key (digest, prefix, role, caller, label, created_at)
    VALUES (:digest, :prefix, :role, :caller, :label, :now)
    ON CONFLICT DO NOTHING
    RETURNING digest
"""
FIND = f"SELECT {HEAD} FROM actionflow_key WHERE digest = :digest"
REVOKE = """
    UPDATE actionflow_key SET revoked_at = :now WHERE prefix = :prefix AND revoked_at IS NULL
    RETURNING digest
"""
ENDED = "SELECT prefix FROM actionflow_key WHERE prefix = :prefix AND revoked_at IS NOT NULL"
REVOKED = "SELECT prefix FROM actionflow_key WHERE revoked_at >= :since"
LISTING = f"SELECT {HEAD} FROM actionflow_key ORDER BY created_at, prefix"


@dataclass(frozen=True, slots=True)
class KeyRow:
    """One API key as kept. `digest` is the key's SHA-256 in hex, `prefix` its public beginning."""

    digest: str
    prefix: str
    role: str
    caller: str
    label: str | None
    created_at: str
    revoked_at: str | None


def add(
    tx: Transaction, *, digest: str, prefix: str, role: str, caller: str, label: str | None
) -> bool:
    """Keep a key; False when one with this digest or this prefix is there already."""
    params = {"digest": digest, "prefix": prefix, "role": role, "caller": caller, "label": label}
    return bool(tx.execute(ADD, {**params, "now": tx.now}))


def find(tx: Transaction, digest: str) -> KeyRow | None:
    """The key with this digest, revoked or not."""
    found = tx.execute(FIND, {"digest": digest})
    return KeyRow(**found[0]) if found else None


def revoke(tx: Transaction, prefix: str) -> bool:
    """End a key; False when no key that works begins so."""
    return bool(tx.execute(REVOKE, {"prefix": prefix, "now": tx.now}))


def revoked(tx: Transaction, prefix: str) -> bool:
    """Whether the key that begins so was ended."""
    return bool(tx.execute(ENDED, {"prefix": prefix}))


def revoked_since(tx: Transaction, since: str) -> set[str]:
    """The beginnings of the keys that were ended at this time (timestamp text) or later."""
    return {found["prefix"] for found in tx.execute(REVOKED, {"since": since})}


def listing(tx: Transaction) -> list[KeyRow]:
    """All keys, the oldest first."""
    return [KeyRow(**found) for found in tx.execute(LISTING)]
