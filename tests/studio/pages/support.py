"""What tests of several pages do."""

from __future__ import annotations

import gzip
from typing import Any

from tests.acceptance.shop import ROOT

AXE = ROOT / "tests" / "acceptance" / "vendor" / "axe.min.js.gz"
"""axe-core (MPL-2.0), brought by scripts/vendor_frontend.sh; it does not travel in the wheel."""
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


AROUND = {"exclude": [{"fromShadowDom": [".editor-host", ".cm-tooltip-autocomplete"]}]}
"""Not the list of suggestions: the editor keeps the focus, and moves through it by the arrow keys."""

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


def axe_problems(page: Any) -> list[str]:
    """What axe finds, with the place of each."""
    page.evaluate(gzip.decompress(AXE.read_bytes()).decode())
    found = page.evaluate(
        "([around, rules]) => axe.run(around, {runOnly: rules}).then((found) => found.violations)",
        [AROUND, RULES],
    )
    return [
        f"{one['id']}: {node['target']} {node['failureSummary']}"
        for one in found
        for node in one["nodes"]
    ]
