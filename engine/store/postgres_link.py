"""One connection to PostgreSQL, kept in pipeline mode: statements whose outcome is not needed yet are
sent along with the next whose outcome is, one round trip for all of them.

psycopg's cursors take 60 microseconds a statement, its `pq` layer 20; an event is some 20 statements.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import psycopg
from psycopg import pq

from engine.model import Row, Value
from engine.store.base import StoreBusy
from engine.store.postgres_errors import STALE_PLAN, Fault, fault_of
from engine.store.postgres_statement import Statement
from engine.store.postgres_text import dumped_all, dumped_by_name, numbered
from engine.store.postgres_wait import waiter

OK = frozenset({pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK})
TUPLES = pq.ExecStatus.TUPLES_OK
FAILED = pq.ExecStatus.FATAL_ERROR
SYNC = pq.ExecStatus.PIPELINE_SYNC

TRANSACTION_ID = "SELECT pg_current_xact_id()"
NAMING = TRANSACTION_ID.encode()

MOST_STATEMENTS = 1000
MOST_PENDING = 200
"""Statements sent ahead; the answers of so many fit into the socket's buffers by far."""


class Refused(Exception):
    """A statement failed; `early` when it was one sent ahead, before the one that was asked."""

    def __init__(self, fault: Fault, *, early: bool) -> None:
        super().__init__(fault.text)
        self.fault = fault
        self.early = early


class Gone(StoreBusy):
    """The connection to the database is lost."""


