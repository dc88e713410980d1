"""The road of a call: written with the run, made after its commit, at least once, under one key."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.net import Refused
from engine.net.client import Reply, Unanswered
from engine.net.schedule import delay, retry_after
from engine.outbox import LEASE
from engine.store import outbox, runs
from engine.store.base import StoreBusy
from tests.outbox.support import START, Server, Shop, sent

Make = Callable[..., Shop]
MakeEvent = Callable[..., dict[str, Any]]
TELL = """
- id: tell
  type: http
  url: "URL/orders?x=1"
  headers: {X-Shop: "{{ config.greeting }}"}
  json: {about: "{{ event.data.object.id }}", n: 1}
"""
GIVE_UP = """
- {id: before, type: set, values: {a: {b: 5, c: [1, 2]}, unused: nobody reads this}}
- id: tell
  type: http
  url: "URL/orders"
  retry: {tries: 3, first_delay: 10, longest_delay: 15}
  give_up:
    - id: note
      type: table.insert
      table: tag
      values:
        name: "{{ event.id }} {{ error.status | default(0) }} {{ error.tries }} {{ before.a.c | last }}"
        uses: "{{ before.a.b }}"
    - {id: why, type: log, message: "{{ error.message }} {{ error.url }}"}
"""


def refusing(*outcomes: Any) -> Callable[..., Reply]:
    """A `send` with these outcomes: a status, a Reply, or an exception; the last is repeated."""
    left = list(outcomes)

    def send(request: Any, rules: Any) -> Reply:
        found = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(found, BaseException):
            raise found
        return found if isinstance(found, Reply) else Reply(found, {}, None)

    return send


def test_a_call_is_made_after_commit_with_what_the_run_evaluated(
    make_shop: Make, make_event: MakeEvent, server: Server
) -> None:
    shop = make_shop(TELL)
    verdict = shop.receive(make_event("customer.created", id="evt_1"))
    assert server.heard == []
    key = verdict.trace[0]["out"]["key"]
    assert verdict.trace[0]["out"] == {"queued": True, "key": key}
    shop.make_calls()
    [heard] = server.heard
    assert (heard.method, heard.path, sent(heard)) == (
        "POST",
        "/orders?x=1",
        {"about": "prod_1", "n": 1},
    )
    assert heard.headers["idempotency-key"] == key
    assert heard.headers["x-shop"] == "hello"
    assert heard.headers["content-type"] == "application/json"
    assert heard.headers["host"] == f"127.0.0.1:{server.port}"
    [call] = shop.calls()
    assert (call.state, call.status, call.tries, call.next_try_at) == ("done", 200, 1, None)
    assert shop.make_calls() == 0


def test_a_run_that_fails_leaves_no_call_and_its_retry_has_the_same_key(
    make_shop: Make, make_event: MakeEvent
) -> None:
    nodes = TELL + "- {id: need, type: table.find, table: tag, where: {name: there}, expect: one}\n"
    shop = make_shop(nodes)
    event = make_event("customer.created", id="evt_1")
    failed = shop.receive(event)
    assert failed.outcome == "waiting"
    assert shop.calls() == []
    shop.transact(lambda tx: tx.insert("tag", {"name": "there"}))
    assert shop.receive(event).outcome == "done"
    [call] = shop.calls()
    assert call.key == failed.trace[0]["out"]["key"]


def test_a_rolled_back_batch_leaves_no_call(make_shop: Make, make_event: MakeEvent) -> None:
    shop = make_shop(TELL)

    def lost(work: Any) -> Any:
        with shop.store.transaction() as tx:
            work(tx)
            raise StoreBusy

    shop.transact = lost  # type: ignore[method-assign]
    with pytest.raises(StoreBusy):
        shop.receive(make_event("customer.created"))
    assert shop.calls() == []


def test_every_pass_of_a_loop_and_every_event_has_a_key_of_its_own(
    make_shop: Make, make_event: MakeEvent
) -> None:
    loop = """
    - id: each
      type: for_each
      in: "{{ ['a', 'b', 'c'] }}"
      as: one
      do:
        - {id: tell, type: http, url: "URL/{{ one }}"}
    - {id: first, type: flow, flow: helper}
    - {id: second, type: flow, flow: helper}
    """
    helper = """
    flow: helper
    trigger: {manual: {}}
    nodes:
      - {id: tell, type: http, url: "https://shop.example/"}
    """
    shop = make_shop(loop, helper=helper)
    shop.receive(make_event("customer.created", id="evt_1"))
    shop.receive(make_event("customer.created", id="evt_2"))
    calls = shop.calls()
    assert [(call.origin, call.flow) for call in calls[:5]] == [
        ("evt_1", "created"), ("evt_1", "created"), ("evt_1", "created"), ("evt_1", "helper"),
        ("evt_1", "helper"),
    ]  # fmt: skip
    assert len({call.key for call in calls}) == len(calls) == 10


def test_killed_between_call_and_record_the_call_is_taken_over_under_the_same_key(
    make_shop: Make, make_event: MakeEvent, server: Server
) -> None:
    shop = make_shop(TELL)
    shop.receive(make_event("customer.created"))
    whole = shop.outbox.transact
    [call] = shop.outbox.lease(8)

    def killed(work: Any) -> Any:
        raise KeyboardInterrupt

    shop.outbox.transact = killed
    with pytest.raises(KeyboardInterrupt):
        shop.outbox.deliver(call)
    shop.outbox.transact = whole
    assert shop.make_calls() == 0  # still leased
    shop.clock += LEASE
    assert shop.make_calls() == 1
    first, second = server.heard
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"] == call.key
    assert first.body == second.body
    assert [one.state for one in shop.calls()] == ["done"]


def test_a_worker_whose_lease_ended_cannot_undo_what_another_recorded(
    make_shop: Make, make_event: MakeEvent
) -> None:
    shop = make_shop(TELL)
    shop.receive(make_event("customer.created"))
    [slow] = shop.outbox.lease(8)
    shop.clock += LEASE
    [taken] = shop.outbox.lease(8)
    shop.sends = refusing(404)
    shop.outbox.deliver(slow)
    assert shop.calls()[0].state == "waiting"
    shop.sends = refusing(200)
    shop.outbox.deliver(taken)
    assert [(one.state, one.tries) for one in shop.calls()] == [("done", 1)]


def test_good_news_from_a_worker_whose_lease_ended_counts(
    make_shop: Make, make_event: MakeEvent
) -> None:
    shop = make_shop(TELL)
    shop.receive(make_event("customer.created"))
    [slow] = shop.outbox.lease(8)
    shop.clock += LEASE
    [taken] = shop.outbox.lease(8)
    shop.sends = refusing(200)
    shop.outbox.deliver(slow)
    shop.sends = refusing(Unanswered("no answer"))
    shop.outbox.deliver(taken)
    assert [one.state for one in shop.calls()] == ["done"]


def test_leases_hand_each_call_to_one_worker_only(make_shop: Make, make_event: MakeEvent) -> None:
    shop = make_shop(TELL)
    for _ in range(5):
        shop.receive(make_event("customer.created"))
    first, second, third = (shop.outbox.lease(2) for _ in range(3))
    assert [len(first), len(second), len(third)] == [2, 2, 1]
    assert len({call.id for call in (*first, *second, *third)}) == 5


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_2xx_is_done(make_shop: Make, make_event: MakeEvent, status: int) -> None:
    shop = make_shop(TELL)
    shop.receive(make_event("customer.created"))
    shop.sends = refusing(status)
    assert shop.deliver_all() == []
    assert [(one.state, one.status, one.tries) for one in shop.calls()] == [("done", status, 1)]


@pytest.mark.parametrize(
    "outcome", [300, 301, 302, 303, 304, 307, 308, 400, 401, 403, 404, 410, 422, Refused("no")]
)
def test_what_another_try_cannot_change_is_given_up_at_once(
    make_shop: Make, make_event: MakeEvent, outcome: Any
) -> None:
    shop = make_shop(TELL)
    shop.receive(make_event("customer.created"))
    shop.sends = refusing(outcome)
    assert shop.deliver_all() == []
    [call] = shop.calls()
    assert (call.state, call.tries) == ("dead", 1)
    assert call.reason


@pytest.mark.parametrize(
    "outcome",
    [408, 409, 425, 429, 500, 502, 503, 504, 599, Unanswered("no answer"), OSError("odd")],
)
def test_what_another_try_can_change_is_tried_again(
    make_shop: Make, make_event: MakeEvent, outcome: Any
) -> None:
    shop = make_shop(TELL)
    shop.receive(make_event("customer.created"))
    shop.sends = refusing(outcome, outcome, 200)
    assert shop.deliver_all() == [5, 10]
    assert [(one.state, one.tries, one.reason) for one in shop.calls()] == [("done", 3, None)]


def test_waits_double_up_to_the_longest_and_then_it_is_dead(
    make_shop: Make, make_event: MakeEvent
) -> None:
    shop = make_shop(TELL)
    shop.receive(make_event("customer.created"))
    shop.sends = refusing(503)
    assert shop.deliver_all() == [5, 10, 20, 40, 80, 160, 320]
    [call] = shop.calls()
    assert (call.state, call.tries, call.status, call.next_try_at) == ("dead", 8, 503, None)


@given(
    st.integers(1, 50), st.integers(1, 3600), st.integers(1, 86_400), st.floats(0, 1),
    st.none() | st.integers(0, 10**9),
)  # fmt: skip
def test_no_wait_is_beyond_the_longest_or_short_of_half(
    tries: int, first: int, longest: int, chance: float, asked: int | None
) -> None:
    wait = delay(tries, first, longest, chance, asked)
    whole = min(first * 2 ** (tries - 1), longest)
    assert max(whole / 2, min(asked or 0, longest)) <= wait <= longest


def test_jitter_spreads_a_crowd() -> None:
    assert {delay(5, 5, 3600, chance / 10) for chance in range(11)} == {
        40,
        44,
        48,
        52,
        56,
        60,
        64,
        68,
        72,
        76,
        80,
    }


@pytest.mark.parametrize(
    ("written", "wait"),
    [
        ("120", 120), (" 7 ", 7), ("0", 0), ("99999999999999", 999999999),
        (datetime.fromtimestamp(START + 90, UTC).strftime("%a, %d %b %Y %H:%M:%S GMT"), 90),
        (datetime.fromtimestamp(START - 90, UTC).strftime("%a, %d %b %Y %H:%M:%S GMT"), 0),
        ("soon", None), ("-5", None), ("1.5", None), ("", None), ("Mon, 99 Foo", None), ("٣", None),
        (None, None),
    ],
)  # fmt: skip
def test_retry_after_is_a_number_or_a_date(written: str | None, wait: int | None) -> None:
    assert retry_after(written, START) == wait


@pytest.mark.parametrize(("asked", "wait"), [("60", 60), ("2", 5), ("90000", 3600)])
def test_retry_after_is_kept_to_but_not_beyond_the_longest_delay(
    make_shop: Make, make_event: MakeEvent, server: Server, asked: str, wait: int
) -> None:
    shop = make_shop(TELL)
    shop.receive(make_event("customer.created"))
    server.says((429, {"Retry-After": asked}, b"slow down"), (200, {}, b""))
    assert shop.deliver_all() == [wait]
    assert len(server.heard) == 2


def test_give_up_nodes_run_once_with_the_values_of_the_run(
    make_shop: Make, make_event: MakeEvent
) -> None:
    shop = make_shop(GIVE_UP)
    shop.receive(make_event("customer.created", id="evt_1"))
    shop.sends = refusing(Unanswered("no answer"), Unanswered("no answer"), 500)
    assert shop.deliver_all() == [10, 15]
    assert [(row["name"], row["uses"]) for row in shop.rows("tag")] == [("evt_1 500 3 2", 5)]
    [call] = shop.calls()
    assert (call.state, call.tries, call.reason) == ("dead", 3, "500, without a word.")
    assert call.gave_up_at is not None
    with shop.store.reader() as tx:
        run = runs.show(tx, runs.listing(tx, event_id="evt_1")[0].id)
    assert run is not None
    [entry] = run.trace
    assert [one["id"] for one in entry["nodes"]] == ["note", "why"]
    assert entry["nodes"][1]["in"].startswith("500, without a word. http://127.0.0.1")


def test_only_what_the_give_up_nodes_read_is_kept(make_shop: Make, make_event: MakeEvent) -> None:
    shop = make_shop(GIVE_UP)
    shop.receive(make_event("customer.created"))
    [call] = shop.calls()
    assert call.kept == {"before": {"a": {"b": 5, "c": [1, 2]}}}


def test_give_up_nodes_run_on_the_version_that_queued_the_call(
    make_shop: Make, make_event: MakeEvent
) -> None:
    shop = make_shop(GIVE_UP)
    shop.receive(make_event("customer.created", id="evt_1"))
    shop.project = make_shop("- {id: other, type: log, message: new}\n").project
    shop.sends = refusing(404)
    shop.deliver_all()
    assert [row["name"] for row in shop.rows("tag")] == ["evt_1 404 1 2"]


def test_give_up_nodes_that_fail_have_no_effect_and_are_tried_again(
    make_shop: Make, make_event: MakeEvent
) -> None:
    shop = make_shop(GIVE_UP)
    shop.receive(make_event("customer.created", id="evt_1"))
    shop.transact(lambda tx: tx.insert("tag", {"name": "evt_1 404 1 2", "uses": 0}))  # in the way
    shop.sends = refusing(404)
    while shop.make_calls():
        pass
    [call] = shop.calls()
    assert (call.state, call.block_tries, call.reason) == ("giving_up", 1, "404, without a word.")
    assert "already" in (call.block_reason or "")
    shop.transact(lambda tx: tx.delete("tag", {"name": "evt_1 404 1 2"}))
    assert shop.deliver_all() == [5]
    assert [row["uses"] for row in shop.rows("tag")] == [5]
    assert (shop.calls()[0].state, shop.calls()[0].block_reason) == ("dead", None)


def test_give_up_nodes_that_never_work_end_as_a_dead_call_that_says_so(
    make_shop: Make, make_event: MakeEvent
) -> None:
    never = "- {id: no, type: fail, reason: never}"
    shop = make_shop(re.sub(r"- \{id: why.*", never, GIVE_UP))
    shop.receive(make_event("customer.created"))
    shop.sends = refusing(404)
    assert len(shop.deliver_all()) == 7
    [call] = shop.calls()
    assert (call.state, call.gave_up_at, shop.rows("tag")) == ("dead", None, [])
    assert "never" in (call.block_reason or "")


def test_killed_within_the_give_up_nodes_they_still_have_their_effect_once(
    make_shop: Make, make_event: MakeEvent
) -> None:
    shop = make_shop(GIVE_UP)
    shop.receive(make_event("customer.created"))
    shop.sends = refusing(404)
    shop.make_calls()
    [call] = shop.outbox.lease(8)

    def killed(work: Any) -> Any:
        with shop.store.transaction() as tx:
            work(tx)
            raise KeyboardInterrupt

    whole, shop.outbox.transact = shop.outbox.transact, killed
    with pytest.raises(KeyboardInterrupt):
        shop.outbox.deliver(call)
    shop.outbox.transact = whole
    assert shop.rows("tag") == []
    shop.clock += LEASE
    shop.make_calls()
    shop.outbox.deliver(call)  # a worker that woke up late
    assert len(shop.rows("tag")) == 1


def test_a_call_queued_by_give_up_nodes_is_made_too(
    make_shop: Make, make_event: MakeEvent, server: Server
) -> None:
    shop = make_shop("""
    - id: tell
      type: http
      url: "URL/first"
      give_up: [{id: instead, type: http, url: "URL/second", json: "{{ event.id }}"}]
    """)
    shop.receive(make_event("customer.created", id="evt_1"))
    server.says(404, 200)
    shop.deliver_all()
    assert [heard.path for heard in server.heard] == ["/first", "/second"]
    first, second = shop.calls()
    assert (second.origin, second.event_id, second.state) == (f"call {first.id}", "evt_1", "done")


def test_a_dead_call_can_be_made_again_and_gives_up_only_once(
    make_shop: Make, make_event: MakeEvent, server: Server
) -> None:
    shop = make_shop(GIVE_UP)
    shop.receive(make_event("customer.created"))
    server.says(404)
    shop.deliver_all()
    [call] = shop.calls()
    assert shop.transact(lambda tx: outbox.requeue(tx, call.id, now=tx.now))
    shop.clock = float(2**31)
    shop.deliver_all()
    assert [one.state for one in shop.calls()] == ["dead"]
    assert len(shop.rows("tag")) == 1
    server.says(200)
    assert shop.transact(lambda tx: outbox.requeue(tx, call.id, now=tx.now))
    shop.deliver_all()
    assert [one.state for one in shop.calls()] == ["done"]
    assert len({heard.headers["idempotency-key"] for heard in server.heard}) == 1
    assert not shop.transact(lambda tx: outbox.requeue(tx, call.id, now=tx.now))


def test_secrets_go_out_in_headers_and_stay_nowhere(
    make_shop: Make, make_event: MakeEvent, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = make_shop(
        '- {id: tell, type: http, url: "URL/", secret_headers: {Authorization: WAREHOUSE_TOKEN}}\n'
    )
    monkeypatch.delenv("WAREHOUSE_TOKEN", raising=False)
    verdict = shop.receive(make_event("customer.created"))
    assert verdict.trace[0]["in"]["headers"] == {"Authorization": "$WAREHOUSE_TOKEN"}
    shop.make_calls()
    assert server.heard == []
    assert "WAREHOUSE_TOKEN" in (shop.calls()[0].reason or "")
    monkeypatch.setenv("WAREHOUSE_TOKEN", "Bearer hush-hush-1")
    server.says((400, {}, b"bad: Bearer hush-hush-1 or hush-hush-1"))
    shop.deliver_all()
    assert server.heard[0].headers["authorization"] == "Bearer hush-hush-1"
    with shop.store.reader() as tx:
        kept = [
            str(tx.execute(f"SELECT * FROM {name}"))
            for name in ("actionflow_outbox", "actionflow_run", "actionflow_inbox")
        ]
    assert "hush-hush" not in "".join(kept)
    assert "bad: *** or ***" in kept[0]


def test_bad_secrets_are_not_shown(
    make_shop: Make, make_event: MakeEvent, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = make_shop(
        '- {id: tell, type: http, url: "URL/", secret_headers: {Authorization: WAREHOUSE_TOKEN}}\n'
    )
    monkeypatch.setenv("WAREHOUSE_TOKEN", "hush\r\nX-Other: 1")
    shop.receive(make_event("customer.created"))
    shop.make_calls()
    reason = shop.calls()[0].reason or ""
    assert "line break" in reason
    assert "hush" not in reason


def test_calls_of_an_event_and_of_a_state_are_found(make_shop: Make, make_event: MakeEvent) -> None:
    shop = make_shop(TELL)
    for _ in range(3):
        shop.receive(make_event("customer.created"))
    shop.sends = refusing(200, 404, 503)
    shop.make_calls()
    with shop.store.reader() as tx:
        assert [one.state for one in outbox.listing(tx)] == ["waiting", "dead", "done"]
        assert outbox.counts(tx) == {"waiting": 1, "giving_up": 0, "dead": 1}
        [dead] = outbox.listing(tx, state="dead")
        assert [one.id for one in outbox.listing(tx, origin=dead.origin)] == [dead.id]
        assert [one.id for one in outbox.listing(tx, before=dead.id)] == [dead.id - 1]


def test_what_cannot_be_a_call_fails_the_run_and_names_the_node(
    make_shop: Make, make_event: MakeEvent
) -> None:
    bad = {
        '{id: tell, type: http, url: "{{ event.created }}"}': "`url` gave",
        '{id: tell, type: http, url: "URL/", headers: {X-A: "{{ event.data }}"}}': "the header 'X-A' gave",
        '{id: tell, type: http, url: "URL/", headers: {X-A: "{{ event.data.object.odd }}"}}': "line break",
        '{id: tell, type: http, url: "URL/", body: "{{ event.data.object.long }}"}': "at most 262144",
    }
    for node, message in bad.items():
        shop = make_shop(f"- {node}\n")
        event = make_event("customer.created", odd="a\r\nX: b", long="ü" * 150_000)
        verdict = shop.receive(event)
        assert verdict.outcome == "waiting"
        assert message in verdict.reason
        assert "node 'tell'" in verdict.reason
        assert shop.calls() == []


def test_the_environment_is_not_asked_for_a_proxy(
    make_shop: Make, make_event: MakeEvent, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setitem(os.environ, name, "http://127.0.0.1:1")
    shop = make_shop(TELL)
    shop.receive(make_event("customer.created"))
    shop.make_calls()
    assert len(server.heard) == 1


def test_order_is_by_due_time(make_shop: Make, make_event: MakeEvent) -> None:
    shop = make_shop(TELL)
    for _ in range(3):
        shop.receive(make_event("customer.created"))
        shop.clock += 1
    taken = list(itertools.chain.from_iterable(shop.outbox.lease(1) for _ in range(3)))
    assert [call.id for call in taken] == sorted(call.id for call in taken)
