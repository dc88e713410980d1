"""The PostgreSQL connector: any number of processes, each with a few connections of its own."""

from __future__ import annotations

import hashlib
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import orjson

from engine.model import Table
from engine.store.base import Clock, StoreError
from engine.store.changes import Recorder
from engine.store.codec import TableCodec
from engine.store.postgres_commit import commit
from engine.store.postgres_connect import Patience, Session, open_session
from engine.store.postgres_errors import translated
from engine.store.postgres_link import Gone, Link, Refused
from engine.store.postgres_listen import Listener
from engine.store.postgres_plan import PostgresPlan
from engine.store.postgres_schema import PostgresEditor
from engine.store.postgres_snapshot import PostgresSnapshot
from engine.store.postgres_tx import PostgresReader
from engine.store.postgres_writing import BEGIN, CHANGES, Writing

log = logging.getLogger("actionflow.store")

UNWIRE = {"json": orjson.loads}
IDLE_LINKS = 8
BEGIN_READING = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
MIGRATION_KEY = (
    "SELECT pg_advisory_xact_lock(hashtextextended('actionflow migrate ' || current_schema(), 0))"
)
SERVING = Patience()
TRYING = Patience(statement=10, lock=2, idle=30)
"""For a snapshot: a dry run must not hold up the servers for long, and not wait for them either."""
MIGRATING = Patience(statement=0, lock=10, idle=60)


class PostgresStore:
    """See `engine.store.base.Store`. Connects when it is made, to say at once what is wrong."""

    def __init__(
        self, url: str, tables: Mapping[str, Table], *, clock: Clock, name: str = ""
    ) -> None:
        """`name` is what the server's administrator sees of it. Raises StoreError, StoreBusy."""
        self.url = url
        self.tables = tables
        self.clock = clock
        self.name = name
        self.plans = {
            table: PostgresPlan(TableCodec(tables[table], tables, {}, UNWIRE)) for table in tables
        }
        self.log = Recorder()
        self.schema = ""
        self._durable = True
        self._idle: deque[Link] = deque()
        self._writing = threading.local()
        self._listener: Listener | None = None
        self._closed = False
        self.give_back(self._connect(SERVING))

    @property
    def lost(self) -> str | None:
        return None

    def transaction(self, *, careful: bool = False, ahead: bool = False) -> Writing:
        return Writing(self, careful)

    @contextmanager
    def reader(self) -> Iterator[PostgresReader]:
        link = self.begin(BEGIN_READING)
        tx = PostgresReader(link, self.plans, self.clock(), channel=self.channel, careful=True)
        try:
            yield tx
        finally:
            tx.end("This read is over; open another with `store.reader()`.")
            self.roll_back(link)

    def snapshot(self) -> PostgresSnapshot:
        return PostgresSnapshot(self, self._connect(TRYING))

    def claim_server(self) -> bool:
        if not self._durable:
            log.warning(
                "the PostgreSQL server runs with fsync=off: a crash of its machine loses events that "
                "were acknowledged. Set fsync=on."
            )
        return False

    def listen(self, channel: str, heard: Callable[[str], None]) -> Callable[[], None]:
        if self._listener is None:
            self._listener = Listener(lambda: self.session().connection)
        return self._listener.listen(self.channel(channel), heard)

    def watch(self, wake: Callable[[], None]) -> None:
        self.listen(CHANGES, lambda _: wake())

    @contextmanager
    def editor(self, *, write: bool = False) -> Iterator[PostgresEditor]:
        """For migrations: look at the schema or, in one transaction, change it, one migration at a time."""
        link = self._connect(MIGRATING)
        try:
            link.begin(BEGIN if write else BEGIN_READING, named=write)
            if write:
                link.tell(MIGRATION_KEY)
            yield PostgresEditor(link)
            if write:
                commit(link, self.session)
        except Refused as refused:
            raise translated(refused.fault) from refused
        finally:
            link.close()

    def close(self) -> None:
        self._closed = True
        if self._listener is not None:
            self._listener.close()
        while self._idle:
            self._idle.pop().close()

    # --- for the transactions

    def channel(self, name: str) -> str:
        """The name of a channel in the database, which all schemas of it share (63 bytes at most)."""
        digest = hashlib.blake2b(f"{self.schema}\n{name}".encode(), digest_size=12).hexdigest()
        return f"actionflow_{digest}"

    def session(self) -> Session:
        """A connection outside the pool."""
        return open_session(self.url, self.name, SERVING)

    def begin(self, sql: str) -> Link:
        """A connection with a transaction begun; an idle one that the server has closed is replaced."""
        if self._closed:
            raise StoreError("This store is closed; open another.")
        while True:
            try:
                link = self._idle.pop()
            except IndexError:
                link = self._connect(SERVING)
                break
            if link.alive():
                break
            link.close()
        link.begin(sql, named=sql == BEGIN)
        return link

    def roll_back(self, link: Link) -> None:
        """End a transaction without a trace, whatever state it is in."""
        if not link.broken:
            try:
                link.end("ROLLBACK")
            except (Refused, Gone):
                link.broken = True
        self.give_back(link)

    def give_back(self, link: Link) -> None:
        if self._closed or link.open or link.broken or len(self._idle) >= IDLE_LINKS:
            link.close()
        else:
            self._idle.append(link)

    def take_turn(self) -> None:
        """Raises StoreError where a thread would wait for rows that it holds itself."""
        if getattr(self._writing, "now", False):
            raise StoreError(
                "This thread already has a transaction open on this database; go on in that one, "
                "with `tx.savepoint()` for a part that may fail."
            )
        self._writing.now = True

    def leave_turn(self) -> None:
        self._writing.now = False

    def _connect(self, patience: Patience) -> Link:
        session = open_session(self.url, self.name, patience)
        self.schema, self._durable = session.schema, session.fsync
        return Link(session.connection, patience.answer, session.timeline)
