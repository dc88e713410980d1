"""The playground: mistakes where they stand, completion, dry runs, and saving."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="pip install playwright")
from playwright.sync_api import Page, expect

from engine.load import load_folder
from tests.acceptance.shop import Shop
from tests.studio.pages.conftest import Visit
from tests.studio.pages.support import FLOW, MISTAKE, go, type_at_the_end

PATH = {
    "callback": "node locked ran",
    "outcome": "node ran branch",
    "mark_failed": "node ran",
    "mark_paid": "node off",
}

SLOW = """
let now = 0;
Date.now = () => (now += 0.2);
window.requestIdleCallback = () => 0;
"""
"""A computer that is never idle, and whose clock is 0.2 ms further at each look: the editor's parser, which
looks after every token and stops after 20 ms, comes 100 tokens on with each edit."""


def suggestions(page: Page) -> list[str]:
    """What completion offers at the cursor; afterwards the list is closed."""
    page.keyboard.press("Control+Space")
    labels = page.locator(".cm-tooltip-autocomplete .cm-completionLabel")
    expect(labels.first).to_be_visible()
    found = labels.all_inner_texts()
    page.keyboard.press("Escape")
    expect(labels.first).to_be_hidden()
    return found


@pytest.fixture
def file_kept(studio: Shop) -> Iterator[Any]:
    """The flow's file, put back afterwards."""
    file = studio.project.folder / "payment_callback.yaml"
    before = file.read_text()
    yield file
    file.write_text(before)
    studio.service.take_flows(load_folder(studio.project.folder))


def test_a_mistake_is_shown_in_its_place(visit: Visit) -> None:
    page = visit(FLOW)
    expect(page.locator(".state")).to_have_text("✓ No mistakes found")
    type_at_the_end(page, MISTAKE)
    expect(page.locator(".cm-lintRange-error")).to_have_text("orderID")
    expect(page.locator(".cm-lint-marker-error")).to_have_count(1)
    finding = page.locator(".findings li").first
    expect(finding).to_contain_text("Did you mean 'orderId'?")
    expect(page.locator(".state")).to_have_text("1 error")
    expect(page.locator(".graph [data-id=tell]")).to_be_visible()
    page.keyboard.press("Control+Home")
    finding.get_by_role("button").click()
    page.keyboard.press("Delete")
    page.keyboard.insert_text("o")
    for _ in "rderID":
        page.keyboard.press("ArrowRight")
    for _ in "ID":
        page.keyboard.press("Backspace")
    page.keyboard.insert_text("Id")
    expect(page.locator(".state")).to_have_text("✓ No mistakes found")
    expect(page.locator(".cm-lintRange-error")).to_have_count(0)


def test_text_that_is_no_flow_keeps_the_last_graph_in_the_background(visit: Visit) -> None:
    page = visit(FLOW)
    type_at_the_end(page, "  - {id: [")
    expect(page.locator(".state")).to_contain_text("error")
    expect(page.locator(".stale .graph [data-id=outcome]")).to_be_visible()
    expect(page.get_by_text("this is the graph of the last one that could")).to_be_visible()


@pytest.mark.parametrize("key", ["Enter", "Shift+Enter"])
def test_enter_indents_below_the_first_key_on_a_slow_computer_too(visit: Visit, key: str) -> None:
    page = visit("/studio/runs")
    page.add_init_script(SLOW)
    go(page, FLOW)
    type_at_the_end(page, "  - id: x")
    page.keyboard.press(key)
    page.keyboard.insert_text("type: log")
    expect(page.locator(".cm-line").last).to_have_text(re.compile("^    type: log$"))


