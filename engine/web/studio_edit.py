"""The playground's side of /studio/api: a flow's text checked, tried, compared and saved."""

from __future__ import annotations

import logging
import threading

from starlette.responses import Response

from engine.errors import BadInput
from engine.model import Value
from engine.studio import playground, workshop
from engine.studio.workshop import Draft
from engine.web.studio_asked import Asked, told

log = logging.getLogger("actionflow.studio")

AT_ONCE = threading.BoundedSemaphore(2)
"""Dry runs at a time: each holds a copy of the database."""


def words(asked: Asked) -> Response:
    """What the editor offers. A browser keeps it, and asks each time whether it is still the same."""
    text, digest = playground.words_text(asked.service.project)
    headers = {"ETag": f'"{digest}"', "Cache-Control": "private, no-cache", "Vary": "Cookie"}
    # A proxy may have made the tag a weak one, W/"…".
    if f'"{digest}"' in asked.request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(text, headers=headers, media_type="application/json")


@told
def flow_text(asked: Asked) -> Value:
    """A flow's file as it is on disk, its check, and the events to try it on."""
    project, name = asked.service.project, asked.path("name")
    if name not in project.flows:
        return None
    text = workshop.read_text(workshop.flow_file(project, name))
    with asked.service.store.reader() as tx:
        found = playground.events_for(project, name, tx, wanted=asked.query("event"))
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
        event = playground.find_event(
            project, asked.path("name"), tx, asked.text("source"), asked.text("event")
        )
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
