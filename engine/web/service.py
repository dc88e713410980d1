"""What the server holds while it runs: project, database, secrets and the writer."""

from __future__ import annotations

import logging
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette

from engine.access import FailureLimit, TokenVerifier
from engine.actions import Actions
from engine.errors import Place, Problem
from engine.live.hub import Hub
from engine.live.prune import Pruner
from engine.load import Loaded
from engine.metrics import Metrics
from engine.model import Table
from engine.outbox import Deliverer, Outbox, Outcome
from engine.project import Project
from engine.receive import Receiver
from engine.reload import Reloader
from engine.retention import Keeper, Retention
from engine.run import compile_flows
from engine.secrets import Secrets
from engine.spans import Spans
from engine.store import actions, changes, outbox, waking
from engine.store.base import Store, Transaction
from engine.store.outbox import Call
from engine.stripe.client import Client
from engine.ticker import Schedules, Ticker
from engine.web.desk import Desk
from engine.web.ticket import Tickets
from engine.writer import Writer

if TYPE_CHECKING:
    from engine.front.parent import Front

log = logging.getLogger("actionflow.server")

STANDIN_KEY = "sk_test_standin"
STANDIN_PUBLISHABLE_KEY = "pk_test_standin"
RECOVER_EVERY = 5.0
"""Seconds between looks for actions to go on with."""


