"""actionflow.js and EventSource in Chromium, on a page of another origin: live, standing still, and cut off."""

from __future__ import annotations

import contextlib
import http.server
import os
import pathlib
import shutil
import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.client.place import Place

CHROMIUM = shutil.which("chromium")
try:
    from playwright.sync_api import Page, expect, sync_playwright
except ImportError:
    pytest.skip("playwright is not installed: pip install playwright", allow_module_level=True)
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="there is no chromium here: apt-get install chromium"
)

BY_CLIENT = """
import { connect } from "%(url)s/actionflow.js";
const live = connect("%(url)s", "%(key)s").subscribe("order", { user_id: "node" }, tell, { onStatus });
function tell(change, { tables }) {
  const names = change.type === "row" ? [change.row.item] : (change.rows ?? []).map((row) => row.item);
  told(change.type, names, [...tables.get("order").values()].map((row) => row.item));
}
"""
BY_TICKET = """
const asked = await fetch("%(url)s/tickets", {method: "POST", headers: {Authorization: "Bearer %(key)s"}});
const { ticket } = await asked.json();
const source = new EventSource(`%(url)s/tables/order/subscribe?state=1&user_id=node&ticket=${ticket}`);
source.onopen = () => onStatus("live");
source.onerror = () => onStatus("waiting");
let rows = new Map();
source.addEventListener("state", ({ data }) => {
  rows = new Map(JSON.parse(data).rows.map((row) => [row.id, row.item]));
  told("state", [...rows.values()], [...rows.values()]);
});
source.addEventListener("row", ({ data }) => {
  const { key, row } = JSON.parse(data);
  rows.set(key, row.item);
  told("row", [row.item], [...rows.values()]);
});
"""
PAGE = """<!doctype html><title>A shop's page</title><p id="status"></p><p id="held"></p><ol id="changes"></ol>
<script type="module">
function onStatus(now) { document.querySelector("#status").textContent = now; }
function told(type, names, held) {
  document.querySelector("#held").textContent = held.join(" ");
  const line = document.createElement("li");
  line.textContent = [type, ...names].join(" ");
  document.querySelector("#changes").append(line);
}
%s
</script>"""


class Elsewhere(http.server.ThreadingHTTPServer):
    """A site of its own, with one page: an origin that is not the server's."""

    page = ""

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Elsewhere)
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(self.server.page.encode())

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    with Elsewhere(("127.0.0.1", 0), Answer) as site:
        thread = threading.Thread(target=site.serve_forever)
        thread.start()
        yield site
        site.shutdown()
        thread.join()


@pytest.fixture
def place(tmp_path: pathlib.Path, elsewhere: Elsewhere) -> Iterator[Place]:
    made = Place(tmp_path / "flows", more=f'cors: {{origins: ["{elsewhere.origin}"]}}\n')
    made.server.start()
    yield made
    made.server.stop()
    made.store.close()


@pytest.fixture(params=[BY_CLIENT, BY_TICKET], ids=["actionflow.js", "EventSource"])
def page(request: pytest.FixtureRequest, place: Place, elsewhere: Elsewhere) -> Iterator[Page]:
    """A page that shows what it is told of orders."""
    place.insert(100, "tea")
    elsewhere.page = PAGE % (request.param % {"url": place.server.url, "key": place.key})
    with contextlib.ExitStack() as stack:
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        stack.callback(browser.close)
        page = browser.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(elsewhere.origin)
        expect(page.locator("#held")).to_have_text("tea")
        yield page
        assert errors == []


def changes(page: Page) -> Any:
    return page.locator("#changes > li").filter(has_not_text="state")


@contextlib.contextmanager
def standing_still(page: Page) -> Iterator[None]:
    """The page's process is stopped, as a tab in the background or a laptop that sleeps; its connection
    stays. (Headless Chromium takes every tab for a visible one, so it freezes none by itself.)"""
    assert page.context.browser is not None
    browser = page.context.browser.new_browser_cdp_session()
    running = browser.send("SystemInfo.getProcessInfo")["processInfo"]
    renderers = [int(one["id"]) for one in running if one["type"] == "renderer"]
    assert renderers
    for process in renderers:
        os.kill(process, signal.SIGSTOP)
    try:
        while any(state_of(process) != "T" for process in renderers):
            pass
        yield
    finally:
        for process in renderers:
            os.kill(process, signal.SIGCONT)


def state_of(process: int) -> str:
    """T is stopped (proc_pid_stat(5))."""
    stat = pathlib.Path(f"/proc/{process}/stat").read_text()
    return stat.rpartition(")")[2].split()[0]


def test_live_then_still_then_cut_off_and_nothing_missed(place: Place, page: Page) -> None:
    place.insert(101, "milk")
    expect(changes(page)).to_have_text(["row milk"])

    with standing_still(page):
        place.insert(102, "bread")
        place.update(101, item="cream")
    expect(changes(page)).to_have_text(["row milk", "row bread", "row cream"])
    expect(page.locator("#held")).to_have_text("tea cream bread")

    place.server.kill()
    expect(page.locator("#status")).not_to_have_text("live")
    place.insert(103, "jam")
    place.update(103, item="honey")
    place.server.start()
    told = ["row milk", "row bread", "row cream", "row jam", "row honey"]
    expect(changes(page)).to_have_text(told, timeout=30_000)
    expect(page.locator("#status")).to_have_text("live")
    expect(page.locator("#held")).to_have_text("tea cream bread honey")
    expect(page.locator("#changes > li").filter(has_text="state")).to_have_count(1)
