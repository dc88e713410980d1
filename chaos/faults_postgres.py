"""What happens to PostgreSQL itself, and on the way to it."""

from __future__ import annotations

from chaos.arena import Arena, scenario
from chaos.faults import CUTS, some_told

CRASHES = 5
REFUSALS = 40
"""Answers to wait for while the disk is full."""


@scenario("database", "kill -9 of PostgreSQL", kind=some_told, databases=("postgres",))
def database(arena: Arena) -> None:
    """All its processes; it recovers from its log, the servers find it again by themselves."""
    arena.deliver(arena.start())
    assert arena.postgres is not None
    for _ in arena.steps(CRASHES):
        arena.postgres.kill()
        arena.postgres.start()
        arena.audit()
    arena.audit_end()


@scenario(
    "cut-database",
    "connections to PostgreSQL cut",
    kind=some_told,
    databases=("postgres",),
    proxied=True,
)
def cut_database(arena: Arena) -> None:
    """In the middle of statements and commits: it is not known whether they were done."""
    arena.deliver(arena.start())
    assert arena.database_proxy is not None
    for _ in arena.steps(CUTS):
        arena.database_proxy.cut()
        arena.audit()
    arena.audit_end()


@scenario("disk-database", "PostgreSQL's disk is full", kind=some_told, databases=("postgres",))
def disk_database(arena: Arena) -> None:
    """Its processes can write nothing (EFBIG, by a limit on them): it gives up when its log cannot be
    written. There is room again, and whoever looks after it starts it."""
    delivery = arena.deliver(arena.start())
    postgres = arena.postgres
    assert postgres is not None
    for _ in arena.steps(CRASHES):
        postgres.fill_disk()
        delivery.wait(refused=delivery.statuses.total() - delivery.statuses[200] + REFUSALS)
        if postgres.processes():
            postgres.kill()
        postgres.start()
        arena.audit()
    arena.audit_end()
