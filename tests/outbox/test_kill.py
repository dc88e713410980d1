"""kill -9 while a call is on its way: the next server process makes it again, under the same key."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import httpx
import orjson

from bench.ports import free_port
from engine.cli.main import main
from engine.stripe.signature import sign
from tests.acceptance.process import ServerProcess
from tests.acceptance.shop import SECRET
from tests.conftest import PROJECT
from tests.outbox.support import Server

NODES = """
flow: created
trigger: {stripe: [customer.created]}
nodes:
  - {id: row, type: table.insert, table: tag, values: {name: "{{ event.id }}"}}
  - {id: tell, type: http, url: "URL/orders", json: "{{ row.name }}"}
"""


def test_a_call_cut_off_by_kill_is_made_again_by_the_next_process(
    make_project: Callable[..., Any], make_event: Callable[..., Any], server: Server
) -> None:
    project = PROJECT + "http: {allow: [127.0.0.1]}\n"
    folder = make_project(project, created=NODES.replace("URL", server.url))
    assert main(["migrate", "--yes", "--project", str(folder)]) == 0
    process = ServerProcess(folder, free_port())
    heard = threading.Semaphore(0)
    killed = threading.Event()

    def before() -> None:
        heard.release()
        if not killed.is_set():
            assert killed.wait(20)  # no answer before the caller is dead

    server.before = before
    process.start()
    body = orjson.dumps(make_event("customer.created", id="evt_1"))
    signature = sign(body, SECRET, int(time.time()))
    with httpx.Client(base_url=process.url, trust_env=False) as client:
        answer = client.post(
            "/webhooks/stripe", content=body, headers={"Stripe-Signature": signature}
        )
    assert answer.status_code == 200
    assert heard.acquire(timeout=20)
    process.kill()
    killed.set()
    process.start()
    try:
        assert heard.acquire(timeout=20)
    finally:
        process.stop()
    first, second = server.heard
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]
    assert first.body == second.body == b'"evt_1"'
