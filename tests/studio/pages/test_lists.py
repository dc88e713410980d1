"""Runs, inbox and tables: filters, dead letters, and what shows up without a reload."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="pip install playwright")
from playwright.sync_api import Page, expect

from tests.acceptance.shop import Shop
from tests.studio.pages.conftest import Visit
from tests.studio.world import LATE, bury, deliver, late_payment, recorded

NOTE_FRESH = """() => {
    window.fresh = [];
    const note = () => window.fresh.push(
        [...document.querySelectorAll("tbody tr.fresh")]
            .filter((row) => row.getClientRects().length)
            .map((row) => row.textContent),
    );
    new MutationObserver(note).observe(document.body, {subtree: true, childList: true, attributes: true});
}"""
"""Have the page keep which rows are marked as new at each change: the next event, one of another test
that is tried again for instance, takes the mark away."""
FIRST = "(text) => window.fresh.some((rows) => rows.length && rows[0].includes(text))"
ONLY = "(text) => window.fresh.some((rows) => rows.length === 1 && rows[0].includes(text))"


def column(page: Page, number: int) -> list[str]:
    """The texts of a list's column, from 1."""
    return page.locator(f".scroll tbody tr td:nth-child({number})").all_inner_texts()


def anew(name: str) -> Any:
    """A recorded event under an id of its own."""
    return recorded(name) | {"id": f"evt_{uuid.uuid4().hex}"}


def test_runs_are_filtered_by_choosing(visit: Visit) -> None:
    page = visit("/studio/runs")
    page.get_by_label("Flow").select_option("refund_callback")
    page.wait_for_url("**/studio/runs?flow=refund_callback")
    expect(page.locator("body[data-ready=yes]")).to_be_visible()
    assert set(column(page, 3)) == {"refund_callback"}
    page.get_by_role("link", name="Clear").click()
    page.get_by_label("Outcome").select_option("failed")
    page.wait_for_url("**/studio/runs?outcome=failed")
    expect(page.locator(".badge").first).to_have_text("✕ failed")
    page.goto("/studio/runs")
    page.get_by_label("Event type").select_option("charge.refunded")
    page.wait_for_url("**/studio/runs?type=charge.refunded")
    expect(page.locator("body[data-ready=yes]")).to_be_visible()
    assert set(column(page, 4)) == {"charge.refunded"}


def test_runs_of_an_order(visit: Visit) -> None:
    page = visit("/studio/runs")
    page.get_by_label("Order").fill("4")
    page.keyboard.press("Enter")
    page.wait_for_url("**/studio/runs?order=4")
    expect(page.locator("tbody tr")).to_have_count(1)
    assert column(page, 3) == ["recurring_charge_callback"]
    page.get_by_label("Order").fill("four")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_role("alert")).to_contain_text("a whole number")


def test_a_run_shows_the_path_and_what_each_node_did(visit: Visit) -> None:
    page = visit("/studio/runs?order=4")
    page.locator("tbody a").first.click()
    page.wait_for_selector("body[data-ready=yes] .graph")
    expect(page.get_by_role("heading", level=1)).to_contain_text("recurring_charge_callback")
    for id in ("callback", "outcome", "began_with", "new_order", "process"):
        expect(page.locator(f".graph [data-id={id}]")).to_have_attribute(
            "aria-label", re.compile(r"\bran\b")
        )
    expect(page.locator(".graph .node.locked")).to_have_count(2)
    expect(page.locator('.edge.on[data-edge="outcome|paid|create_order"]')).to_have_count(1)
    expect(page.locator('.edge.off[data-edge="outcome|not paid|tell_staff"]')).to_have_count(1)
    panel = page.get_by_role("complementary", name="The chosen node")
    expect(panel.get_by_role("heading", level=2)).to_have_text("new_order")
    expect(panel).to_contain_text(re.compile(r"Took \d"))
    expect(panel).to_contain_text("Given")
    expect(panel).to_contain_text("new row order 4")
    page.locator(".graph [data-id=callback]").click()
    expect(panel).to_contain_text("stripe.recurring_charge_callback")
    expect(panel).to_contain_text("recurringPaymentId")
    page.locator(".graph [data-id=tell_staff]").click()
    expect(panel).to_contain_text("This node did not run.")
    expect(panel.locator("details pre")).to_contain_text("table: notice")
    expect(page.locator(".facts")).to_contain_text("Took")
    page.locator(".facts").get_by_role("link", name="4", exact=True).click()
    page.wait_for_url("**/studio/runs?order=4")


