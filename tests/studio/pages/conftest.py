"""One server and one browser for all tests of the studio's pages; each test has a context of its own."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.acceptance.shop import SECRET, Shop, open_shop
from tests.studio.pages.support import go
from tests.studio.world import business

CHROMIUM = shutil.which("chromium")
ARGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")

Visit = Callable[..., Any]
"""`visit("/studio/runs", …)`: a signed-in page in a context with these options."""


@pytest.fixture(scope="package")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The example shop after a little business, with the studio on; saving is allowed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STRIPE_WEBHOOK_SECRET", SECRET)
        patch.setenv("STRIPE_SECRET_KEY", "sk_test_shop")
        patch.setenv("STRIPE_PUBLISHABLE_KEY", "pk_test_shop")
        with open_shop(tmp_path_factory.mktemp("studio") / "flows") as shop:
            shop.service.demo = True
            business(shop)
            yield shop


@pytest.fixture(scope="package")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("there is no chromium here: apt-get install chromium")
    api = pytest.importorskip("playwright.sync_api", reason="pip install playwright")
    with api.sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGS))
        yield launched
        launched.close()


@pytest.fixture(scope="package")
def signed_in(studio: Shop, browser: Any) -> Any:
    """The cookies of an admin who signed in through the form."""
    context = browser.new_context(base_url=studio.url)
    page = context.new_page()
    page.goto("/studio")
    page.get_by_label("API key or token of an admin").fill(studio.keys["admin"])
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/studio/runs")
    cookies = context.storage_state()
    context.close()
    return cookies


@pytest.fixture
def visit(studio: Shop, browser: Any, signed_in: Any) -> Iterator[Visit]:
    """Open pages. None may complain on its console, and no request may leave the host."""
    complaints: list[str] = []
    host = urlsplit(studio.url).netloc
    with contextlib.ExitStack() as stack:

        def open_page(path: str, **options: Any) -> Any:
            options = {"storage_state": signed_in, "base_url": studio.url, **options}
            context = stack.enter_context(contextlib.closing(browser.new_context(**options)))
            context.set_default_timeout(10_000)
            page = context.new_page()
            page.on(
                "console",
                lambda said: said.type in ("error", "warning") and complaints.append(said.text),
            )
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on(
                "request",
                lambda asked: urlsplit(asked.url).netloc != host and complaints.append(asked.url),
            )
            go(page, path)
            return page

        yield open_page
        # A refused request is the subject of some tests; the browser notes each on its console.
        answers = ("status of 422", "status of 409", "status of 400", "status of 503", "of 401")
        assert [text for text in complaints if not any(one in text for one in answers)] == []
