"""The demo shop in a real browser: `actionflow serve --demo`, its stand-in, and headless Chromium."""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.acceptance.shop import ROOT
from tests.studio.pages.support import axe_problems

CHROMIUM = shutil.which("chromium")
try:
    from playwright.sync_api import Browser, Page, expect, sync_playwright
except ImportError:
    pytest.skip("playwright is not installed: pip install playwright", allow_module_level=True)
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="there is no chromium here: apt-get install chromium"
)

KEYS = re.compile(r"af_[A-Za-z0-9_-]{20,}|sk_test|whsec_")


class Demo:
    """`actionflow serve --demo` as a process of its own."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.port = 0
        self.url = ""
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        environment = {name: text for name, text in os.environ.items() if "STRIPE" not in name}
        words = [sys.executable, "-m", "engine.cli.main", "serve", "--demo", "--project"]
        self._process = subprocess.Popen(
            [*words, str(self.folder), "--port", str(self.port)],
            env={**environment, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None
        said = ""
        for line in self._process.stdout:
            said += line
            if found := re.search(r"http://127\.0\.0\.1:(\d+)/shop", line):
                self.url, self.port = found[0], int(found[1])
            if "check --project" in line:
                break
        assert self.url, f"it did not say where the shop is: {said}"
        with httpx.Client(transport=httpx.HTTPTransport(retries=8), trust_env=False) as client:
            assert client.get(self.url).status_code == 200
        assert said.lstrip().startswith("Open the demo shop"), "the shop comes first"
        assert "STAND-IN" in said, "the stand-in is said loudly"

    def stop(self) -> int:
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)
        code = self._process.wait(30)
        assert self._process.stdout is not None
        self._process.stdout.close()
        return code


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    folder = tmp_path_factory.mktemp("demo") / "flows"
    shutil.copytree(ROOT / "flows", folder, ignore=shutil.ignore_patterns(".actionflow"))
    running = Demo(folder)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def visit(browser: Browser, demo: Demo) -> Iterator[Any]:
    """Open the shop in a new browser: `visit()`. No page may complain."""
    complaints: list[str] = []
    with contextlib.ExitStack() as stack:

        def open_shop(**options: Any) -> Page:
            context = stack.enter_context(contextlib.closing(browser.new_context(**options)))
            page = context.new_page()
            page.on("console", lambda said: said.type == "error" and complaints.append(said.text))
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.goto(demo.url)
            expect(page.locator("#live")).to_have_text("live")
            expect(page.locator("#orders > li").first).to_be_visible()
            page.evaluate("window.neverReloaded = true")
            return page

        yield open_shop
        # A declined card is a 402; one test stops the server under the page.
        expected = ("402", "ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING")
        assert [text for text in complaints if not any(one in text for one in expected)] == []


def order(page: Page, id: int) -> Any:
    return page.locator(f'#orders > li[data-order="{id}"]')


def same_page(page: Page) -> None:
    """What was seen came without a reload."""
    assert page.evaluate("window.neverReloaded") is True


def pay_by_card(page: Page, number: str = "") -> None:
    """On the stand-in's page."""
    page.wait_for_url("**/_standin/pay/**")
    if number:
        page.get_by_label("number").fill(number)
    page.get_by_role("button", name="Pay", exact=True).click()


def test_buy_decline_pay_and_a_page_that_watches(visit: Any) -> None:
    buyer, watcher = visit(), visit()
    buyer.get_by_role("button", name="Buy: Notebook").click()
    pay_by_card(buyer, "4000000000000002")
    expect(buyer.get_by_text("Your card was declined.")).to_be_visible()
    expect(watcher.locator("#orders > li").first.locator(".badge").first).to_have_text("failed")
    pay_by_card(buyer, "4242424242424242")
    buyer.wait_for_url("**/shop/paid**")
    expect(buyer.locator("#notice")).to_contain_text("is paid")
    newest = watcher.locator("#orders > li").first
    expect(newest.locator(".badge").first).to_have_text("paid")
    expect(newest).to_contain_text("SUCCESSFUL")
    expect(watcher.locator("#changes")).to_contain_text("status: failed → paid")
    same_page(watcher)