def test_a_failed_run_shows_where_it_failed(visit: Visit) -> None:
    page = visit(f"/studio/inbox/{LATE}")
    page.locator("tbody a").first.click()
    page.wait_for_selector("body[data-ready=yes] .graph")
    expect(page.locator(".graph [data-id=callback]")).to_have_class("node locked failed")
    expect(page.locator(".panel .error")).to_contain_text("order 77, which does not exist yet")
    expect(page.locator("main > .error")).to_contain_text("Everything this run wrote was undone.")


def test_the_parts_of_an_action_lead_to_each_other(visit: Visit) -> None:
    page = visit("/studio/runs?flow=pay")
    row = page.locator("tbody tr", has_text="goes on").first
    first = row.locator("td").first.inner_text()
    row.locator("td").first.get_by_role("link").click()
    page.wait_for_selector("body[data-ready=yes] .graph")
    expect(page.get_by_role("heading", level=1)).to_contain_text("goes on")
    expect(page.get_by_role("heading", level=1)).not_to_contain_text("done")
    told = page.locator("main > .notice")
    expect(told).to_contain_text("it ended at the node pay, waiting for Stripe's answer to payment")
    expect(page.locator(".graph [data-id=pay]")).to_have_attribute(
        "aria-label", re.compile("the run goes on from here in another")
    )
    expect(page.locator('.edge.later[data-edge="pay||·done"]')).to_have_count(1)
    told.get_by_role("link").click()
    page.wait_for_selector("body[data-ready=yes] .graph")
    expect(page.get_by_role("heading", level=1)).to_contain_text("done")
    expect(page.locator(".graph [data-id=pay]")).to_have_class("node locked ran")
    page.locator(".graph [data-id=bought]").click()
    panel = page.get_by_role("complementary", name="The chosen node")
    expect(panel).to_contain_text("did not run in this part of the action")
    expect(told).to_contain_text(f"went on from run {first}, with the answer")
    told.get_by_role("link").click()
    page.wait_for_url(f"**/studio/runs/{first}")


def test_a_dead_letter_is_replayed(visit: Visit, studio: Shop) -> None:
    id = f"evt_{uuid.uuid4().hex}"
    bury(studio, late_payment(id, order=501))
    page = visit("/studio/inbox?state=dead")
    row = page.locator("tbody tr", has_text=id)
    replay = page.get_by_role("button", name=f"Replay {id}")
    replay.click()
    verdict = page.locator(".verdict")
    expect(verdict).to_have_attribute("data-outcome", "waiting")
    expect(verdict).to_contain_text("order 501, which does not exist yet")
    expect(row).to_have_count(0)
    with studio.service.store.transaction() as tx:
        tx.insert(
            "order", {"id": 501, "user_id": "ada", "item": "x", "amount": 10_000, "currency": "usd"}
        )
    page.goto(f"/studio/inbox/{id}")
    expect(page.locator(".badge").first).to_have_text("◷ waiting")
    page.get_by_role("button", name=f"Replay {id}").click()
    expect(page.locator(".verdict")).to_have_attribute("data-outcome", "done")
    expect(page.locator("main > div .badge").first).to_have_text("✓ done")
    expect(page.get_by_role("button", name="Replay")).to_have_count(0)
    assert studio.row("order", id=501)["status"] == "paid"
    page.locator(".verdict").get_by_role("link", name="See run").click()
    page.wait_for_selector("body[data-ready=yes] .graph")
    expect(page.locator(".graph [data-id=mark_paid]")).to_have_class("node ran")


