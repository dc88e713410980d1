"""What the server holds while it runs: project, database, secrets and the writer."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.applications import Starlette

from engine.project import Project
from engine.receive import Receiver
from engine.secrets import Secrets
from engine.store.base import Store
from engine.writer import Writer

log = logging.getLogger("actionflow.server")


@dataclass(slots=True)
class Service:
    """One running server. `receiver` is replaced whole when flows are reloaded."""

    project: Project
    store: Store
    secrets: Secrets
    receiver: Receiver
    writer: Writer

    @classmethod
    def start(cls, project: Project, *, demo: bool = False) -> Service:
        """Open the database and start the writer. Raises StoreError (outdated, or a server is running)."""
        secrets = project.secrets(demo=demo)
        store = project.store()
        try:
            store.claim_server()
        except BaseException:
            store.close()
            raise
        receiver = Receiver(project, secrets.mode)
        writer = Writer(store, lambda: service.receiver)
        service = cls(project, store, secrets, receiver, writer)
        writer.start()
        if not secrets.webhook_secrets:
            log.warning(
                "no webhook secret: every event will be refused. Set %s",
                " or ".join(secrets.variables["webhook_secret"]),
            )
        return service

    def stop(self) -> None:
        """Finish what was taken, then let go of the database."""
        self.writer.stop()
        self.store.close()


def lifespan(project: Project, *, demo: bool = False):  # type: ignore[no-untyped-def]
    """The app's lifespan: a Service at `app.state.service` while it runs."""

    @asynccontextmanager
    async def run(app: Starlette) -> AsyncIterator[None]:
        service = Service.start(project, demo=demo)
        app.state.service = service
        try:
            yield
        finally:
            service.stop()

    return run
