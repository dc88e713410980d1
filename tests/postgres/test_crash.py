"""A crash of the server: what was never written is gone, and its transaction id means another's."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import psycopg
import pytest

from engine.store.base import CommitUnknown
from engine.store.postgres_commit import committed
from engine.store.postgres_connect import Patience, Session, open_session
from tests.store.postgres import ADVICE, PostgresServer, own_server

ID = "SELECT pg_current_xact_id()::text"


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    found = own_server()
    if found is None:
        pytest.skip(ADVICE)
    found.start()
    yield found
    found.close()


def session(server: PostgresServer) -> Session:
    return open_session(server.url, "test", Patience())


def asked(connection: psycopg.Connection[tuple[str]], sql: str) -> str:
    row = connection.execute(sql).fetchone()
    assert row is not None
    return row[0]


def test_an_id_given_out_again_after_a_crash_does_not_confirm_a_commit(
    server: PostgresServer,
) -> None:
    before = session(server)
    before.connection.execute("BEGIN")
    lost = asked(before.connection, ID)
    server.kill()
    with pytest.raises(psycopg.OperationalError):
        before.connection.execute("SELECT 1")
    server.start()
    with contextlib.closing(session(server).connection) as connection:
        while int(asked(connection, ID)) < int(lost):
            pass
        # The server says so, of a transaction that was somebody else's.
        assert asked(connection, f"SELECT pg_xact_status('{lost}'::xid8)") == "committed"
    with pytest.raises(CommitUnknown, match="crashed"):
        committed(lost, before.timeline, lambda: session(server))


def test_without_a_crash_the_id_is_the_transactions_own(server: PostgresServer) -> None:
    before = session(server)
    with before.connection.transaction():
        mine = asked(before.connection, ID)
    before.connection.close()
    assert committed(mine, before.timeline, lambda: session(server))