def test_all_dead_letters_are_replayed_after_asking(visit: Visit, studio: Shop) -> None:
    ids = [f"evt_{uuid.uuid4().hex}" for _ in range(2)]
    for number, id in enumerate(ids):
        bury(studio, late_payment(id, order=510 + number))
    page = visit("/studio/inbox?state=dead")
    button = page.get_by_role("button", name="Replay all dead letters")
    button.click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("dead letters?")
    page.keyboard.press("Escape")
    expect(page.locator(".verdict")).to_have_count(0)
    button.click()
    dialog.get_by_role("button", name="Replay all").click()
    for id in ids:
        expect(page.locator(".verdict", has_text=id)).to_have_attribute("data-outcome", "waiting")
    expect(page.locator(".empty")).to_contain_text("No dead letters")
    expect(button).to_be_hidden()
    bury(studio, late_payment())  # as it was, for the other tests


def test_lists_follow_without_a_reload(visit: Visit, studio: Shop) -> None:
    pages = {name: visit(f"/studio/{name}") for name in ("runs", "inbox", "tables/payment")}
    for page in pages.values():
        expect(page.locator(".live")).to_have_text("live")
        page.evaluate("window.neverReloaded = true")
        page.evaluate(NOTE_FRESH)
    event = late_payment(f"evt_{uuid.uuid4().hex}", order=2)
    assert deliver(studio, event) == 200
    payment = studio.row("payment", transaction_id=f"pi_{event['id']}")
    pages["runs"].wait_for_function(FIRST, arg="payment_callback")
    pages["inbox"].wait_for_function(FIRST, arg=event["id"][:20])
    pages["tables/payment"].wait_for_function(ONLY, arg=f"{payment['id']}")
    for page in pages.values():
        assert page.evaluate("window.neverReloaded") is True


def test_a_list_says_when_the_server_does_not_answer(visit: Visit) -> None:
    page = visit("/studio/runs")
    expect(page.locator(".live")).to_have_text("live")
    page.route("**/api/pulse", lambda route: route.fulfill(status=503, json={"detail": "busy"}))
    expect(page.locator(".live")).to_have_text("no answer, trying again")
    page.unroute("**/api/pulse")
    expect(page.locator(".live")).to_have_text("live")


def test_tables_lead_to_each_other(visit: Visit) -> None:
    page = visit("/studio/tables")
    page.get_by_role("link", name="payment", exact=True).click()
    page.wait_for_selector("body[data-ready=yes] tbody")
    page.locator("tbody td:nth-child(2) a").last.click()
    page.wait_for_url("**/studio/tables/order?key=1")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.locator("tbody a").first.click()
    page.wait_for_url("**/studio/runs?order=1")
    expect(page.locator("tbody tr").first).to_be_visible()
    page.goto("/studio/tables/order?key=12345")
    expect(page.locator(".empty")).to_have_text("There is no such row.")


def test_flows_are_graphs_with_locked_nodes_marked(visit: Visit) -> None:
    page = visit("/studio/flows")
    page.get_by_role("link", name="refund_callback").click()
    page.wait_for_selector("body[data-ready=yes] .graph")
    locked = page.locator(".graph .node.locked")
    expect(locked).to_have_count(1)
    expect(locked.locator(".lock")).to_have_count(1)
    assert ", locked," in (locked.get_attribute("aria-label") or "")
    expect(page.locator(".legend")).to_contain_text("locked")
    expect(page.locator(".panel")).to_contain_text("there is nothing to change")
    page.locator(".graph [data-id=tell_staff]").click()
    expect(page.locator(".panel pre")).to_contain_text("on_conflict: ignore")
