"""The faults that happen to any database; each leaves every event delivered and the servers up."""

from __future__ import annotations

import json
import subprocess
import sys

from chaos.arena import Arena, scenario
from chaos.delivery import Delivery
from chaos.proxy import Proxy
from chaos.server import ROOT, set_clock

KILLS = 8
CUTS = 20
COPIES = 20
JUMPS = (240, -240, 86_400, -86_400, 7 * 86_400, 0)
"""Seconds the servers' clock is off, one after the other. Beyond 300 signatures are stale."""
STALE = 300
HELD = 8
"""Calls that hang before the load begins: as many as a server makes at once."""


def some_told(order: int) -> str:
    """One order in fifty makes a call."""
    return "told" if order % 50 == 0 else "plain"


def some_slow(order: int) -> str:
    """One in twenty computes for long, and tells a server that does not answer; 200 at most."""
    return "slow" if order % 20 == 0 and order <= 4000 else "plain"


def some_poison(order: int) -> str:
    """One in a hundred fails whenever it is tried."""
    return "poison" if order % 100 == 0 else "plain"


@scenario("kill", "kill -9 of a server", kind=some_told)
def kill(arena: Arena) -> None:
    """SQLite: the one process, started again. PostgreSQL: one of several, the others go on."""
    ports = arena.start()
    arena.deliver(ports)
    for number in arena.steps(KILLS):
        server = arena.servers[number % len(arena.servers)]
        server.kill()
        arena.audit()
        server.start()
    arena.audit_end()


@scenario("cut", "connections to the server cut", kind=some_told)
def cut(arena: Arena) -> None:
    """Between Stripe and the server, in the middle of requests and answers."""
    proxies = [Proxy(port) for port in arena.start()]
    for proxy in proxies:
        proxy.start()
    try:
        arena.deliver([proxy.port for proxy in proxies])
        for _ in arena.steps(CUTS):
            for proxy in proxies:
                proxy.cut()
        arena.audit_end()
    finally:
        for proxy in proxies:
            proxy.stop()


@scenario("clock", "the clock jumps, minutes and days", kind=some_told)
def clock(arena: Arena) -> None:
    """Forward and back. Where signatures are stale for it, Stripe's events wait until it is right."""
    delivery = arena.deliver(arena.start())
    for number in arena.steps(len(JUMPS)):
        off = JUMPS[number - 1]
        refused = delivery.statuses[400]
        set_clock(arena.world.folder, off)
        if abs(off) > STALE:
            delivery.wait(refused=delivery.statuses.total() - delivery.statuses[200] + 100)
            if delivery.statuses[400] == refused:
                arena.said.append(f"no signature was stale with the clock {off} seconds off")
            arena.audit()
            set_clock(arena.world.folder, 0)
    arena.audit_end()


@scenario("slow", "slow code and calls that hang", kind=some_slow)
def slow(arena: Arena) -> None:
    """Calls hang from the beginning to the end of the load: nothing may wait for them."""
    ports, warehouse = arena.start(), arena.world.warehouse
    first = [order for order in arena.world.orders if arena.world.kind(order) == "slow"][:HELD]
    Delivery(ports, first).start().finish()
    warehouse.wait(held=len(first))
    arena.deliver(ports).finish()
    arena.injected = warehouse.held
    if warehouse.answered:
        arena.said.append("a held call was answered while there was load")
    arena.audit_end()


@scenario("poison", "events that always fail", kind=some_poison)
def poison(arena: Arena) -> None:
    """They rest as dead letters while the others pass; with the flow mended they are replayed."""
    arena.deliver(arena.start()).finish()
    arena.audit_end()
    dead = arena.world.wanted().failing
    arena.injected = len(dead)
    listed = json.loads(
        command(arena, "events", "list", "--state", "dead", "--limit", "10000", "--json")
    )
    if len(listed) != len(dead):
        arena.said.append(f"{len(listed)} dead letters are listed, {len(dead)} events were poison")
    flow = arena.world.folder / "payment_callback.yaml"
    flow.write_text(
        flow.read_text().replace("{{ bought.kind == 'poison' }}", "{{ bought.id == 0 }}")
    )
    command(arena, "events", "replay", "--dead")
    arena.world.kind = lambda _order: "plain"
    arena.audit_end()


def command(arena: Arena, *words: str) -> str:
    """What `actionflow` prints, beside the running server."""
    done = subprocess.run(
        [sys.executable, "-m", "engine.cli.main", *words, "--project", str(arena.world.folder)],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    if done.returncode:
        arena.said.append(f"actionflow {' '.join(words)}: {done.stderr.strip()[-300:]}")
    return done.stdout


@scenario("storm", f"each event {COPIES} times at once", kind=some_told)
def storm(arena: Arena) -> None:
    """The same event on many connections at the same moment; all are answered 200."""
    arena.deliver(arena.start(), copies=COPIES, connections=2 * COPIES)
    arena.injected = arena.count * (COPIES - 1)
    arena.audit_end()
