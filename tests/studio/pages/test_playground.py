"""The playground: mistakes where they stand, completion, dry runs, and saving."""

from __future__ import annotations

import pytest

pytest.importorskip("playwright.sync_api", reason="pip install playwright")
from playwright.sync_api import expect

from tests.acceptance.shop import Shop
from tests.studio.pages.conftest import Visit


def typed_at_the_end(page, text: str) -> None:
    page.locator(".cm-content").click()
    page.keyboard.press("Control+End")
    page.keyboard.insert_text(text)


def on_disk(studio: Shop, flow: str) -> str:
    return (studio.project.folder / f"{flow}.yaml").read_text()


def test_a_mistake_is_shown_in_its_place(visit: Visit) -> None:
    page = visit("/studio/playground/payment_callback")
    expect(page.locator(".status")).to_contain_text("No mistakes found")
    wrong = '  - {id: tell, type: log, message: "{{ callback.orderID }}"}\n'
    typed_at_the_end(page, wrong)
    expect(page.locator(".cm-lintRange-error")).to_have_text("orderID")
    finding = page.locator(".findings li").first
    expect(finding).to_contain_text("Did you mean 'orderId'?")
    expect(page.locator(".status")).to_contain_text("1 error")
    expect(page.get_by_label("The flow payment_callback")).to_contain_text("tell")
    page.keyboard.press("Control+Home")
    finding.get_by_role("button").click()
    page.keyboard.press("Shift+End")
    selected = page.locator(".cm-content").evaluate(
        "element => element.getRootNode().getSelection().toString()"
    )
    assert selected.startswith("orderID")
