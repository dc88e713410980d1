"""Who is signed in to the studio: kept in the database, so that every server process knows it."""

from __future__ import annotations

from dataclasses import dataclass

from engine.store.base import Transaction

HEAD = "session.digest, session.csrf, session.role, session.caller, session.via, session.expires_at"

ADD = """
    INSERT INTO actionflow_session
        (digest, csrf, role, caller, via, key_digest, created_at, expires_at)
    VALUES (:digest, :csrf, :role, :caller, :via, :key_digest, :now, :expires_at)
"""
# A session ends with the key it was opened with.
FIND = f"""
    SELECT {HEAD} FROM actionflow_session AS session
    LEFT JOIN actionflow_key AS used ON used.digest = session.key_digest
    WHERE session.digest = :digest AND session.expires_at > :now
        AND (session.key_digest IS NULL OR (used.digest IS NOT NULL AND used.revoked_at IS NULL))
"""
END = "DELETE FROM actionflow_session WHERE digest = :digest"
PURGE = "DELETE FROM actionflow_session WHERE expires_at <= :now"


@dataclass(frozen=True, slots=True)
class Session:
    """One session. `digest` is the SHA-256 of the cookie in hex; `csrf` goes into its pages."""

    digest: str
    csrf: str
    role: str
    caller: str
    via: str
    expires_at: str


def add(
    tx: Transaction,
    *,
    digest: str,
    csrf: str,
    role: str,
    caller: str,
    via: str,
    key_digest: str | None,
    expires_at: str,
) -> None:
    """Open a session; the ones that are over are forgotten."""
    tx.execute(PURGE, {"now": tx.now})
    params = {
        "digest": digest,
        "csrf": csrf,
        "role": role,
        "caller": caller,
        "via": via,
        "key_digest": key_digest,
        "now": tx.now,
        "expires_at": expires_at,
    }
    tx.execute(ADD, params)


def find(tx: Transaction, digest: str) -> Session | None:
    """The session, unless it is over or its key was revoked."""
    found = tx.execute(FIND, {"digest": digest, "now": tx.now})
    return Session(**found[0]) if found else None


def end(tx: Transaction, digest: str) -> None:
    """Close a session."""
    tx.execute(END, {"digest": digest})
