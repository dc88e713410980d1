"""actionflow serve: the webhook server."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import runpy
import signal
import socket
from typing import TYPE_CHECKING

from engine.cli.main import DONE, project_argument, project_folder, whole
from engine.errors import BadInput

if TYPE_CHECKING:
    import uvicorn
    from starlette.applications import Starlette

    from engine.front.parent import Front
    from engine.logs import Form
    from engine.project import Project

GRACE = 10
"""Seconds a stopping server gives requests under way."""
BACKLOG = 2048
"""Connections the system holds for us in a rush."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    parser.add_argument(
        "--port", type=whole(0, 65535), default=8000, help="port to listen on (8000)"
    )
    parser.add_argument(
        "--demo",
        action="store_true",
        help="make what a newcomer lacks: the database with the example rows, a webhook secret, a "
        "stand-in for Stripe where no key is set, and a shop to try it in",
    )
    parser.add_argument(
        "--log", choices=("text", "json"), default="text", help="form of the log on standard error"
    )
    parser.add_argument(
        "--front",
        choices=("auto", "on", "off"),
        default="auto",
        help="speak HTTP with whoever delivers events in a process of its own, so that events have two "
        "cores (auto: on SQLite, where there are two)",
    )
    project_argument(parser)


def run(options: argparse.Namespace) -> int:
    from engine.store.sqlite_library import uncounted

    uncounted()  # before anything below loads SQLite
    from engine import logs, spans
    from engine.cli.demo import at_home, prepare, serves, standing_in, what_next
    from engine.paths import share
    from engine.project import Project

    logs.set_up(options.log)
    spans.set_up()
    project = Project.open(project_folder(options.project))
    if options.demo:
        prepare(project)
    project.store().close()  # An outdated database is said before the server starts, not in its log.
    server = runpy.run_path(str(share("server.py")))
    many_files()
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(listening(options.host, options.port))
        port = listener.getsockname()[1]
        standin = None
        if options.demo:
            project = at_home(project, options.host, port)
            standin = stack.enter_context(standing_in(project, options.host, port))
        front = front_of(options.front, project, listener, demo=options.demo, form=options.log)
        if front is not None:
            stack.callback(front.kill)
        app = server["create_app"](project, demo=options.demo, stripe_base=standin)
        told = serves(project, options.host, port)
        if options.demo:
            told = what_next(project, options.host, port, standin)
        # uvicorn raises the signal once more when it has stopped: that is the asked-for end, no fault.
        # SIGTERM as Ctrl-C: by its default it would end the process there, without its exit handlers.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        with contextlib.suppress(KeyboardInterrupt):
            serving(app, front, told).run(sockets=[] if front else [listener])
    return DONE


def listening(host: str, port: int) -> socket.socket:
    """The socket to serve on; port 0 takes a free one. Raises BadInput when it cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio turns Nagle's delay off; without it every answer takes 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise BadInput(
            f"nothing can listen on {host}:{port} ({error.strerror or error}). Stop what listens there, "
            "or take another port: --port 8001"
        ) from error
    return listener


def many_files() -> None:
    """As many open connections as the system lets us have; its usual limit of 1024 is for shells."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def front_of(
    choice: str, project: Project, listener: socket.socket, *, demo: bool, form: Form
) -> Front | None:
    """The front, where there is to be one. Raises BadInput where it is asked for and cannot be."""
    from engine.front import parent
    from engine.front.control import Settings
    from engine.web import answers
    from engine.writer import MOST_WAITING

    lacking = parent.lacking()
    if choice == "off" or (choice == "auto" and (lacking or not parent.worth_it(project))):
        return None
    if lacking:
        raise BadInput(f"--front on: {lacking}. Say --front off")
    secrets = project.secrets(demo=demo).webhook_secrets
    settings = Settings(secrets, form, GRACE, BACKLOG, MOST_WAITING, answers.BODY_SECONDS)
    try:
        return parent.Front(listener, settings)
    except (BadInput, OSError) as error:
        if choice == "on":
            raise
        logging.getLogger("actionflow.front").warning("served without a front: %s", error)
        return None


def serving(app: Starlette, front: Front | None = None, told: str = "") -> uvicorn.Server:
    """The HTTP server, behind a front where one is given: then it gets no listening socket.

    `told` is printed once it has started. When it stops, it ends the streams first: they would keep
    it waiting.
    """
    import uvicorn

    from engine.collector import quiet_collector
    from engine.web.express import Express, express

    app.state.front = front
    kind = express(app.state)

    class Server(uvicorn.Server):
        def protocol(self) -> Express:
            """For a connection that the front has handed over."""
            return kind(self.config, self.server_state, self.lifespan.state)

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            quiet_collector()
            if front is not None:
                await front.open(app.state.service, self.protocol)
            if told:
                print(told, flush=True)

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            service = getattr(app.state, "service", None)
            if service is not None:
                service.hub.close()
            if front is not None:
                for connection in list(self.server_state.connections):
                    connection.shutdown()
                stopping = asyncio.create_task(front.stop())
                while not stopping.done() and not self.force_exit:
                    await asyncio.wait([stopping], timeout=0.1)
            await super().shutdown(sockets)

    return Server(
        uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            http=kind,
            server_header=False,
            timeout_graceful_shutdown=GRACE,
            backlog=BACKLOG,
        )
    )
