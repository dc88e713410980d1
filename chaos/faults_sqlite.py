"""A full disk under an SQLite database, and backups taken from it under load."""

from __future__ import annotations

from chaos.arena import Arena, scenario
from chaos.audit import audit
from chaos.faults import command, some_told

TIMES = 5
BACKUPS = 3
REFUSALS = 40
"""Answers to wait for while it is full."""


@scenario("disk", "the disk is full", kind=some_told, databases=("sqlite",))
def disk(arena: Arena) -> None:
    """No file of the server can grow (EFBIG, by a limit on the running process: needs no root)."""
    delivery = arena.deliver(arena.start())
    [server] = arena.servers
    for _ in arena.steps(TIMES):
        before = delivery.statuses[503]
        server.limit_files(0)
        delivery.wait(refused=delivery.statuses.total() - delivery.statuses[200] + REFUSALS)
        if delivery.statuses[503] == before:
            arena.said.append("the server did not answer 503 while the disk was full")
        arena.audit()
        server.limit_files(-1)
    arena.audit_end()


@scenario("backup", "backups under load, restored", databases=("sqlite",))
def backup(arena: Arena) -> None:
    """Each is one moment: all that was acknowledged before it began, and nothing by halves."""
    delivery = arena.deliver(arena.start())
    for number in arena.steps(BACKUPS):
        target = arena.world.folder.parent / f"backup-{number}.db"
        acknowledged = delivery.acknowledged.copy()
        command(arena, "backup", str(target))
        arena.said += audit(arena.world.found(target), arena.world.wanted(), acknowledged)
        target.unlink()
    arena.audit_end()