def test_pay_on_the_hosted_page(visit: Any) -> None:
    page = visit()
    order(page, 2).get_by_role("button", name="Pay on Stripe's page").click()
    page.wait_for_url("**/c/pay/**")
    page.get_by_label("email").fill("ada@example.com")
    page.get_by_role("button", name="Pay", exact=True).click()
    page.wait_for_url("**/shop/paid?order=2")
    expect(page.locator("#notice")).to_have_text("Thank you. Order 2 is paid.")
    expect(order(page, 2).locator(".badge").first).to_have_text("paid")


def test_staff_give_money_back_in_parts(visit: Any) -> None:
    buyer = visit()
    order(buyer, 1).get_by_role("button", name="Pay by card").click()
    pay_by_card(buyer)
    buyer.wait_for_url("**/shop/paid**")
    expect(order(buyer, 1).locator(".badge").first).to_have_text("paid")
    buyer.evaluate("window.neverReloaded = true")
    staff = visit()
    staff.get_by_role("button", name="Staff").click()
    bought = order(staff, 1)
    amount = bought.get_by_label("Give back (USD)")
    expect(amount).to_have_value("100.00")
    refund = bought.get_by_role("button", name=re.compile("Refund payment"))
    for wrong in ("12.345", "free", "-1", ""):
        amount.fill(wrong)
        refund.click()
        expect(staff.locator("#notice")).to_contain_text("not one of this currency")
    amount.fill("12.34")
    refund.click()
    expect(order(buyer, 1).locator(".badge").first).to_have_text("partly refunded")
    expect(order(buyer, 1)).to_contain_text("$12.34 given back")
    expect(amount).to_have_value("87.66")
    refund.click()
    expect(order(buyer, 1).locator(".badge").first).to_have_text("refunded")
    expect(bought).to_contain_text("$87.66")
    expect(refund).to_have_count(0)
    same_page(buyer)
    same_page(staff)


def test_subscribe_renew_cancel_end(visit: Any) -> None:
    page = visit()
    page.get_by_role("button", name="Subscribe: Tea for a month").click()
    page.wait_for_url("**/c/pay/**")
    page.get_by_label("email").fill("ada@example.com")
    page.get_by_role("button", name="Subscribe").click()
    page.wait_for_url("**/shop/paid**")
    expect(page.locator("#notice")).to_have_text("Thank you. Your subscription has begun.")
    page.evaluate("window.neverReloaded = true")
    number = re.search(r"order=(\d+)", page.url)
    assert number is not None
    first = order(page, int(number[1]))
    expect(first).to_contain_text("renews on")
    page.get_by_role("button", name="Let a month pass").click()
    renewal = page.locator("#orders > li", has_text="renewal")
    expect(renewal.locator(".badge").first).to_have_text("paid")
    first.get_by_role("button", name="Cancel subscription").click()
    expect(first).to_contain_text("ends on")
    expect(page.get_by_role("button", name="Cancel subscription")).to_have_count(0)
    page.get_by_role("button", name="Let a month pass").click()
    expect(first).to_contain_text("ended on")
    expect(first).to_contain_text("canceled")
    same_page(page)


def test_by_keyboard_alone(visit: Any) -> None:
    page = visit()
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.getAttribute('aria-label')") == "Buy: Pencil case":
            break
    page.keyboard.press("Enter")
    page.wait_for_url("**/_standin/pay/**")


