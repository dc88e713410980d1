"""/healthz: the process answers. /readyz: it can take events."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from engine.web.service import Service


async def healthz(_request: Request) -> Response:
    """The process is up."""
    return JSONResponse({"status": "ok"})


async def readyz(request: Request) -> Response:
    """503 while events cannot be taken, with what is missing."""
    service: Service = request.app.state.service
    missing = []
    if not service.writer.alive:
        missing.append("the writer has stopped; restart the server")
    if service.front is not None and not service.front.serving:
        missing.append("the front process is down and is being started again; the log says why")
    if service.store.lost is not None:
        missing.append(service.store.lost)
    if not service.secrets.webhook_secrets:
        names = " or ".join(service.secrets.variables["webhook_secret"])
        missing.append(f"no webhook secret; set {names}")
    body: dict[str, object] = {"status": "not ready" if missing else "ready", "missing": missing}
    if service.reloader.problems:
        # The last good flows still run, so this takes no server out of service.
        body["reload"] = [problem.as_json() for problem in service.reloader.problems]
    return JSONResponse(body, 503 if missing else 200)
