"""What a browser meets where there is no page, and an API client where there is no route."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.model import StudioRules
from tests.acceptance.shop import Shop

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/", 404, "no_such_route"),
        ("GET", "/studio/nosuch", 404, "no_such_route"),
        ("GET", "/shop", 404, "no_such_route"),  # not a demo
        ("GET", "/studio/sign-out", 405, "method_not_allowed"),
        ("GET", "/actions/pay", 405, "method_not_allowed"),
        ("POST", "/studio/nosuch", 404, "no_such_route"),
    ],
)
def test_a_browser_gets_a_page_and_a_client_a_problem(
    shop: Shop, method: str, path: str, status: int, code: str
) -> None:
    page = shop.client.request(method, path, headers=BROWSER)
    assert page.status_code == status
    assert "Accept" in page.headers["vary"].split(", ")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert '<a href="/studio">' in page.text
    assert '<a href="/shop">' not in page.text
    assert "docs/server.md" in page.text
    problem = shop.client.request(method, path)
    assert (problem.status_code, problem.json()["code"]) == (status, code)
    assert problem.headers["content-type"] == "application/problem+json"
    assert page.headers.get("allow") == problem.headers.get("allow")


def test_what_was_asked_for_is_only_text_on_the_page(shop: Shop) -> None:
    page = shop.client.get("/<script>alert(1)</script>", headers=BROWSER)
    assert page.status_code == 404
    assert "<script" not in page.text


def test_a_studio_that_is_off_is_not_on_the_page(shop: Shop) -> None:
    project = shop.service.project
    shop.service.project = replace(
        project, file=replace(project.file, studio=StudioRules(on=False))
    )
    for path in ("/", "/studio", "/studio/runs", "/studio/static/run.js"):
        page = shop.client.get(path, headers=BROWSER)
        assert page.status_code == 404
        assert 'href="/studio"' not in page.text
