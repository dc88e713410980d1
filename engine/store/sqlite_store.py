"""The SQLite connector: one file, one server process, one writer at a time; readers never wait."""

from __future__ import annotations

import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import orjson

from engine.model import Table
from engine.store.base import Clock, StoreError
from engine.store.changes import Recorder
from engine.store.codec import TableCodec
from engine.store.ears import Ears
from engine.store.filelock import FileLock
from engine.store.sqlite_checkpoint import MOST_PAGES, Checkpointer
from engine.store.sqlite_connect import BUSY_SECONDS, connect, unopened
from engine.store.sqlite_errors import translated
from engine.store.sqlite_plan import SqlitePlan
from engine.store.sqlite_reader import SqliteReader
from engine.store.sqlite_schema import WIRE, SqliteEditor
from engine.store.sqlite_sync import LogSync
from engine.store.sqlite_writing import Writing

IDLE_READERS = 8
SERVER_CACHE_KIB = 64 * 1024
"""The most memory a server's writer keeps pages in: enough for the upper levels of the trees of some
millions of payments, which are looked through for every event."""
START_SECONDS = 0.2
"""How long a server that starts waits for those who read: Litestream reads all the time."""
UNWIRE = {"boolean": bool, "json": orjson.loads}


class SqliteStore:
    """See `engine.store.base.Store`. `path` is None for a database in memory."""

    def __init__(
        self,
        path: Path | None,
        tables: Mapping[str, Table],
        *,
        clock: Clock,
        create: bool = False,
    ) -> None:
        """Open; the tables themselves are made by `engine.store.migrate`.

        Raises StoreError when the file is not there (unless `create`) or is no database.
        """
        if path is not None and not create and not path.exists():
            raise StoreError(
                f"There is no database at {path}; make it with `actionflow migrate`, or correct "
                "`database` in project.yaml."
            )
        self.path = path
        self.tables = tables
        self.clock = clock
        self.plans = {
            name: SqlitePlan(TableCodec(table, tables, WIRE, UNWIRE))
            for name, table in tables.items()
        }
        self._writing = threading.Lock()
        self._writer_thread: int | None = None
        self._readers: deque[sqlite3.Connection] = deque()
        self._server: FileLock | None = None
        self.checkpointer: Checkpointer | None = None
        """Of a server."""
        self.sync: LogSync | None = None
        """Of a server, whose commits do not sync by themselves."""
        self.log = Recorder()
        self.ears = Ears()
        self.wakes: tuple[Callable[[], None], ...] = ()
        self.connection = connect(path)

    def watch(self, wake: Callable[[], None]) -> None:
        self.wakes += (wake,)

    @property
    def lost(self) -> str | None:
        return None if self.sync is None else self.sync.lost

    def transaction(self, *, careful: bool = False, ahead: bool = False) -> Writing:
        return Writing(self, careful, ahead)

    @contextmanager
    def reader(self) -> Iterator[SqliteReader]:
        if self.path is None:
            with self.exclusively():
                yield from self._read(self.connection)
            return
        try:
            connection = self._readers.pop()
        except IndexError:
            connection = connect(self.path)
        try:
            yield from self._read(connection)
            if self.sync is not None:
                self.sync.wait_for_all()
        finally:
            if len(self._readers) < IDLE_READERS:
                self._readers.append(connection)
            else:
                connection.close()

    def snapshot(self) -> SqliteStore:
        copy = SqliteStore(None, self.tables, clock=self.clock)
        try:
            if self.path is None:
                with self.exclusively():
                    self.connection.backup(copy.connection)
            else:
                source = connect(self.path)
                try:
                    source.backup(copy.connection)
                finally:
                    source.close()
                if self.sync is not None:
                    self.sync.wait_for_all()
        except sqlite3.Error as error:
            copy.close()
            raise translated(error) from error
        except StoreError:
            copy.close()
            raise
        return copy

    def claim_server(self) -> bool:
        if self.path is None or self._server is not None:
            return True
        self._server = FileLock.taken(
            self.path.with_name(self.path.name + "-server"),
            f"the database {self.path}, which is SQLite and takes one server process at a time",
        )
        try:
            self._serve(self.path)
        except sqlite3.Error as error:
            raise unopened(self.path, error) from error
        return True

    def _serve(self, path: Path) -> None:
        """Commit without a sync from now on, and sync for all commits together."""
        connection = self.connection
        # What a process left that could not sync can be read, but is perhaps not on the disk: it is
        # written once more, into the database, before anybody is told that it is there.
        connection.execute(f"PRAGMA busy_timeout = {START_SECONDS * 1000:.0f}")
        connection.execute("PRAGMA wal_checkpoint(FULL)")
        connection.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000:.0f}")
        connection.execute(f"PRAGMA wal_autocheckpoint = {MOST_PAGES}")
        connection.execute(f"PRAGMA cache_size = -{SERVER_CACHE_KIB}")
        connection.execute("PRAGMA synchronous = NORMAL")
        self.sync = LogSync(connection, path)
        self.sync.wait_for_all()
        self.checkpointer = Checkpointer(path, self.sync)
        self.checkpointer.start()

    def listen(self, channel: str, heard: Callable[[str], None]) -> Callable[[], None]:
        return self.ears.listen(channel, heard)

    @contextmanager
    def editor(self, *, write: bool = False) -> Iterator[SqliteEditor]:
        """For migrations: look at the schema or, in one transaction, change it.

        References are not enforced inside: changing a table may copy it, and dropping the old one
        must not take the rows that refer to it along.
        """
        with self.exclusively():
            connection = self.connection
            try:
                connection.execute("PRAGMA foreign_keys = OFF")
                connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")
                yield SqliteEditor(connection)
                connection.execute("COMMIT" if write else "ROLLBACK")
            except sqlite3.Error as error:
                raise translated(error) from error
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                connection.execute("PRAGMA foreign_keys = ON")

    def close(self) -> None:
        if self.checkpointer is not None:
            self.checkpointer.stop()
            self.checkpointer = None
        while self._readers:
            self._readers.pop().close()
        with self.exclusively():
            self.connection.close()
        if self.sync is not None:
            self.sync.close()
        if self._server is not None:
            self._server.release()
            self._server = None

    @contextmanager
    def exclusively(self) -> Iterator[None]:
        """Hold the writer's place in this process, without a transaction."""
        self.take_turn()
        try:
            yield
        finally:
            self.leave_turn()

    def take_turn(self) -> None:
        """Wait for other threads' transactions. Raises StoreError rather than wait for itself."""
        me = threading.get_ident()
        if self._writer_thread == me:
            raise StoreError(
                "This thread already has a transaction open on this database; go on in that one, "
                "with `tx.savepoint()` for a part that may fail."
            )
        self._writing.acquire()
        self._writer_thread = me

    def leave_turn(self) -> None:
        self._writer_thread = None
        self._writing.release()

    def _read(self, connection: sqlite3.Connection) -> Iterator[SqliteReader]:
        tx = SqliteReader(connection, self.plans, self.clock())
        try:
            connection.execute("PRAGMA query_only = ON")
            connection.execute("BEGIN")
        except sqlite3.Error as error:
            raise translated(error) from error
        try:
            yield tx
        finally:
            tx.end("This read is over; open another with `store.reader()`.")
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            connection.execute("PRAGMA query_only = OFF")
