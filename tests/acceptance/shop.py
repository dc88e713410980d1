"""The example shop, whole: a copy of flows/, a real server, and the stand-in that calls its webhook."""

from __future__ import annotations

import contextlib
import pathlib
import re
import shutil
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import uvicorn

import server
from engine.access import keys as api_keys
from engine.cli import serve
from engine.project import Project
from engine.rows import write_rows
from engine.store import migrate
from engine.stripe.client import Client
from engine.web.express import express
from engine.web.service import Service
from standin import webhook_endpoints
from standin.server import Running, running
from standin.state import State

ROOT = pathlib.Path(__file__).resolve().parents[2]
SECRET = "whsec_acceptance"
PLAIN: Any = {"trust_env": False, "verify": False}
"""For httpx, where no TLS is spoken: reading the certificates takes a third of the preparation of a test."""


def project_on(folder: pathlib.Path, database: str | None = None) -> Project:
    """flows/ copied; `database` as project.yaml writes it."""
    shutil.copytree(ROOT / "flows", folder, ignore=shutil.ignore_patterns(".actionflow"))
    if database is not None:
        file = folder / "project.yaml"
        text, found = re.subn(r"(?m)^database: .*$", f"database: {database}", file.read_text())
        assert found == 1
        file.write_text(text)
    return Project.open(folder)


def copy_of_example(folder: pathlib.Path, database: str | None = None) -> Project:
    """The same, its database made and seeded."""
    project = project_on(folder, database)
    migrate.apply(project.file, folder.resolve())
    store = project.store()
    with store.transaction() as tx:
        write_rows(tx, project.seed(), project.file)
    store.close()
    return project


@contextlib.contextmanager
def serving(
    project: Project,
    stripe_base: str | None,
    port: int = 0,
    *,
    plain: bool = False,
    fronted: bool = False,
) -> Iterator[tuple[str, Any]]:
    """A real server in a thread; gives its URL and the Starlette app.

    It speaks HTTP as `actionflow serve` does, `fronted` behind a front; `plain` as any ASGI server.
    """
    listener = socket.create_server(("127.0.0.1", port))
    port = listener.getsockname()[1]
    app = server.create_app(project, stripe_base=stripe_base)
    front = None
    if fronted:
        front = serve.front_of("on", project, listener, demo=False, form="text")
        runner = serve.serving(app, front)
    else:
        config = uvicorn.Config(
            app,
            http="httptools" if plain else express(app.state),
            log_level="warning",
            lifespan="on",
            timeout_graceful_shutdown=5,
        )
        runner = uvicorn.Server(config)
    sockets = [] if fronted else [listener]
    thread = threading.Thread(target=runner.run, args=(sockets,), daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{port}"
    try:
        with httpx.Client(base_url=url, **PLAIN) as client:
            while client.get("/healthz").status_code != 200:
                pass
        yield url, app
    finally:
        runner.should_exit = True
        thread.join(20)
        listener.close()
        if front is not None:
            front.kill()


@dataclass
class Shop:
    """What the tests hold in their hands."""

    project: Project
    standin: Running
    url: str
    service: Service
    client: httpx.Client
    keys: dict[str, str] = field(default_factory=dict)

    def act(
        self, action: str, body: Any, *, role: str = "admin", key: str | None = None
    ) -> httpx.Response:
        """POST /actions/… as somebody of this role; `key` is the Idempotency-Key."""
        headers = {"Authorization": f"Bearer {self.keys[role]}"} if role in self.keys else {}
        if key is not None:
            headers["Idempotency-Key"] = key
        return self.client.post(f"/actions/{action}", json=body, headers=headers)

    def rows(self, table: str, **where: Any) -> list[dict[str, Any]]:
        """The rows of a table as they are now."""
        with self.service.store.reader() as tx:
            return tx.find(table, where)

    def row(self, table: str, **where: Any) -> dict[str, Any]:
        """The only row that matches."""
        [row] = self.rows(table, **where)
        return row

    def control(self, path: str, /, **body: Any) -> Any:
        """A control route of the stand-in."""
        answer = httpx.post(f"{self.standin.url}/_standin/{path}", json=body, **PLAIN)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def deliver(self) -> None:
        """Have the stand-in deliver everything it holds, and wait until it is answered."""
        self.control("deliver")

    def buy(self, url: str, card: str = "4242424242424242") -> None:
        """Fill in the stand-in's hosted checkout page and press the button."""
        form = {"method": "card", "number": card, "email": "ada@example.com"}
        answer = httpx.post(url, data=form, **PLAIN)
        assert answer.status_code == 303, answer.text

    def no_sdk_retries(self) -> None:
        """Have one fault at Stripe be enough to lose an answer."""
        assert self.service.actions is not None
        self.service.actions.stripe = Client("sk_test_shop", self.standin.url, retries=0)

    def stripe(self) -> Any:
        """The official SDK, pointed at the stand-in."""
        import stripe

        base = {"api": self.standin.url}
        return stripe.StripeClient("sk_test_shop", base_addresses=base).v1


@contextlib.contextmanager
def open_shop(folder: pathlib.Path, database: str | None = None) -> Iterator[Shop]:
    """Stand-in and server, each knowing the other; events are held until `deliver`. `database` as
    project.yaml writes it."""
    project = copy_of_example(folder, database)
    with running(State(seed=1)) as standin, serving(project, standin.url) as (url, app):
        standin.state.delivery.hold = True
        webhook_endpoints.create(standin.state, f"{url}/webhooks/stripe", ["*"], None, SECRET)
        service: Service = app.state.service
        keys = {}
        for role, caller in (("admin", "boss"), ("customer", "ada")):
            with service.store.transaction() as tx:
                keys[role] = api_keys.create(tx, project.file, role=role, caller=caller)
        with httpx.Client(base_url=url, timeout=30, **PLAIN) as client:
            yield Shop(project, standin, url, service, client, keys)
