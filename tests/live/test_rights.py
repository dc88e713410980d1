"""Rights that change while a stream is open."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Callable
from typing import Any

import pytest

from engine.access import Caller
from engine.access.keys import PREFIX_LENGTH
from engine.load import Loaded
from engine.store import keys
from tests.live.support import World

Run = Callable[[Any], None]


def test_the_streams_of_a_revoked_key_end_and_no_others(run: Run) -> None:
    async def story(world: World) -> None:
        hub = world.service.hub
        async with world.stream(role="customer") as his, world.stream() as other:
            await his.expect("ready")
            await other.expect("ready")
            prefix = world.keys["customer"][:PREFIX_LENGTH]
            await world.write(lambda tx: keys.revoke(tx, prefix))
            hub._check_at = 0.0
            [bye] = await his.expect("bye")
            assert bye["reason"] == "renew"
            await his.end()
            await world.insert(1)
            await other.expect("row")
        status, body = await world.ask("/tables/order/subscribe", role="customer")
        assert (status, body["code"]) == (401, "revoked_key")

    run(story)


def test_a_ticket_does_not_outlive_the_key_it_was_made_with(run: Run) -> None:
    async def story(world: World) -> None:
        hub = world.service.hub
        _, body = await world.ask("/tickets", role="customer", method="POST")
        async with world.stream("order", {"ticket": body["ticket"]}, role=None) as stream:
            await stream.expect("ready")
            prefix = world.keys["customer"][:PREFIX_LENGTH]
            await world.write(lambda tx: keys.revoke(tx, prefix))
            hub._check_at = 0.0
            await stream.expect("bye")
        status, body = await world.ask(
            "/tables/order/subscribe", {"ticket": body["ticket"]}, role=None
        )
        assert (status, body["code"]) == (401, "revoked_key")

    run(story)


def test_a_stream_ends_with_the_token_it_was_opened_with(run: Run) -> None:
    async def story(world: World) -> None:
        streams = world.service.hub.streams
        now = 0.0
        streams.clock = lambda: now
        caller = Caller("ada", "customer", "jwt", until=time.time() + 100)
        ticket = world.service.tickets.make(caller)
        async with world.stream("order", {"ticket": ticket}, role=None) as stream:
            await stream.expect("ready")
            now = 90.0
            streams.tick(0)
            assert stream.events.qsize() <= 1, "a heartbeat at most"
            now = 101.0
            streams.tick(0)
            while (told := await stream.next()).name != "bye":
                assert told.name == "heartbeat"
            assert told.data["reason"] == "renew"
        expired = world.service.tickets.make(dataclasses.replace(caller, until=time.time() - 1))
        status, body = await world.ask("/tables/order/subscribe", {"ticket": expired}, role=None)
        assert (status, body["code"]) == (401, "token_expired")

    run(story)


def test_changed_roles_count_at_once(run: Run) -> None:
    """A reload of project.yaml with other rules has every client come again under them."""

    async def story(world: World) -> None:
        service = world.service
        await world.insert(1)
        async with world.stream(role="customer") as stream:
            await stream.expect("ready")
            roles = {**service.project.file.roles, "customer": {}}
            file = dataclasses.replace(service.project.file, roles=roles)
            flows = {name: one.flow for name, one in service.project.flows.items()}
            loaded = Loaded(service.project.folder, file, flows)
            assert await asyncio.to_thread(service.take_flows, loaded)
            [bye] = await stream.expect("bye")
            assert bye["reason"] == "renew"
        status, body = await world.ask("/tables/order/subscribe", role="customer")
        assert (status, body["code"]) == (403, "read_denied")

    run(story)


def test_a_head_is_no_stream(run: Run) -> None:
    async def story(world: World) -> None:
        answer = await world.call("HEAD", "/tables/order/subscribe", role="customer")
        assert (answer.status, answer.body) == (200, b"")
        assert answer.headers["content-type"].startswith("text/event-stream")
        answer = await world.call("HEAD", "/tables/secret/subscribe", role="customer")
        assert answer.status == 403

    run(story)


@pytest.mark.parametrize(
    "query",
    [
        {"facts": "x"},
        {"payment.facts": "x"},
        {"order": "facts"},
        {"order": "-facts"},
        {"order": "facts", "after": '["x",1]'},
    ],
)
def test_internal_columns_can_be_neither_filtered_nor_ordered_by(run: Run, query: Any) -> None:
    """What cannot be seen cannot be guessed at either."""

    async def story(world: World) -> None:
        for path in ("/tables/payment", "/tables/payment/subscribe"):
            status, body = await world.ask(path, query)
            assert status == 400
            assert "facts" not in body["detail"].split("it has")[-1].split("expected one of")[-1]

    run(story)


def test_what_somebody_may_not_see_cannot_be_found_by_asking(run: Run) -> None:
    """Filters, orders and places are looked at under the read rule: what others have changes nothing."""

    async def story(world: World) -> None:
        await world.insert(1, "ada", 5)
        asked: list[dict[str, Any]] = [
            {"id": 2},
            {"user_id": "lin"},
            {"amount": 7},
            {"order": "-amount"},
            {"order": "amount", "limit": 1},
            {"order": "amount", "after": "[6,0]"},
        ]
        before = [await world.ask("/tables/order", one, role="customer") for one in asked]
        await world.insert(2, "lin", 7)
        after = [await world.ask("/tables/order", one, role="customer") for one in asked]
        for (_, old), (_, new) in zip(before, after, strict=True):
            assert (old["rows"], old["next"]) == (new["rows"], new["next"])

    run(story)
