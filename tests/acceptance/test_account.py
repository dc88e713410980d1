"""webhooks sync, reconcile, events pull and doctor, against the stand-in as the account."""

from __future__ import annotations

import pathlib
from typing import Any

import pytest

from engine.cli.main import main
from engine.store.base import Transaction
from standin import webhook_endpoints
from tests.acceptance.shop import Shop, copy_of_example, serving
from tests.acceptance.test_actions import paid
from tests.store.test_retention import keep_call


@pytest.fixture
def run(shop: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run a command on the shop's project with the stand-in as its account; exit code and output."""
    monkeypatch.setenv("ACTIONFLOW_STRIPE_BASE", shop.standin.url)

    def command(*words: str) -> tuple[int, str]:
        capsys.readouterr()
        code = main([*words, "--project", str(shop.project.folder)])
        said = capsys.readouterr()
        return code, said.out + said.err

    return command


def test_sync_makes_an_endpoint_and_tells_its_secret_once(shop: Shop, run: Any) -> None:
    code, said = run("webhooks", "sync", "https://shop.example", "--yes")
    assert code == 0, said
    assert "STRIPE_WEBHOOK_SECRET=whsec_" in said
    endpoint = next(
        one for one in shop.stripe().webhook_endpoints.list().data if "shop.example" in one.url
    )
    assert endpoint.url == "https://shop.example/webhooks/stripe"
    assert "invoice.paid" in endpoint.enabled_events
    assert "charge.dispute.created" in endpoint.enabled_events
    again = run("webhooks", "sync", "https://shop.example/", "--yes")
    assert again == (0, "The endpoint sends what this project handles; nothing has to be done.\n")


def test_sync_repairs_an_endpoint(shop: Shop, run: Any) -> None:
    made = shop.stripe().webhook_endpoints.create(
        {
            "url": "https://shop.example/webhooks/stripe",
            "enabled_events": ["invoice.paid", "payout.paid"],
        }
    )
    shop.stripe().webhook_endpoints.update(made.id, {"disabled": True})
    code, said = run("webhooks", "sync", "https://shop.example", "--yes")
    assert code == 0, said
    endpoint = shop.stripe().webhook_endpoints.retrieve(made.id)
    assert endpoint.status == "enabled"
    assert {"payment_intent.succeeded", "payout.paid"} <= set(endpoint.enabled_events)
    assert "sends more than is handled here: payout.paid" in said


@pytest.mark.parametrize("url", ["shop.example", "http://shop.example", "ftp://shop.example", ""])
def test_sync_wants_a_public_address(run: Any, url: str) -> None:
    code, said = run("webhooks", "sync", url, "--yes")
    assert code == 2
    assert "expected the public https:// address" in said


def test_reconcile_runs_what_was_missed(shop: Shop, run: Any) -> None:
    shop.control("delivery", hold=True, drop=1000)
    payment = paid(shop)
    assert shop.row("payment", id=payment)["status"] == "PENDING", "everything was dropped"
    code, said = run("reconcile", "--dry-run")
    assert code == 0, said
    assert "payment_intent.succeeded" in said
    assert shop.row("payment", id=payment)["status"] == "PENDING"
    code, said = run("reconcile")
    assert code == 0, said
    assert shop.row("payment", id=payment)["status"] == "SUCCESSFUL"
    assert shop.row("order", id=1)["status"] == "paid"
    assert "0 of them were missing here" in run("reconcile")[1]


def test_pull_asks_for_one_event(shop: Shop, run: Any) -> None:
    shop.control("delivery", hold=True, drop=1000)
    payment = paid(shop)
    events = shop.stripe().events.list({"type": "payment_intent.succeeded"}).data
    code, said = run("events", "pull", events[0].id)
    assert (code, said) == (0, f"{events[0].id}: done\n")
    assert shop.row("payment", id=payment)["status"] == "SUCCESSFUL"
    code, said = run("events", "pull", "evt_nope")
    assert code == 2
    assert "evt_nope" in said


def test_doctor_finds_nothing_wrong_with_a_healthy_shop(shop: Shop, run: Any) -> None:
    code, said = run("doctor")
    assert code == 0, said
    assert "WRONG" not in said
    for about in ("flows", "keys", "database", "clock", "endpoint"):
        assert f"ok       {about}" in said


def test_doctor_names_what_is_wrong(
    shop: Shop, run: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    for endpoint in shop.stripe().webhook_endpoints.list().data:
        shop.stripe().webhook_endpoints.delete(endpoint.id)
    webhook_endpoints.create(
        shop.standin.state, f"{shop.url}/webhooks/stripe", ["invoice.paid"], None, "whsec_x"
    )
    monkeypatch.setenv("STRIPE_PUBLISHABLE_KEY", "pk_live_x")
    monkeypatch.setenv("STRIPE_WEBHOOK_SECRET", "nothing")
    code, said = run("doctor")
    assert code == 1
    assert "does not send" in said
    assert "different modes" in said
    assert "webhook secret 1 is none of Stripe's" in said
    assert "pk_live_x" not in said


def test_a_secret_key_in_the_publishable_keys_place_reaches_no_browser(
    shop: Shop, run: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("STRIPE_PUBLISHABLE_KEY", "sk_test_mixed_up")
    code, said = run("doctor")
    assert code == 1
    assert "a secret key stands in the publishable key's place" in said
    project = copy_of_example(shop.project.folder.with_name("other"))
    with serving(project, None) as (_url, app):
        assert app.state.service.actions.publishable_key is None
    assert "STRIPE_PUBLISHABLE_KEY" in caplog.text
    assert "sk_test_mixed_up" not in said + caplog.text


def test_doctor_looks_for_what_tokens_and_calls_need(
    shop: Shop, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = shop.project.folder
    with (folder / "project.yaml").open("a") as file:
        file.write("jwt: {algorithms: [HS256], secret: SHOP_JWT, issuer: me, audience: shop}\n")
    with (folder / "payment_callback.yaml").open("a") as file:
        file.write(
            "  - {id: tell, type: http, url: 'https://a.example/', secret_headers: {X-Key: SHOP_KEY}}\n"
        )
    for name in ("SHOP_JWT", "SHOP_KEY"):
        monkeypatch.delenv(name, raising=False)
    code, said = run("doctor")
    assert code == 1
    assert "WRONG    tokens    jwt.secret: the environment variable SHOP_JWT is not set" in said
    assert "WRONG    calls     SHOP_KEY is not set: payment_callback/tell cannot call" in said
    monkeypatch.setenv("SHOP_JWT", "s" * 32)
    monkeypatch.setenv("SHOP_KEY", "k")
    code, said = run("doctor")
    assert code == 0, said
    assert "ok       tokens    taken from me, signed with HS256" in said
    assert "SHOP_KEY" not in said


def test_doctor_tells_of_calls_that_were_given_up(shop: Shop, run: Any) -> None:
    def given_up(tx: Transaction) -> None:
        id = keep_call(tx, "evt_x", done=None)
        tx.execute("UPDATE actionflow_outbox SET state = 'dead' WHERE id = :id", {"id": id})

    shop.service.writer.submit(given_up).result()
    code, said = run("doctor")
    assert code == 0
    assert "warning  database  1 call was given up" in said
    assert "actionflow outbox retry --dead" in said
