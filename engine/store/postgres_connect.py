"""Opening connections to PostgreSQL: the URL, settings of a session, and refusals without secrets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from engine.store.base import StoreBusy, StoreError
from engine.store.url import shown_url

OLDEST = 130000
DEFAULTS: dict[str, Any] = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
    "target_session_attrs": "read-write",
}
"""For the connection, where the URL does not say otherwise: a dead network is noticed, and of several
hosts the one that can write is taken."""

LOOK = """
    SELECT current_schema() AS schema, current_setting('server_encoding') AS encoding,
        current_setting('server_version_num')::int AS version,
        current_setting('synchronous_commit') AS durable, current_setting('fsync') AS fsync,
        CASE WHEN NOT pg_is_in_recovery() THEN substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)
            || coalesce((SELECT ' ' || stats_reset::text FROM pg_stat_bgwriter), '')
        END AS timeline
"""
# A crash is told by its statistics, which begin anew after it and after nothing else by itself.
SET = "SELECT " + ", ".join(["set_config(%s, %s, false)"] * 7)


@dataclass(frozen=True, slots=True)
class Patience:
    """Limits of a session in seconds, kept by the server; 0 is none."""

    statement: int = 30
    lock: int = 10
    idle: int = 60
    """In an open transaction: a stopped process must not hold its locks for ever."""

    @property
    def answer(self) -> float:
        """How long to wait for an answer before the network is held for dead."""
        return self.statement + 15 if self.statement else 3600


@dataclass(frozen=True, slots=True)
class Session:
    """A new connection, and the schema it works in."""

    connection: psycopg.Connection[Any]
    schema: str
    fsync: bool
    timeline: str | None
    """Another after a standby took over, a backup was restored, or the server crashed: then ids of
    transactions whose log was lost are given out again."""


def open_session(url: str, name: str, patience: Patience) -> Session:
    """Connect. Raises StoreBusy when the server is not to be had now, StoreError when it never will be."""
    try:
        given = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        raise StoreError(  # without what libpq says: it quotes the URL, password and all
            f"{shown_url(url)}: this is no PostgreSQL URL; write "
            "postgresql://user@host:5432/name, and %-escapes for odd characters."
        ) from None
    settings = {**DEFAULTS, "application_name": f"actionflow {name}"[:63], **given}
    settings["client_encoding"] = "UTF8"
    try:
        connection = psycopg.connect(make_conninfo(**settings), autocommit=True)
    except psycopg.OperationalError as error:
        raise _refused(url, str(given.get("password") or ""), error) from None
    try:
        return _prepared(connection, url, patience)
    except psycopg.Error as error:
        connection.close()
        raise StoreBusy(f"{shown_url(url)}: the connection was lost at once. ({error})") from None
    except BaseException:
        connection.close()
        raise


def _prepared(connection: psycopg.Connection[Any], url: str, patience: Patience) -> Session:
    connection.prepare_threshold = None
    row = connection.execute(LOOK).fetchone()
    assert row is not None
    schema, encoding, version, durable, fsync, timeline = row
    if version < OLDEST:
        raise StoreError(
            f"{shown_url(url)}: this is PostgreSQL {version // 10000}; Actionflow needs 13 or newer."
        )
    if encoding != "UTF8":
        raise StoreError(
            f"{shown_url(url)}: the database keeps text as {encoding}, which cannot hold all of it; "
            "make one with ENCODING 'UTF8'."
        )
    if schema is None:
        raise StoreError(
            f"{shown_url(url)}: none of the schemas in its search_path exists; CREATE SCHEMA first, "
            "or correct the search_path."
        )
    quoted = '"' + schema.replace('"', '""') + '"'
    connection.execute(
        SET,
        [
            # Nothing else: a table must never be found in a schema that is not the project's.
            *("search_path", f"{quoted}, pg_temp"),
            *("TimeZone", "UTC"),
            *("DateStyle", "ISO"),
            *("statement_timeout", f"{patience.statement}s"),
            *("lock_timeout", f"{patience.lock}s"),
            *("idle_in_transaction_session_timeout", f"{patience.idle}s"),
            # 200 is answered for what is on the disk; a stricter setting of the server's is kept.
            *("synchronous_commit", "on" if durable in ("off", "local") else durable),
        ],
    )
    return Session(connection, schema, fsync == "on", timeline)


def _refused(url: str, password: str, error: psycopg.OperationalError) -> StoreError:
    said = " ".join(str(error).split())
    if password:
        said = said.replace(password, "…")
    where = shown_url(url)
    if "does not exist" in said and "database" in said:
        return StoreError(f"{where}: there is no such database; make it (createdb). ({said})")
    if "authentication failed" in said or "no password supplied" in said or "role" in said:
        return StoreError(
            f"{where}: the server does not let this user in. Give the password by the environment "
            f"variable PGPASSWORD, a ~/.pgpass file, or a URL in an environment variable. ({said})"
        )
    return StoreBusy(
        f"{where}: the server is not to be had; see whether it runs and this machine may reach it. "
        f"({said})"
    )