class Link:
    """A connection in pipeline mode, used by one thread at a time. Raises Refused and Gone."""

    def __init__(
        self, connection: psycopg.Connection[Any], patience: float, timeline: str | None = None
    ) -> None:
        """`patience` is how long to wait for any answer, in seconds: longer than the server's own
        limit for a statement, so that it ends only what the network has swallowed. `timeline` is
        what its transaction ids belong to."""
        self._connection = connection
        self._pg: Any = connection.pgconn
        self._patience = patience
        self.timeline = timeline
        self._ready = waiter(self._pg.socket)
        self._statements: dict[str, Statement] = {}
        self._made = 0
        self._pending: deque[tuple[Statement | None, bool]] = deque()
        """What answers are due: the statement, and whether it is its preparation; None for a sync."""
        self.broken = False
        self.open = False
        """Whether a transaction is open."""
        self.transaction_id: str | None = None
        """That of the transaction open or just ended, once an answer has come since it was asked."""
        self._pg.nonblocking = 1
        self._pg.enter_pipeline_mode()

    def begin(self, sql: str, *, named: bool = False) -> None:
        """Begin a transaction; sent ahead. With `named` its id is asked for, so that what became of
        its commit can be found out without this connection."""
        self.open = True
        self.transaction_id = None
        self.tell(sql)
        if named:
            self.tell(TRANSACTION_ID)

    def end(self, sql: str) -> bytes:
        """COMMIT or ROLLBACK, and wait for it; gives what the server did in the end."""
        self.tell(sql)
        tag = self.sync()
        # Only now: between syncs the server does not say how a transaction stands.
        self.open = self._pg.transaction_status != pq.TransactionStatus.IDLE
        return tag

    def tell(self, sql: str, values: Sequence[Value] = ()) -> None:
        """Send a statement ahead; should it fail, the next `ask` or `sync` says so."""
        statement = self._statement(sql)
        self._send(statement, dumped_all(values))

    def tell_named(self, sql: str, values: Mapping[str, Value]) -> None:
        """As `tell`, with `:name` parameters."""
        statement = self._statement(sql)
        self._send(statement, dumped_by_name(statement.params, values))

    def ask(self, sql: str, values: Sequence[Value] = ()) -> list[tuple[Value, ...]]:
        """Run a statement and give its rows."""
        statement = self._statement(sql)
        self._send(statement, dumped_all(values))
        return self._answer(statement)

    def ask_named(self, sql: str, values: Mapping[str, Value]) -> list[Row]:
        """As `ask`, with `:name` parameters; rows as dicts."""
        statement = self._statement(sql)
        self._send(statement, dumped_by_name(statement.params, values))
        rows = self._answer(statement)
        names = statement.names
        return [dict(zip(names, row, strict=True)) for row in rows]

    def sync(self) -> bytes:
        """Wait for everything sent; gives the last statement's tag, `COMMIT` for example."""
        self._guarded(self._mark)
        result = self._guarded(self._settle)
        return (result.command_status or b"") if result is not None else b""

    def alive(self) -> bool:
        """Whether the server has said nothing to an idle connection: it does when it ends a session."""
        if self.broken or self._connection.closed:
            return False
        try:
            return self._ready(False, 0) is None and self._pg.status == pq.ConnStatus.OK
        except psycopg.Error:
            return False

    def close(self) -> None:
        self.broken = True
        self._connection.close()

    def _statement(self, sql: str) -> Statement:
        found = self._statements.get(sql)
        if found is None:
            if len(self._statements) >= MOST_STATEMENTS and not self._pending:
                self._statements.clear()
                self.tell("DEALLOCATE ALL")
                self._statements.clear()
            text, params = numbered(sql)
            self._made += 1  # a name is never used twice, whatever became of the first
            found = self._statements[sql] = Statement(b"s%d" % self._made, text, params)
        return found

    def _send(self, statement: Statement, values: list[bytes | None]) -> None:
        if self.broken:
            raise Gone
        if len(self._pending) >= MOST_PENDING:
            self._guarded(self._flush_out)
            self._pg.send_flush_request()
            self._guarded(self._settle)
        try:
            if not statement.ready:
                statement.ready = True
                self._pg.send_prepare(statement.id, statement.sql)
                self._pending.append((statement, True))
            self._pg.send_query_prepared(statement.id, values)
            self._pending.append((statement, False))
        except psycopg.Error as error:
            raise self._gone(error) from error

    def _answer(self, statement: Statement) -> list[tuple[Value, ...]]:
        try:
            self._pg.send_flush_request()
        except psycopg.Error as error:
            raise self._gone(error) from error
        result = self._guarded(lambda: self._settle(statement))
        return statement.read(result) if result.status == TUPLES else []

    def _guarded(self, work: Callable[[], Any]) -> Any:
        """Whatever goes wrong half way (an interrupt, too) leaves answers that nobody expects."""
        try:
            return work()
        except Refused:
            raise
        except psycopg.Error as error:
            raise self._gone(error) from error
        except BaseException:
            self.broken = True
            raise

    def _mark(self) -> None:
        self._pg.pipeline_sync()
        self._pending.append((None, False))

    def _settle(self, asked: Statement | None = None) -> Any:
        """Read all answers that are due. Gives that of the statement asked, or else the last.

        Raises Refused for the first that failed; the connection then waits for a rollback.
        """
        self._flush_out()
        wanted: Any = None
        failed: Fault | None = None
        early = False
        pending = self._pending
        while pending:
            statement, preparing = pending.popleft()
            result = self._next()
            status = result.status
            if statement is None:
                if status != SYNC:
                    raise Gone
                continue
            if status in OK:
                if not preparing and asked in (statement, None):
                    wanted = result
                if statement.sql == NAMING and status == TUPLES:
                    self.transaction_id = result.get_value(0, 0).decode()
            else:
                if preparing:
                    statement.ready = False
                if status == FAILED and failed is None:
                    failed = fault_of(result)
                    early = statement is not asked
            if self._pg.get_result() is not None:  # None ends each statement's answers
                raise Gone
        if failed is not None:
            if failed.state in ("26000", STALE_PLAN):
                self._statements.clear()
            if self._pg.status != pq.ConnStatus.OK:
                raise Gone(f"The connection to the database is lost. ({failed.text})")
            self._mark()
            self._settle()
            raise Refused(failed, early=early)
        return wanted

    def _next(self) -> Any:
        pg = self._pg
        while pg.is_busy():
            self._await(False)
            pg.consume_input()
        result = pg.get_result()
        if result is None:
            raise Gone
        return result

    def _flush_out(self) -> None:
        while self._pg.flush():
            if self._await(True):
                self._pg.consume_input()

    def _await(self, writing: bool) -> bool:
        readable = self._ready(writing, self._patience)
        if readable is None:
            raise Gone(
                f"The database has not answered for {self._patience:.0f} seconds; look at it and at "
                "the network."
            )
        return readable

    def _gone(self, error: psycopg.Error) -> Gone:
        """To be raised: from now on nothing can be said over this connection."""
        self.broken = True
        return Gone(f"The connection to the database is lost. ({str(error).strip()})")
