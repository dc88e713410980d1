"""Text of strangers stays text, wherever the studio shows it."""

from __future__ import annotations

import pytest

pytest.importorskip("playwright.sync_api", reason="pip install playwright")
from playwright.sync_api import expect

from tests.acceptance.shop import Shop
from tests.studio.pages.conftest import Visit
from tests.studio.pages.support import FLOW, go, type_at_the_end
from tests.studio.world import deliver, recorded

HOSTILE = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>'


def test_hostile_text_stays_text(visit: Visit, studio: Shop) -> None:
    event = recorded("payment_intent.succeeded") | {"type": HOSTILE}
    event["id"] = f"evt_{HOSTILE.replace('/', '')}"
    event["data"]["object"]["description"] = HOSTILE
    assert deliver(studio, event) == 200
    with studio.service.store.transaction() as tx:
        named = {"user_id": HOSTILE, "item": HOSTILE}
        tx.insert("order", {"id": 600, "amount": 1, "currency": "usd", **named})
    file = studio.project.folder / "events" / f"{HOSTILE.replace('/', '')}.json"
    file.write_bytes((studio.project.folder / "events" / "charge.failed.json").read_bytes())
    page = visit("/studio/inbox")
    try:
        expect(page.locator("tbody")).to_contain_text(HOSTILE)
        page.locator("tbody a", has_text="onerror").click()
        page.wait_for_selector("body[data-ready=yes] pre")
        expect(page.locator("h1")).to_contain_text(HOSTILE)
        expect(page.locator("pre")).to_contain_text("onerror")
        go(page, "/studio/tables/order?key=600")
        expect(page.locator("tbody")).to_contain_text(HOSTILE)
        go(page, f"/studio/tables/order?key={HOSTILE}")
        expect(page.get_by_role("alert")).to_contain_text("<img")
        go(page, f"/studio/runs?flow={HOSTILE}&order={HOSTILE}")
        expect(page.get_by_role("alert")).to_contain_text("<img")
        go(page, FLOW)
        expect(page.get_by_label("Event")).to_contain_text("onerror")
        page.on("dialog", lambda dialog: dialog.accept())
        quoted = HOSTILE.replace('"', '\\"')
        type_at_the_end(
            page, f'  - {{id: tell, type: log, title: "{quoted}", message: "{quoted}"}}\n'
        )
        page.locator(".graph [data-id=tell]").click()
        expect(page.locator(".panel h2")).to_have_text(HOSTILE)
        page.keyboard.press("Control+s")
    finally:
        file.unlink()
    assert page.evaluate("window.hacked") is None
    assert page.locator("main img, main script").count() == 0
