"""The studio for everyone: by keyboard, in light and dark, on narrow screens, by axe's rules (WCAG 2.2 AA)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="pip install playwright")
from playwright.sync_api import Page, expect

from tests.studio.pages.conftest import Visit
from tests.studio.pages.support import FLOW, MISTAKE, axe_problems, type_at_the_end
from tests.studio.world import LATE


def nothing(page: Page) -> None:
    pass


def asking(page: Page) -> None:
    page.get_by_role("button", name="Replay all dead letters").click()
    expect(page.get_by_role("dialog")).to_be_visible()


def mistaken(page: Page) -> None:
    type_at_the_end(page, MISTAKE)
    expect(page.locator(".findings li")).to_have_count(1)


def completing(page: Page) -> None:
    type_at_the_end(page, "  - {id: x, type: ")
    page.keyboard.press("Control+Space")
    expect(page.locator(".cm-tooltip-autocomplete")).to_be_visible()


def tried(page: Page) -> None:
    page.get_by_role("button", name="Dry run").click()
    expect(page.locator(".result .badge")).to_be_visible()


def reviewing(page: Page) -> None:
    type_at_the_end(page, "# mine\n")
    page.keyboard.press("Control+s")
    expect(page.locator(".diff")).to_be_visible()


PAGES: dict[str, tuple[str, Callable[[Page], None]]] = {
    "runs": ("/studio/runs", nothing),
    "no runs": ("/studio/runs?order=99999", nothing),
    "run": ("/studio/runs/8", nothing),
    "inbox": ("/studio/inbox", nothing),
    "dead letters": ("/studio/inbox?state=dead", asking),
    "dead letter": (f"/studio/inbox/{LATE}", nothing),
    "flows": ("/studio/flows", nothing),
    "flow": ("/studio/flows/refund_callback", nothing),
    "tables": ("/studio/tables", nothing),
    "table": ("/studio/tables/order", nothing),
    "playground": ("/studio/playground", nothing),
    "mistake": (FLOW, mistaken),
    "completion": (FLOW, completing),
    "dry run": (FLOW, tried),
    "review": (FLOW, reviewing),
}


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_and_nothing_sticks_out(visit: Visit, name: str) -> None:
    path, act = PAGES[name]
    page = visit(path)
    act(page)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert axe_problems(page) == [], scheme
    for width in (768, 400, 320):
        page.set_viewport_size({"width": width, "height": 800})
        over = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert over <= 0, f"{width} pixels"


def test_axe_finds_nothing_on_the_way_in(visit: Visit) -> None:
    page = visit("/studio/flows")
    page.context.clear_cookies()
    page.goto("/studio/runs?flow=pay")
    expect(page.get_by_label("API key or token of an admin")).to_be_focused()
    assert axe_problems(page) == []
    page.keyboard.type("af_wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    assert axe_problems(page) == []


def press_until(page: Page, key: str, reached: Callable[[], bool], most: int = 60) -> None:
    for _ in range(most):
        if reached():
            return
        page.keyboard.press(key)
    raise AssertionError(f"{most} times {key} did not lead there")


def focused(page: Page, script: str) -> Callable[[], bool]:
    """Whether what has the focus (`it`) is so."""
    return lambda: bool(page.evaluate(f"((it) => {script})(document.activeElement)"))


def test_from_the_list_of_runs_to_a_node_by_keyboard(visit: Visit) -> None:
    page = visit("/studio/runs?flow=recurring_charge_callback")
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    press_until(page, "Tab", focused(page, "it.pathname === '/studio/runs/8'"))
    page.keyboard.press("Enter")
    page.wait_for_selector("body[data-ready=yes] .graph")
    press_until(page, "Tab", focused(page, "it.dataset.id === 'new_order'"))
    page.keyboard.press("ArrowDown")
    expect(page.locator("[data-id=process]")).to_be_focused()
    page.keyboard.press("Home")
    expect(page.locator("[data-id=callback]")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".panel h2")).to_have_text("callback")
    expect(page.locator("[data-id=callback]")).to_have_attribute("aria-pressed", "true")


def test_the_playground_by_keyboard(visit: Visit) -> None:
    page = visit(FLOW)
    in_editor = focused(page, "it.shadowRoot?.activeElement?.classList.contains('cm-content')")
    press_until(page, "Tab", in_editor)
    page.keyboard.press("Control+End")
    page.keyboard.insert_text(MISTAKE)
    expect(page.locator(".findings button")).to_be_visible()
    # Tab leaves the editor: it is no trap.
    press_until(page, "Tab", focused(page, "it.closest('.findings') !== null"))
    page.keyboard.press("Enter")
    assert in_editor(), "a finding leads to its place"
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    expect(page.locator(".state")).to_have_text("✓ No mistakes found")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".result .badge")).to_be_visible()
    page.keyboard.press("Control+s")
    expect(page.get_by_role("dialog")).to_contain_text("The file is the same as your text.")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_list_that_is_renewed_leaves_the_focus_where_it_was(visit: Visit) -> None:
    page = visit("/studio/inbox?state=dead")
    button = page.get_by_role("button", name=f"Replay {LATE}")
    button.focus()
    expect(page.locator(".live")).to_have_text("live")
    pulse: dict[str, Any] = {"run": -1, "event": "evt", "change": 0}
    page.route("**/api/pulse", lambda route: route.fulfill(json=pulse))
    with page.expect_response("**/api/inbox?state=dead"):
        pass
    expect(button).to_be_focused()
    page.unroute("**/api/pulse")
