"""What the studio's pages ask for: JSON over engine/studio, for a signed-in admin."""

from __future__ import annotations

import functools
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import orjson
from starlette.requests import Request
from starlette.responses import Response

from engine.errors import BadInput, ProblemsFound
from engine.model import Value
from engine.store.base import StoreBusy, StoreError
from engine.store.search import unfinished
from engine.store.sessions import Session
from engine.studio import events, playground, runs, tables, workshop
from engine.studio.workshop import ChangedMeanwhile, Draft
from engine.web.body import read_body
from engine.web.problems import problem
from engine.web.service import Service

log = logging.getLogger("actionflow.studio")

MOST_BYTES = 1024 * 1024
AT_ONCE = threading.BoundedSemaphore(2)
"""Dry runs at a time: each holds a copy of the database."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request of a signed-in admin; `given` is the JSON body of a write."""

    service: Service
    session: Session
    request: Request
    given: Mapping[str, Value]
    may_edit: bool

    def query(self, name: str) -> str | None:
        return self.request.query_params.get(name) or None

    def number(self, name: str) -> int | None:
        """A number of the query string. Raises BadInput."""
        text = self.query(name)
        if text is None:
            return None
        if not text.isdecimal() or len(text) > 18:
            raise BadInput(f"{name}: expected a whole number.")
        return int(text)

    def path(self, name: str) -> str:
        return str(self.request.path_params[name])

    def text(self, name: str) -> str:
        """A text of the body. Raises BadInput."""
        found = self.given.get(name)
        if not isinstance(found, str):
            raise BadInput(f"'{name}' is missing; expected text.")
        return found


async def read_json(request: Request) -> Mapping[str, Value]:
    """The body, which must be a JSON object sent as such. Raises TooLarge, ValueError."""
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        # A form of another site cannot send this type.
        raise ValueError("The content type is not application/json.")
    found = orjson.loads(await read_body(request, MOST_BYTES))
    if not isinstance(found, dict):
        raise ValueError("The body is no object.")
    return found


Work = Callable[[Asked], Response]


def told(work: Callable[[Asked], Value]) -> Work:
    """The work's data as an answer, or what went wrong as a problem; None is a 404."""

    @functools.wraps(work)
    def answer(asked: Asked) -> Response:
        try:
            found = work(asked)
        except ChangedMeanwhile as error:
            return problem(409, "changed_meanwhile", str(error))
        except ProblemsFound as error:
            return problem(422, "has_mistakes", str(error))
        except BadInput as error:
            return problem(400, "bad_input", str(error))
        except StoreBusy as error:
            return problem(503, "busy", str(error), headers={"Retry-After": "5"})
        except StoreError as error:
            return problem(422, "store_refused", str(error))
        if found is None:
            return problem(404, "not_found", "There is nothing under this name.")
        return Response(orjson.dumps(found, default=str), media_type="application/json")

    return answer


@told
def run_list(asked: Asked) -> Value:
    service = asked.service
    return runs.run_list(
        service.store,
        lambda work: service.writer.submit(work).result(),
        service.project,
        flow=asked.query("flow"),
        outcome=asked.query("outcome"),
        event_type=asked.query("type"),
        order=asked.query("order"),
        before=asked.number("before"),
    )


@told
def run_page(asked: Asked) -> Value:
    with asked.service.store.reader() as tx:
        return runs.run_page(tx, asked.service.project, int(asked.path("id")))


@told
def event_list(asked: Asked) -> Value:
    at, id = asked.query("before_at"), asked.query("before_id")
    with asked.service.store.reader() as tx:
        return events.event_list(
            tx,
            state=asked.query("state"),
            type=asked.query("type"),
            before=(at, id) if at and id else None,
        )


@told
def event_page(asked: Asked) -> Value:
    with asked.service.store.reader() as tx:
        return events.event_page(tx, asked.path("id"))


@told
def replay(asked: Asked) -> Value:
    return _replay(asked, asked.path("id"))


@told
def replay_dead(asked: Asked) -> Value:
    """All dead letters, the oldest first, some at a time; each by itself, so that one cannot stop another."""
    with asked.service.store.reader() as tx:
        names = events.dead_letters(tx)
    verdicts = []
    for name in names:
        try:
            verdicts.append(_replay(asked, name))
        except BadInput as error:  # taken up by somebody else meanwhile
            verdicts.append({"event": name, "outcome": "left", "reason": str(error), "run": None})
    with asked.service.store.reader() as tx:
        left = unfinished(tx)["dead"]
    return {"verdicts": verdicts, "left": left}


