"""Flows changed under a running server; what /readyz, /metrics and the answers say."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import closing

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from engine.cli.main import DONE, main
from engine.model import RetentionRules
from engine.store import runs
from tests.acceptance.shop import Shop
from tests.acceptance.test_kill import event_for
from tests.acceptance.test_studio_guard import Visitor
from tests.acceptance.test_webhook import changed, post


def wait_for(there: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not there():
        assert time.monotonic() < until


def edit(shop: Shop, name: str, old: str, new: str) -> bool:
    path = shop.project.folder / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    shop.service.reloader.look()
    return shop.service.reloader.look()


def test_the_next_event_runs_on_the_changed_flow(shop: Shop) -> None:
    shop.service.reloader.stop()  # the test looks for itself
    assert post(shop, event_for(1)).json()["outcome"] == "done"
    assert edit(shop, "payment_callback.yaml", "{status: paid}", "{status: disputed}")
    with shop.service.store.transaction() as tx:
        tx.update("order", {"id": 2}, {"amount": 10_000, "currency": "usd"})
    assert post(shop, event_for(2)).json()["outcome"] == "done"
    assert [row["status"] for row in shop.rows("order")][:2] == ["paid", "disputed"]


def test_the_playground_offers_what_the_changed_flows_have(shop: Shop) -> None:
    shop.service.reloader.stop()
    with closing(Visitor(shop, shop.keys["admin"])) as admin:
        before = admin.get("/studio/api/words").json()
        assert edit(shop, "project.yaml", "shop_name:", "house_name: The house\n  shop_name:")
        after = admin.get("/studio/api/words").json()
    assert set(after["config"]) - set(before["config"]) == {"house_name"}


def test_a_broken_flow_keeps_the_last_good_one_and_says_so(shop: Shop) -> None:
    shop.service.reloader.stop()
    assert not edit(shop, "payment_callback.yaml", "table: order", "table: ordre")
    ready = shop.client.get("/readyz")
    assert (ready.status_code, ready.json()["status"]) == (200, "ready")
    assert {problem["place"]["file"].rpartition("/")[2] for problem in ready.json()["reload"]} == {
        "payment_callback.yaml"
    }
    assert post(shop, event_for(1)).json()["outcome"] == "done"
    assert shop.row("order", id=1)["status"] == "paid"
    assert edit(shop, "payment_callback.yaml", "table: ordre", "table: order")
    assert "reload" not in shop.client.get("/readyz").json()


def test_an_action_in_the_middle_ends_on_the_flow_it_began_with(shop: Shop) -> None:
    shop.service.reloader.stop()
    shop.control("faults", kind="hang", path="/v1/payment_intents")
    answers = []
    asking = threading.Thread(target=lambda: answers.append(shop.act("pay", {"orderId": 1})))
    asking.start()
    wait_for(lambda: bool(shop.standin.state.table("payment_intent")))
    new = '  amount: "{{ pay.amount + 1 }}"\n  version: "{{ \'new\' }}"\n'
    assert edit(shop, "pay.yaml", '  amount: "{{ pay.amount }}"\n', new)
    shop.control("faults/release")
    asking.join()
    amount = shop.row("order", id=1)["amount"]
    assert answers[0].status_code == 200
    assert answers[0].json()["amount"] == amount
    assert "version" not in answers[0].json()
    after = shop.act("pay", {"orderId": 2}).json()
    assert after["version"] == "new"
    with shop.service.store.reader() as tx:
        digests = [run.flow_digest for run in runs.listing(tx, flow="pay")]
        [first] = {*digests[2:]}
        assert first not in digests[:2]
        assert "'new'" in (runs.source(tx, digests[0]) or "")
        assert "'new'" not in (runs.source(tx, first) or "'new'")


def test_a_flow_whose_file_is_gone_is_said_and_its_events_can_be_replayed(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    shop.service.reloader.stop()
    path = shop.project.folder / "payment_callback.yaml"
    text = path.read_text()
    path.unlink()
    shop.service.reloader.look()
    assert shop.service.reloader.look()
    assert "flows whose files are gone: payment_callback" in caplog.text
    assert post(shop, event_for(1)).json()["outcome"] == "ignored"
    path.write_text(text)
    shop.service.reloader.look()
    assert shop.service.reloader.look()
    assert main(["events", "replay", "evt_1", "--project", str(shop.project.folder)]) == DONE
    assert shop.row("order", id=1)["status"] == "paid"


def test_other_tables_wait_for_a_migration(shop: Shop) -> None:
    shop.service.reloader.stop()
    column = "      item: text\n      colour: {type: text, optional: true}\n"
    assert not edit(shop, "project.yaml", "      item: text\n", column)
    [problem] = shop.client.get("/readyz").json()["reload"]
    assert problem["code"] == "reload.tables"
    assert "actionflow migrate" in problem["mend"]
    # A comment above the tables moves their lines and nothing else.
    assert edit(shop, "project.yaml", column, "      # what it is\n      item: text\n")
    assert "reload" not in shop.client.get("/readyz").json()


def test_a_changed_retention_is_taken(shop: Shop) -> None:
    shop.service.reloader.stop()
    assert shop.service.keeper.retention.rules() == RetentionRules()
    rules = "\nretention: {events: 40, runs: 10, calls: forever}\n"
    assert edit(shop, "project.yaml", "\nconfig:\n", f"{rules}config:\n")
    expected = RetentionRules(events=40, runs=10, calls=None)
    assert shop.service.keeper.retention.rules() == expected
    assert not any(shop.service.keeper.retention.sweep().values())


def numbers(client: httpx.Client) -> dict[tuple[str, ...], float]:
    text = client.get("/metrics").text
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_metrics_tell_what_happened(shop: Shop) -> None:
    post(shop, event_for(1))
    post(shop, event_for(1))
    post(shop, event_for(42))
    post(shop, event_for(2), secret="whsec_other")
    post(shop, changed(event_for(3), type="plan.created"))
    shop.act("pay", {"orderId": 2})
    found = numbers(shop.client)
    kind = "payment_intent.succeeded"
    assert found["actionflow_events_total", "done", kind] == 1
    assert found["actionflow_events_total", "duplicate", kind] == 1
    assert found["actionflow_events_total", kind, "waiting"] == 1
    assert found["actionflow_events_total", "ignored", "plan.created"] == 1
    assert found["actionflow_refused_total", "signature"] == 1
    assert found["actionflow_actions_total", "200", "pay"] == 1
    assert found["actionflow_event_seconds_count",] == 5
    assert found["actionflow_inbox_events", "waiting"] == 1
    assert found["actionflow_outbox_calls", "dead"] == 0
    assert found["actionflow_batch_jobs_count",] >= 4
    assert "whsec" not in shop.client.get("/metrics").text
