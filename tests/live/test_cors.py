"""Pages of other origins: which are let in, to what, and what a browser is told."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.live.support import Stream, World

Run = Callable[[Any], None]
SHOP = "https://shop.example.com"


async def asked(world: World, method: str, path: str, headers: Mapping[str, str]) -> Stream:
    file = dataclasses.replace(world.service.project.file, origins=(SHOP,))
    world.service.project = dataclasses.replace(world.service.project, file=file)
    stream = Stream()
    stream.reading.set()

    async def receive() -> Any:
        return {"type": "http.request", "body": b"{}", "more_body": False}

    await world.app(world._scope(method, path, (), headers), receive, stream.send)
    return stream


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("/tables/order", "GET"),
        ("/tables/order/subscribe", "GET"),
        ("/actions/pay", "POST"),
        ("/tickets", "POST"),
    ],
)
def test_a_browser_may_ask_from_an_allowed_origin(run: Run, path: str, wanted: str) -> None:
    async def story(world: World) -> None:
        head = {"Origin": SHOP, "Access-Control-Request-Method": wanted}
        told = await asked(world, "OPTIONS", path, head)
        assert (told.status, told.body) == (204, b"")
        assert told.headers["access-control-allow-origin"] == SHOP
        assert wanted in told.headers["access-control-allow-methods"]
        allowed = told.headers["access-control-allow-headers"].lower()
        for name in ("authorization", "last-event-id", "idempotency-key", "content-type"):
            assert name in allowed
        assert "access-control-allow-credentials" not in told.headers
        refused = await asked(world, "OPTIONS", path, {**head, "Origin": "https://evil.example"})
        assert refused.status == 403
        assert b"origin_denied" in refused.body
        assert "access-control-allow-origin" not in refused.headers

    run(story)


@pytest.mark.parametrize(
    ("origin", "let_in"),
    [
        (SHOP, True),
        ("https://shop.example.com:444", False),
        ("http://shop.example.com", False),
        ("https://shop.example.com.evil.example", False),
        ("null", False),
        ("", False),
    ],
)
def test_only_an_exact_origin_may_read_answers_and_errors(
    run: Run, origin: str, let_in: bool
) -> None:
    async def story(world: World) -> None:
        key = {"Authorization": f"Bearer {world.keys['admin']}"}
        for headers, status in ((key, 200), ({}, 401)):
            told = await asked(world, "GET", "/tables/order", {**headers, "Origin": origin})
            assert told.status == status
            expected = origin if let_in else None
            assert told.headers.get("access-control-allow-origin") == expected
            assert "Origin" in told.headers["vary"]

    run(story)


@pytest.mark.parametrize("path", ["/studio", "/studio/api/runs", "/healthz", "/metrics"])
def test_the_rest_is_for_its_own_origin(run: Run, path: str) -> None:
    async def story(world: World) -> None:
        told = await asked(world, "GET", path, {"Origin": SHOP})
        assert "access-control-allow-origin" not in told.headers
        head = {"Origin": SHOP, "Access-Control-Request-Method": "GET"}
        told = await asked(world, "OPTIONS", path, head)
        assert "access-control-allow-origin" not in told.headers

    run(story)


def test_a_stream_is_let_across_too(run: Run) -> None:
    async def story(world: World) -> None:
        head = {"Authorization": f"Bearer {world.keys['admin']}", "Origin": SHOP}
        world.service.hub.close()  # so that it ends by itself
        told = await asked(world, "GET", "/tables/order/subscribe", head)
        assert told.headers["access-control-allow-origin"] == SHOP
        assert [(await told.next()).name for _ in range(2)] == ["ready", "bye"]

    run(story)
