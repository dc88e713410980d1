"""actionflow serve: the webhook server."""

from __future__ import annotations

import argparse
import logging
import runpy

from engine.cli.main import DONE, project_argument, project_folder

GRACE = 10
"""Seconds a stopping server gives requests under way."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    parser.add_argument("--port", type=int, default=8000, help="port to listen on (8000)")
    parser.add_argument(
        "--demo",
        action="store_true",
        help="make what a newcomer lacks: the database with the example rows, a webhook secret",
    )
    project_argument(parser)


def run(options: argparse.Namespace) -> int:
    import uvicorn

    from engine.cli.demo import prepare, what_next
    from engine.paths import share
    from engine.project import Project

    logging.getLogger("actionflow").setLevel(logging.INFO)
    project = Project.open(project_folder(options.project))
    if options.demo:
        prepare(project)
    project.store().close()  # An outdated database is said before the server starts, not in its log.
    server = runpy.run_path(str(share("server.py")))
    app = server["create_app"](project, demo=options.demo)
    if options.demo:
        print(what_next(project, options.host, options.port), flush=True)
    uvicorn.run(
        app,
        host=options.host,
        port=options.port,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=GRACE,
    )
    return DONE
