"""What the studio's pages look at, and replay: JSON over engine/studio, for a signed-in admin."""

from __future__ import annotations

import logging

from engine.errors import BadInput
from engine.model import Value
from engine.store import changes
from engine.store.search import latest, unfinished
from engine.studio import events, runs, tables, workshop
from engine.web import studio_edit
from engine.web.studio_asked import Asked, Work, told

log = logging.getLogger("actionflow.studio")


@told
def pulse(asked: Asked) -> Value:
    """What tells an open page that there is something new; it is asked every other second."""
    with asked.service.store.reader() as tx:
        return latest(tx) | {"change": changes.position(tx)}


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


API: tuple[tuple[str, str, Work], ...] = (
    ("GET", "pulse", pulse),
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
    ("GET", "words", studio_edit.words),
    ("GET", "playground/{name}", studio_edit.flow_text),
    ("POST", "playground/{name}/check", studio_edit.check_text),
    ("POST", "playground/{name}/dry-run", studio_edit.dry_run),
    ("POST", "playground/{name}/diff", studio_edit.diff),
    ("POST", "playground/{name}/save", studio_edit.save),
)