@dataclass(slots=True)
class Service:
    """One running server. `receiver` is replaced whole when flows are reloaded."""

    project: Project
    store: Store
    secrets: Secrets
    receiver: Receiver
    writer: Writer
    tokens: TokenVerifier | None
    failures: FailureLimit
    actions: Actions | None
    """None without a Stripe key."""
    deliverer: Deliverer
    stripe: Client | None = None
    front: Front | None = None
    """The process before this one, where there is one."""
    demo: bool = False
    """Started for trying things out: flows may be saved in the studio."""
    desk: Desk = field(init=False)
    hub: Hub = field(init=False)
    tickets: Tickets = field(init=False)
    reloader: Reloader = field(init=False)
    keeper: Keeper = field(init=False)
    ticker: Ticker = field(init=False)
    spans: Spans = field(default_factory=Spans)
    metrics: Metrics = field(default_factory=Metrics)
    stopping: threading.Event = field(default_factory=threading.Event)

    @classmethod
    def start(
        cls,
        project: Project,
        *,
        demo: bool = False,
        stripe_base: str | None = None,
        front: Front | None = None,
    ) -> Service:
        """Open the database and start the writer; `stripe_base` is where the stand-in answers.

        Raises StoreError (outdated, or a server is running), BadInput (a key set is unreadable).
        """
        secrets = project.secrets(demo=demo)
        tokens = TokenVerifier.of(project.file, project.folder)
        store = project.store()
        try:
            store.claim_server()
        except BaseException:
            store.close()
            raise
        receiver = Receiver(project, secrets.mode)
        metrics = Metrics()
        feed = front.feed if front else None
        writer = Writer(store, lambda: service.receiver, metrics, feed)

        def transact(work: Callable[[Transaction], Any]) -> Any:
            return writer.submit(work).result()

        key = secrets.secret_key or (STANDIN_KEY if stripe_base else None)
        publishable = None if secrets.mixed_up else secrets.publishable_key
        if secrets.mixed_up:
            names = " or ".join(secrets.variables["publishable_key"])
            log.error("%s holds a secret key; no browser is given it. Set the key pk_…", names)
        acting = None
        stripe = Client(key, stripe_base) if key else None
        if stripe:
            acting = Actions(
                project=lambda: service.project,
                transact=transact,
                stripe=stripe,
                publishable_key=publishable or (STANDIN_PUBLISHABLE_KEY if stripe_base else None),
            )
        calls = Outbox(lambda: service.project, transact)
        service = cls(
            project,
            store,
            secrets,
            receiver,
            writer,
            tokens,
            FailureLimit(),
            acting,
            Deliverer(calls),
        )
        service.metrics = metrics
        calls.tell = service.tell_of_call
        service.stripe = stripe
        service.front = front
        service.demo = demo
        pruner = Pruner(lambda: service.project.file.live, writer.submit, service.stopping)
        service.hub = Hub(store, housekeep=pruner.prune)
        service.tickets = Tickets.of(store)
        writer.start()
        writer.submit(actions.release_all).result()
        writer.submit(outbox.release_all).result()
        writer.submit(waking.release_all).result()
        writer.submit(changes.disown).result()
        store.listen(waking.DUE_NOW, lambda _: writer.look())
        service.deliverer.start()
        ticks = Schedules(lambda: service.project, transact, live=secrets.mode == "live")
        service.ticker = Ticker(ticks, writer.look)
        service.ticker.start()
        service.reloader = Reloader(project.folder, service.reload)
        service.reloader.start()
        service.keeper = Keeper(Retention(lambda: service.project.file.retention, transact))
        service.keeper.start()
        recovery = threading.Thread(target=service.recover, name="actionflow-recover", daemon=True)
        recovery.start()
        if not secrets.webhook_secrets:
            log.warning(
                "no webhook secret: every event will be refused. Set %s",
                " or ".join(secrets.variables["webhook_secret"]),
            )
        return service

    def take_flows(self, loaded: Loaded) -> bool:
        """Run these flows, checked before, from the next event on; runs under way end on their own.

        False, and nothing done, when project.yaml has other tables, or another database, than this
        server started with.
        """
        running = self.project
        file = loaded.project
        if file is None or file.database != running.file.database:
            return False
        if _unplaced(file.tables) != _unplaced(running.file.tables):
            return False
        if self.demo:  # a demo's addresses are its own, whatever the file says
            file = replace(file, config=running.file.config)
        flows = compile_flows(file, loaded.flows)
        self.project = Project(running.folder, file, flows, running.warnings)
        self.receiver = Receiver(self.project, self.secrets.mode)
        self.ticker.renew()
        if file.roles != running.file.roles:
            self.hub.streams.renew()
        return True

    def reload(self, loaded: Loaded) -> Problem | None:
        """Take changed files; the reason where they cannot be taken."""
        gone = self.project.flows.keys() - loaded.flows.keys()
        if self.take_flows(loaded):
            if gone:
                log.warning(
                    "flows whose files are gone: %s. From now on events for them are set aside as "
                    "ignored; bring the files back and `actionflow events replay` them",
                    ", ".join(sorted(gone)),
                )
            return None
        file = self.project.file.file
        return Problem(
            "reload.tables",
            Place(file),
            "project.yaml has other tables, or another database, than this server started with.",
            "Run `actionflow migrate`, then start the server again.",
        )

    def tell_of_call(self, call: Call, outcome: Outcome, seconds: float) -> None:
        """Count a call of the outbox, and make its span."""
        word = "done" if outcome.ok else "refused" if outcome.final else "failed"
        self.metrics.call(word)
        self.spans.call(call, outcome.status, seconds)

    def recover(self) -> None:
        """Now and then go on with actions that were cut off: a crash, a lost answer."""
        while not self.stopping.wait(RECOVER_EVERY) and self.actions is not None:
            try:
                self.actions.recover()
            except Exception:
                log.exception("actions could not be taken up again")

    def stop(self) -> None:
        """Finish what was taken, then let go of the database."""
        self.stopping.set()
        self.ticker.stop()
        self.reloader.stop()
        self.keeper.stop()
        self.deliverer.stop()
        self.writer.stop()
        self.store.close()


def _unplaced(tables: Mapping[str, Table]) -> dict[str, Table]:
    """The tables without where they stand in the file: a new comment above moves them."""
    return {name: replace(table, place=None) for name, table in tables.items()}


Lifespan = Callable[[Starlette], AbstractAsyncContextManager[None]]


def lifespan(project: Project, *, demo: bool = False, stripe_base: str | None = None) -> Lifespan:
    """The app's lifespan: a Service at `app.state.service` while it runs."""

    @asynccontextmanager
    async def run(app: Starlette) -> AsyncIterator[None]:
        front = getattr(app.state, "front", None)
        service = Service.start(project, demo=demo, stripe_base=stripe_base, front=front)
        service.desk = Desk(service)
        app.state.service = service
        try:
            await service.hub.start()
            yield
        finally:
            await service.hub.stop()
            service.stop()

    return run