def _replay(asked: Asked, id: str) -> Value:
    service = asked.service
    verdict = service.writer.submit(lambda tx: events.replay(tx, service.receiver, id)).result()
    who = asked.session.caller
    log.info("event %s replayed by %s in the studio: %s", id, who, verdict["outcome"])
    return verdict


@told
def flow_list(asked: Asked) -> Value:
    return workshop.flow_list(asked.service.project)


@told
def flow_page(asked: Asked) -> Value:
    return workshop.flow_page(asked.service.project, asked.path("name"))


@told
def table_list(asked: Asked) -> Value:
    return tables.table_list(asked.service.project.file)


@told
def table_page(asked: Asked) -> Value:
    with asked.service.store.reader() as tx:
        return tables.table_page(
            tx,
            asked.service.project.file,
            asked.path("name"),
            before=asked.query("before"),
            key=asked.query("key"),
        )


@told
def words(asked: Asked) -> Value:
    return playground.words(asked.service.project)


@told
def flow_text(asked: Asked) -> Value:
    """A flow's file as it is on disk, its check, and the events to try it on."""
    project, name = asked.service.project, asked.path("name")
    if name not in project.flows:
        return None
    text = workshop.read_text(workshop.flow_file(project, name))
    with asked.service.store.reader() as tx:
        found = playground.events_for(project, name, tx)
    return {
        "name": name,
        "text": text,
        "digest": workshop.digest(text),
        "edit": asked.may_edit,
        "events": found,
        "check": workshop.draft(project, name, text).as_json(),
    }


def _draft(asked: Asked) -> Draft:
    return workshop.draft(asked.service.project, asked.path("name"), asked.text("text"))


@told
def check_text(asked: Asked) -> Value:
    return _draft(asked).as_json()


@told
def dry_run(asked: Asked) -> Value:
    """The text on one event and a copy of the rows; nothing is written."""
    project = _draft(asked).project()
    service = asked.service
    with service.store.reader() as tx:
        event = playground.find_event(project, tx, asked.text("source"), asked.text("event"))
    with AT_ONCE:
        store, database = playground.database_for(project, service.store, asked.text("rows"))
        try:
            return playground.try_flow(project, asked.path("name"), event, store, database)
        finally:
            store.close()


@told
def diff(asked: Asked) -> Value:
    """What saving would change in the file as it is now, and whether it would be taken."""
    drafted = _draft(asked)
    before = workshop.read_text(drafted.file)
    return {
        "lines": workshop.diff_lines(before, drafted.text),
        "digest": workshop.digest(before),
        "same": before == drafted.text,
        "changed_meanwhile": workshop.digest(before) != asked.text("digest"),
        "check": drafted.as_json(),
    }


@told
def save(asked: Asked) -> Value:
    """Write the file, then have the running server use it."""
    if not asked.may_edit:
        raise BadInput(
            "Saving is off on this server. Write `studio: {edit: true}` in project.yaml, or run it "
            "with --demo; or change the file where your project is kept."
        )
    drafted = _draft(asked)
    digest = workshop.save(drafted, asked.text("digest"))
    name, who = asked.path("name"), asked.session.caller
    log.info("flow %s saved by %s in the studio: %s", name, who, digest[:12])
    return {"digest": digest, "running": asked.service.take_flows(drafted.loaded)}


API: tuple[tuple[str, str, Work], ...] = (
    ("GET", "runs", run_list),
    ("GET", "runs/{id:int}", run_page),
    ("GET", "inbox", event_list),
    ("POST", "inbox/replay-dead", replay_dead),
    ("GET", "inbox/{id}", event_page),
    ("POST", "inbox/{id}/replay", replay),
    ("GET", "flows", flow_list),
    ("GET", "flows/{name}", flow_page),
    ("GET", "tables", table_list),
    ("GET", "tables/{name}", table_page),
    ("GET", "words", words),
    ("GET", "playground/{name}", flow_text),
    ("POST", "playground/{name}/check", check_text),
    ("POST", "playground/{name}/dry-run", dry_run),
    ("POST", "playground/{name}/diff", diff),
    ("POST", "playground/{name}/save", save),
)