@pytest.mark.parametrize(
    ("written", "offered", "withheld"),
    [
        ("  - id: x\n    type: ", {"table.update", "branch", "stripe.pay"}, {"order"}),
        ("  - id: x\n    type: table.find\n    table: ", {"order", "membership", "payment"}, {"id"}),
        ("  - {id: x, type: table.find, table: order, where: {", {"id", "user_id", "status"}, {"valid_until"}),
        ("  - {id: x, type: table.update, table: membership, values: {", {"valid_until"}, {"item"}),
        ('  - {id: x, type: log, message: "{{ ', {"callback", "outcome", "event", "now"}, {"x"}),
        ('  - {id: x, type: log, message: "{{ callback.', {"orderId", "paymentStatus"}, {"item"}),
        ('  - {id: x, type: log, message: "{{ config.', {"shop_name"}, {"orderId"}),
        ("  - {id: x, ", {"type"}, {"id"}),
        ("  - {id: x, type: table.update, table: order, values: {status: ", {"paid", "disputed"}, {"id"}),
        ("  - id: x\n    type: table.find\n    table: order\n    where:\n      status: ", {"paid"}, {"table.find"}),
        ("  - {id: x, type: table.insert, table: ", {"order", "membership"}, {"payment"}),
        ("  - {id: x, type: table.update, table: order, values: {", {"status"}, {"id"}),
        ("  - {id: x, type: table.find, table: order, where: {status: {not: ", {"paid"}, set()),
        ("  - {id: x, type: table.find, table: payment, where: {disputed: ", {"true", "false"}, set()),
        ("  - {id: x, type: log, ", {"message", "title"}, {"locked", "where", "do"}),
    ],
)  # fmt: skip
def test_completion_knows_the_project(
    visit: Visit, written: str, offered: set[str], withheld: set[str]
) -> None:
    page = visit(FLOW)
    type_at_the_end(page, written)
    found = set(suggestions(page))
    assert offered <= found
    assert not withheld & found


def test_completion_knows_stripes_events(visit: Visit) -> None:
    page = visit("/studio/playground/dispute_callback")
    page.locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text("flow: dispute_callback\ntrigger: {stripe: [charge.dispute.f")
    assert set(suggestions(page)) == {
        "charge.dispute.funds_reinstated",
        "charge.dispute.funds_withdrawn",
    }


def test_a_suggestion_is_taken_by_keyboard(visit: Visit) -> None:
    page = visit(FLOW)
    type_at_the_end(page, "  - {id: x, type: table.find, table: ")
    page.keyboard.press("Control+Space")
    chosen = page.locator(".cm-tooltip-autocomplete li[aria-selected] .cm-completionLabel")
    first = chosen.inner_text()
    # The list takes no key for a moment, lest it take one that was meant for the text.
    while chosen.inner_text() == first:
        page.keyboard.press("ArrowDown")
    second = chosen.inner_text()
    page.keyboard.press("Enter")
    expect(page.locator(".cm-line").last).to_contain_text(f"table: {second}")


def test_a_dry_run_shows_the_path_and_writes_nothing(visit: Visit, studio: Shop) -> None:
    before = studio.rows("order"), studio.rows("payment")
    page = visit(FLOW)
    page.get_by_label("Event").select_option("payment_intent.payment_failed.declined")
    page.get_by_label("On the rows of").select_option("seed.yaml")
    page.get_by_role("button", name="Dry run").click()
    expect(page.locator(".result")).to_contain_text("The server would commit this and answer 200.")
    expect(page.locator(".result")).to_contain_text("On the rows of seed.yaml; nothing was sent")
    for id, classes in PATH.items():
        expect(page.locator(f".graph [data-id={id}]")).to_have_class(classes)
    expect(page.locator('.edge.on[data-edge="outcome|failed|mark_failed"]')).to_have_count(1)
    expect(page.locator(".outcome")).to_contain_text("2 rows would change")
    expect(page.locator(".outcome ins").first).to_have_text('"failed"')
    page.locator(".graph [data-id=outcome]").click()
    expect(page.locator(".panel")).to_contain_text('callback.paymentStatus is "FAILED"')
    page.locator(".graph [data-id=mark_paid]").click()
    expect(page.locator(".panel")).to_contain_text("This node did not run.")
    assert (studio.rows("order"), studio.rows("payment")) == before
    type_at_the_end(page, "# changed\n")
    expect(page.locator(".result")).to_have_text("The text has changed since the dry run.")


def test_a_dry_run_of_what_fails_says_why(visit: Visit) -> None:
    page = visit(FLOW + "?event=evt_late_order")
    expect(page.get_by_label("Event")).to_have_value("inbox evt_late_order")
    page.get_by_role("button", name="Dry run").click()
    expect(page.locator(".result .error")).to_contain_text("does not exist yet")
    expect(page.locator(".graph [data-id=callback]")).to_have_class("node locked failed")


