"""What tests of several pages do."""

from __future__ import annotations

from typing import Any

FLOW = "/studio/playground/payment_callback"
MISTAKE = '  - {id: tell, type: log, message: "{{ callback.orderID }}"}\n'


def go(page: Any, path: str) -> None:
    """Load a page and wait until it is filled."""
    page.goto(path)
    page.wait_for_selector("body[data-ready=yes]")


def type_at_the_end(page: Any, text: str) -> None:
    page.locator(".cm-content").click()
    page.keyboard.press("Control+End")
    page.keyboard.insert_text(text)
