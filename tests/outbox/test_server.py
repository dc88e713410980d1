"""The whole way: the server's own worker delivers, the command line shows and retries."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from engine.cli.main import main
from engine.outbox import AT_ONCE, Deliverer
from engine.project import Project
from engine.stripe.event import of
from engine.web.service import Service
from tests.conftest import PROJECT
from tests.outbox.support import Server, Shop

NODES = """
flow: created
trigger: {stripe: [customer.created]}
nodes:
  - id: tell
    type: http
    url: "URL/orders"
    json: "{{ event.id }}"
    give_up: [{id: note, type: table.insert, table: tag, values: {name: "{{ error.message }}"}}]
"""
Make = Callable[..., Any]


@pytest.fixture
def folder(make_project: Make, server: Server) -> Any:
    project = PROJECT + "http: {allow: [127.0.0.1]}\n"
    found = make_project(project, created=NODES.replace("URL", server.url))
    assert main(["migrate", "--yes", "--project", str(found)]) == 0
    return found


def test_the_server_makes_calls_and_the_command_line_retries_them(
    folder: Any, server: Server, make_event: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    heard = threading.Semaphore(0)
    server.before = heard.release
    server.says(404, 200)
    service = Service.start(Project.open(folder))
    try:
        event = make_event("customer.created", id="evt_1")
        verdict = service.writer.deliver(event, orjson.dumps(event).decode(), of(event)).result()
        assert verdict.outcome == "done"
        assert heard.acquire(timeout=20)
        wait_for(folder, "dead", capsys)
        assert main(["outbox", "retry", "--dead", "--project", str(folder)]) == 0
        assert heard.acquire(timeout=20)
        wait_for(folder, "done", capsys)
    finally:
        service.stop()
    assert len({one.headers["idempotency-key"] for one in server.heard}) == 1
    capsys.readouterr()
    assert main(["outbox", "show", "1", "--json", "--project", str(folder)]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["origin"], shown["call"]["body"], shown["tries"]) == ("evt_1", '"evt_1"', 1)
    assert main(["outbox", "list", "--event", "evt_1", "--project", str(folder)]) == 0
    assert "created/tell  POST http://127.0.0.1" in capsys.readouterr().out
    assert main(["outbox", "retry", "1", "--project", str(folder)]) == 2
    assert "done already" in capsys.readouterr().err
    assert main(["outbox", "show", "9", "--project", str(folder)]) == 2
    assert main(["outbox", "retry", "--project", str(folder)]) == 2


def wait_for(folder: Any, state: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Until the only call is in this state; the test's own time limit is the limit."""
    pause = threading.Event()
    for _ in range(400):
        capsys.readouterr()
        main(["outbox", "list", "--json", "--project", str(folder)])
        if [call["state"] for call in json.loads(capsys.readouterr().out)] == [state]:
            return
        pause.wait(0.05)
    raise AssertionError(f"the call never was {state}")


def test_a_slow_server_does_not_hold_up_other_calls_and_stop_does_not_wait_for_it(
    make_shop: Make, make_event: Make, server: Server
) -> None:
    go_on, quick = threading.Event(), threading.Event()

    def before() -> None:
        if server.heard[-1].path == "/slow":
            assert go_on.wait(20)
        else:
            quick.set()

    server.before = before
    shop: Shop = make_shop('- {id: tell, type: http, url: "URL/{{ event.data.object.way }}"}\n')
    for way in ["slow"] * (AT_ONCE - 1) + ["quick"]:
        shop.receive(make_event("customer.created", way=way))
    deliverer = Deliverer(shop.outbox)
    deliverer.start()
    try:
        assert quick.wait(20)
        deliverer.stop(patience=0.01)
        assert {call.state for call in shop.calls() if call.call["url"].endswith("slow")} == {
            "waiting"
        }
    finally:
        go_on.set()
        deliverer.stop(patience=20)
    assert {call.state for call in shop.calls()} == {"done"}
