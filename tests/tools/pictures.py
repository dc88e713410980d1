"""The pictures of docs/pictures, taken in Chromium of the example shop: `python -m tests.tools.pictures`.

The studio's are of a server that some weeks of recorded events were sent to; the shop's is of
`actionflow serve --demo` after somebody bought something.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import sys
import tempfile
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from tests.acceptance.shop import ROOT, SECRET, open_shop
from tests.acceptance.test_shop_browser import Demo, order, pay_by_card
from tests.studio.pages.support import FLOW, MISTAKE, go, type_at_the_end
from tests.studio.world import business

FOLDER = ROOT / "docs" / "pictures"
SIZE = {"width": 1240, "height": 780}
LARGEST = 200_000
"""Bytes of a picture; they are kept in the repository."""


def mistaken(page: Page) -> None:
    type_at_the_end(page, MISTAKE)
    page.locator(".findings li").wait_for()
    page.locator(".cm-lint-marker-error").wait_for()


def tried(page: Page) -> None:
    page.get_by_label("Event").select_option("payment_intent.payment_failed.declined")
    page.get_by_label("On the rows of").select_option("seed.yaml")
    page.get_by_role("button", name="Dry run").click()
    page.locator(".result .badge").wait_for()
    page.locator(".graph [data-id=mark_failed]").click()
    page.evaluate("scrollTo(0, 0)")


def reviewing(page: Page) -> None:
    type_at_the_end(page, '  - {id: tell, type: log, message: "order {{ callback.orderId }}"}\n')
    page.keyboard.press("Control+s")
    page.locator(".diff").wait_for()


STUDIO: dict[str, tuple[str, str, Callable[[Page], Any]]] = {
    "runs": ("light", "/studio/runs", lambda page: page.locator(".live:not(:empty)").wait_for()),
    "run": ("light", "/studio/runs/8", lambda page: None),
    "dead-letters": ("light", "/studio/inbox?state=dead", lambda page: None),
    "flow": ("dark", "/studio/flows/refund_callback", lambda page: None),
    "playground": ("light", FLOW, mistaken),
    "dry-run": ("dark", FLOW, tried),
    "review": ("light", FLOW, reviewing),
}


def keep(page: Page, name: str) -> None:
    """Write one picture."""
    file = FOLDER / f"{name}.png"
    page.screenshot(path=file)
    size = file.stat().st_size
    print(f"{file.relative_to(ROOT)}: {size // 1024} KB")
    assert size < LARGEST, f"{name} is too large to keep"


def studio(browser: Browser, folder: pathlib.Path) -> None:
    """The studio's pages."""
    with open_shop(folder) as shop:
        shop.service.demo = True
        business(shop)
        for name, (scheme, path, act) in STUDIO.items():
            page = browser.new_page(base_url=shop.url, color_scheme=scheme, viewport=SIZE)
            page.on("dialog", lambda dialog: dialog.accept())
            page.goto("/studio")
            page.get_by_label("API key or token of an admin").fill(shop.keys["admin"])
            page.get_by_role("button", name="Sign in").click()
            page.wait_for_url("**/studio/runs")
            go(page, path)
            act(page)
            keep(page, name)
            page.close()


def demo_shop(browser: Browser, folder: pathlib.Path) -> None:
    """The demo shop, with an order that was paid and partly given back."""
    shutil.copytree(ROOT / "flows", folder, ignore=shutil.ignore_patterns(".actionflow"))
    demo = Demo(folder)
    demo.start()
    try:
        page = browser.new_page(viewport=SIZE)
        page.goto(demo.url)
        order(page, 1).get_by_role("button", name="Pay by card").click()
        pay_by_card(page)
        page.wait_for_url("**/shop/paid**")
        page.get_by_role("button", name="Staff").click()
        paid = order(page, 1)
        paid.get_by_label("Give back (USD)").fill("12.34")
        paid.get_by_role("button", name="Refund payment").click()
        paid.get_by_text("partly refunded").first.wait_for()
        page.evaluate("scrollTo(0, 0)")
        keep(page, "shop")
    finally:
        demo.stop()


def main() -> int:
    os.environ["STRIPE_WEBHOOK_SECRET"] = SECRET
    os.environ["STRIPE_SECRET_KEY"] = "sk_test_shop"
    os.environ["STRIPE_PUBLISHABLE_KEY"] = "pk_test_shop"
    FOLDER.mkdir(exist_ok=True)
    chromium = shutil.which("chromium")
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        studio(browser, pathlib.Path(folder) / "studio")
        demo_shop(browser, pathlib.Path(folder) / "shop")
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