def test_a_scheduled_flow_is_tried_at_its_next_moment(visit: Visit, studio: Shop) -> None:
    file = studio.project.folder / "nightly.yaml"
    file.write_text(
        'flow: nightly\ntrigger: {schedule: "0 3 * * *"}\nnodes:\n'
        '  - {id: note, type: log, message: "{{ run.due }}"}\n'
    )
    try:
        studio.service.take_flows(load_folder(studio.project.folder))
        page = visit("/studio/playground/nightly")
        expect(page.locator(".graph")).to_contain_text("schedule: 0 3 * * *")
        expect(page.get_by_label("Event")).to_have_value("schedule next")
        page.get_by_role("button", name="Dry run").click()
        expect(page.locator(".graph [data-id=note]")).to_have_class(re.compile("ran"))
        expect(page.locator(".result")).to_contain_text("The server would commit this.")
        type_at_the_end(page, '  - {id: more, type: log, message: "{{ run."')
        page.keyboard.press("ArrowLeft")
        assert {"due", "previous", "flow"} <= set(suggestions(page))
    finally:
        file.unlink()
        studio.service.take_flows(load_folder(studio.project.folder))


def test_a_dry_run_waits_for_mistakes_to_be_mended(visit: Visit) -> None:
    page = visit(FLOW)
    type_at_the_end(page, MISTAKE)
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("alert")).to_contain_text("The flow has mistakes")


def test_saving_shows_the_changes_first_then_the_server_runs_them(
    visit: Visit, studio: Shop, file_kept: Any
) -> None:
    page = visit(FLOW)
    before = file_kept.read_text()
    type_at_the_end(page, '  - {id: tell, type: log, message: "order {{ callback.orderId }}"}\n')
    expect(page.locator(".unsaved")).to_have_text("● not saved")
    page.keyboard.press("Control+s")
    dialog = page.get_by_role("dialog", name="Changes of payment_callback.yaml")
    expect(dialog.locator("tr.add")).to_have_count(1)
    expect(dialog.locator("tr.add")).to_contain_text("+ ")
    expect(dialog.locator("tr.add")).to_contain_text("order {{ callback.orderId }}")
    assert file_kept.read_text() == before, "nothing is written before it was looked at"
    write = dialog.get_by_role("button", name="Write the file")
    expect(write).to_be_focused()
    page.keyboard.press("Enter")
    expect(dialog).to_have_count(0)
    expect(page.locator(".result")).to_contain_text("The server runs this version from the next")
    expect(page.locator(".unsaved")).to_have_text("")
    assert file_kept.read_text().startswith(before)
    assert "order {{ callback.orderId }}" in file_kept.read_text()
    running = studio.service.project.flows["payment_callback"].flow
    assert running.nodes[-1].id == "tell"


def test_what_the_check_refuses_is_not_saved(visit: Visit, file_kept: Any) -> None:
    before = file_kept.read_text()
    page = visit(FLOW)
    type_at_the_end(page, MISTAKE)
    page.get_by_role("button", name="Review and save…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator(".error")).to_contain_text("the check finds 1 error")
    expect(dialog.get_by_role("button", name="Write the file")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    assert file_kept.read_text() == before


def test_a_file_changed_on_disk_meanwhile_is_not_overwritten(visit: Visit, file_kept: Any) -> None:
    page = visit(FLOW)
    type_at_the_end(page, "# mine\n")
    page.keyboard.press("Control+s")
    write = page.get_by_role("button", name="Write the file")
    expect(write).to_be_visible()
    theirs = file_kept.read_text() + "# theirs\n"
    file_kept.write_text(theirs)
    write.click()
    expect(page.get_by_role("dialog")).to_contain_text(
        "was changed on disk since this page read it"
    )
    page.get_by_role("button", name="Close").click()
    page.keyboard.press("Control+s")
    expect(page.get_by_role("dialog")).to_contain_text("the file was changed on disk")
    expect(page.get_by_role("button", name="Write the file")).to_have_count(0)
    assert file_kept.read_text() == theirs


def test_where_saving_is_off_it_says_so(
    visit: Visit, studio: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(studio.service, "demo", False)
    page = visit(FLOW)
    type_at_the_end(page, "# mine\n")
    page.keyboard.press("Control+s")
    expect(page.get_by_role("dialog")).to_contain_text("Saving is off on this server")
    expect(page.get_by_role("button", name="Write the file")).to_have_count(0)


def test_unsaved_text_is_not_lost_by_a_click(visit: Visit) -> None:
    page = visit(FLOW)
    type_at_the_end(page, "# mine\n")
    asked = []

    def stay(dialog: Any) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    page.get_by_role("link", name="Runs").click()
    expect(page.locator(".unsaved")).to_have_text("● not saved")
    assert asked == ["beforeunload"]