def test_a_page_goes_on_after_the_server_was_away(visit: Any, demo: Demo) -> None:
    page = visit()
    before = page.locator("#orders > li").count()
    assert demo.stop() == 0, "open streams do not keep a server from stopping"
    expect(page.locator("#live")).to_have_text("connecting again…")
    demo.start()
    expect(page.locator("#live")).to_have_text("live", timeout=20_000)
    other = visit()
    other.get_by_role("button", name="Buy: Notebook").click()
    other.wait_for_url("**/_standin/pay/**")
    expect(page.locator("#orders > li")).to_have_count(before + 1)
    same_page(page)


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_sticks_out(visit: Any, width: int, scheme: str) -> None:
    page = visit(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page.get_by_role("button", name="Staff").click()
    expect(page.locator("#orders-title")).to_have_text("All orders")
    wide = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    assert wide == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(visit: Any, scheme: str) -> None:
    page = visit(color_scheme=scheme, reduced_motion="reduce")
    assert axe_problems(page) == []
    page.get_by_role("button", name="Staff").click()
    expect(page.locator("#orders-title")).to_have_text("All orders")
    assert axe_problems(page) == []


def test_no_key_reaches_the_browser_and_no_stranger_the_shop(demo: Demo) -> None:
    base = demo.url.removesuffix("/shop")
    with httpx.Client(base_url=base, trust_env=False) as client:
        page = client.get("/shop")
        policy = page.headers["content-security-policy"]
        assert "script-src 'self';" in policy
        assert "unsafe" not in policy
        assert "<script>" not in page.text
        assert "style=" not in page.text
        answer = client.get("/shop/session")
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        for name in ("shop.js", "views.js", "dom.js", "money.js", "shop.css"):
            assert not KEYS.search(client.get(f"/shop/static/{name}").text)
        assert not KEYS.search(page.text + answer.text + str(answer.headers))
        token = {"X-Shop-Token": answer.json()["token"]}
        notebook = {"product": "notebook"}
        assert client.post("/shop/orders", json=notebook).status_code == 403
        assert client.get("/shop/as/admin/tables/order").status_code == 403
        assert client.get("/shop/as/admin/tables/order", headers=token).status_code == 200
        assert client.get("/shop/as/root/tables/order", headers=token).status_code == 404
        wrong = {"X-Shop-Token": "0" * 64}
        assert client.post("/shop/orders", json=notebook, headers=wrong).status_code == 403
        named = {**token, "Host": "shop.attacker.example"}
        assert client.get("/shop/session", headers=named).status_code == 403
        cross = {**token, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"}
        assert client.post("/shop/orders", json=notebook, headers=cross).status_code == 403
        assert (
            client.post("/shop/orders", json={"product": "car"}, headers=token).status_code == 422
        )
        assert client.get("/shop/static/..%2f..%2fshop.py").status_code == 404
        made = client.post("/shop/orders", json=notebook, headers=token).json()
        pay = client.post("/shop/as/customer/actions/pay", json=made, headers=token)
        assert pay.json()["publishableKey"] == "pk_test_standin"
        assert not KEYS.search(pay.text)
        browser = {"Accept": "text/html"}
        assert '<a href="/shop">' in client.get("/", headers=browser).text
        lost = client.get("/shop", headers={**browser, "Host": "shop.attacker.example"})
        assert (lost.status_code, "<h1>" in lost.text) == (403, True)
    with httpx.Client(base_url=base, trust_env=False) as stranger:
        assert stranger.get("/shop/as/admin/tables/order", headers=token).status_code == 403


def test_the_demos_key_opens_the_studio(demo: Demo) -> None:
    key = demo.folder / ".actionflow" / "demo-admin-key"
    base = demo.url.removesuffix("/shop")
    with httpx.Client(base_url=base, trust_env=False) as client:
        page = client.get("/studio/sign-in").text
        assert str(key) in page
        assert key.read_text() not in page
        [field] = re.findall(r'name="csrf" value="([^"]+)"', page)
        form = {"token": key.read_text(), "csrf": field, "next": ""}
        assert client.post("/studio/sign-in", data=form).headers["location"] == "/studio/runs"
        assert client.get("/studio/api/runs").status_code == 200
