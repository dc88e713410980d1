"""What happens to PostgreSQL itself, and on the way to it."""

from __future__ import annotations

from chaos.arena import Arena, scenario
from chaos.faults import CUTS, some_told

CRASHES = 5


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
