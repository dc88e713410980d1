"""GET /tables/{table}: rows that the caller may read."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from engine.store import changes
from engine.web.pages import page
from engine.web.query import OF_PAGES, BadQuery, read_query
from engine.web.reading import caller_of, refusing
from engine.web.service import Service


async def read_table(request: Request) -> Response:
    """One page: `rows`, what to ask the `next` page with, and the `seq` to subscribe from."""
    return await run_in_threadpool(refusing, lambda: _read(request))


def _read(request: Request) -> Response:
    service: Service = request.app.state.service
    file = service.project.file
    given = request.query_params.multi_items()
    wanted = read_query(file, caller_of(request), request.path_params["table"], given, OF_PAGES)
    if len(wanted.interests) > 1:
        raise BadQuery("bad_tables", "Read one table at a time; only a stream takes several.")
    table = file.tables[wanted.interests[0].table]
    with service.store.reader() as tx:
        rows, after = page(tx, table, wanted)
        seq = changes.position(tx)
    # As text: PostgreSQL's outgrow what a JavaScript number holds exactly.
    body = {"table": table.name, "rows": rows, "next": after, "seq": str(seq)}
    return JSONResponse(body, headers={"Cache-Control": "no-store"})
