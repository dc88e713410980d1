"""Inline calls of action flows: between two stretches, once, under one key, never inside a transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from engine.actions import Actions, Asked
from engine.model import HttpRules
from engine.net import Request
from engine.net.inline import ask
from engine.project import Project
from engine.store import actions, outbox, runs
from engine.stretch import LEASE
from tests.conftest import PROJECT
from tests.outbox.support import START, Server, Shop, sent

FLOW = """
flow: pay
trigger: {action: pay}
input: {word: text}
nodes:
  - {id: first, type: table.insert, table: tag, values: {name: "{{ input.word }}"}}
  - id: stock
    type: http
    when: inline
    url: "URL/stock"
    secret_headers: {X-Key: STOCK_KEY}
    json: {word: "{{ first.name }}"}
  - id: outcome
    type: branch
    cases:
      - name: there
        when: "{{ stock.ok }}"
        do:
          - id: left
            type: table.update
            table: tag
            where: {name: "{{ input.word }}"}
            values: {uses: "{{ stock.json.left }}"}
          - id: tell
            type: http
            url: "URL/told"
            give_up:
              - {id: sorry, type: table.insert, table: tag, values: {name: "{{ input.word ~ caller.id }}"}}
      - name: not known
        when: "{{ stock.status is none }}"
        do: [{id: unknown, type: log, message: "{{ stock.error }}"}]
      - {name: refused, else: true, do: [{id: no, type: fail, reason: "{{ stock.status }}"}]}
returns: {left: "{{ stock.json }}"}
"""


class NoStripe:
    def perform(self, operation: str, params: Any, **more: Any) -> dict[str, Any]:
        raise AssertionError("Stripe is not asked here")


@pytest.fixture
def shop(
    make_project: Callable[..., Any], server: Server, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Shop]:
    monkeypatch.setenv("STOCK_KEY", "hush-hush-2")
    project = PROJECT + "http: {allow: [127.0.0.1]}\n"
    opened = Project.open(make_project(project, pay=FLOW.replace("URL", server.url)))
    found = Shop(opened, opened.scratch({}))
    yield found
    found.store.close()


def acting(shop: Shop, asks: Callable[[Request, HttpRules], dict[str, Any]] = ask) -> Actions:
    def outside(request: Request, rules: HttpRules) -> dict[str, Any]:
        assert shop.open == 0, "a transaction is held open during a call"
        return asks(request, rules)

    return Actions(
        lambda: shop.project, shop.transact, NoStripe(), now=lambda: shop.clock, ask=outside
    )


ASKED = Asked("pay", "ada", "customer", {"word": "tea"}, "key-1")


def test_the_flow_goes_on_with_the_answer(shop: Shop, server: Server) -> None:
    server.says((200, {}, b'{"left": 7}'))
    answer = acting(shop).act(ASKED)
    assert (answer.status, answer.body) == (200, {"left": {"left": 7}})
    [heard] = server.heard
    assert (heard.path, sent(heard), heard.headers["x-key"]) == (
        "/stock",
        {"word": "tea"},
        "hush-hush-2",
    )
    assert heard.headers["idempotency-key"].startswith("af_")
    assert [(row["name"], row["uses"]) for row in shop.rows("tag")] == [("tea", 7)]
    [call] = shop.calls()
    assert (call.node, call.origin, call.event_id, call.kept) == (
        "tell", "action 1", None, {"input": {"word": "tea"}, "caller": {"id": "ada"}},
    )  # fmt: skip
    with shop.store.reader() as tx:
        kept = str(
            [tx.execute(f"SELECT * FROM actionflow_{name}") for name in ("action", "run", "outbox")]
        )
    assert "hush-hush" not in kept
    assert acting(shop).act(ASKED).replayed
    assert len(server.heard) == 1


def test_a_refusal_is_an_output_the_flow_decides_on(shop: Shop, server: Server) -> None:
    server.says(409)
    answer = acting(shop).act(ASKED)
    assert (answer.status, answer.body["detail"]) == (422, "409")
    assert len(server.heard) == 1


def test_no_answer_is_an_output_too(shop: Shop) -> None:
    def lost(request: Request, rules: HttpRules) -> dict[str, Any]:
        return ask(Request.of({**request.as_json(), "url": "https://10.0.0.1/"}), rules)

    assert acting(shop, lost).act(ASKED).status == 200
    with shop.store.reader() as tx:
        run = runs.show(tx, runs.listing(tx, limit=1)[0].id)
    assert run is not None
    assert "private address" in str(run.trace)


def test_killed_after_the_call_it_is_repeated_under_the_same_key(
    shop: Shop, server: Server
) -> None:
    server.says((200, {}, b'{"left": 7}'))

    def killed(request: Request, rules: HttpRules) -> dict[str, Any]:
        ask(request, rules)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        acting(shop, killed).act(ASKED)
    assert acting(shop).act(ASKED).body["code"] == "action_in_progress"
    shop.clock += LEASE
    assert acting(shop).recover() == 1
    first, second = (heard for heard in server.heard if heard.path == "/stock")
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]
    assert [(row["name"], row["uses"]) for row in shop.rows("tag")] == [("tea", 7)]
    record = shop.transact(partial(actions.show, id=1))
    assert record.state == "done"


def test_the_same_number_in_a_database_that_was_put_back_is_another_key(
    shop: Shop, server: Server
) -> None:
    """Or the other side would take the new call for the old one, and not do it."""
    server.says((200, {}, b'{"left": 7}'), (200, {}, b'{"left": 7}'))
    acting(shop).act(ASKED)
    put_back = Shop(shop.project, shop.project.scratch({}))
    put_back.clock = shop.clock + 60
    acting(put_back).act(ASKED)
    put_back.store.close()
    first, second = server.heard
    assert first.headers["idempotency-key"] != second.headers["idempotency-key"]


def test_give_up_nodes_of_an_action_see_its_input_and_caller(shop: Shop, server: Server) -> None:
    server.says((200, {}, b'{"left": 7}'), (404, {}, b""))
    acting(shop).act(ASKED)
    shop.clock = START * 2
    shop.deliver_all()
    assert [row["name"] for row in shop.rows("tag")] == ["tea", "teaada"]
    with shop.store.reader() as tx:
        assert outbox.counts(tx)["dead"] == 1
