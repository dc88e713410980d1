"""Streams: who sees which changes, how they are told, and that a break loses nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.live import streams as lives
from engine.live import subscriber as subscribers
from engine.live.recent import Recent
from engine.store import changes
from tests.live.support import PATIENCE, World

Run = Callable[[Any], None]


def test_the_rows_as_they_are_then_as_they_change(run: Run) -> None:
    async def story(world: World) -> None:
        await world.insert(1, more={"a": [1]})
        async with world.stream("order", {"state": 1}) as stream:
            ready, state = await stream.expect("ready", "state")
            assert stream.headers["content-type"].startswith("text/event-stream")
            assert ready == {"tables": ["order"], "resumed": False}
            assert (state["key"], state["complete"]) == ("id", True)
            assert [(row["id"], row["more"]) for row in state["rows"]] == [(1, {"a": [1]})]
            await world.update(1, status="paid")
            await world.insert(2)
            await world.write(lambda tx: tx.delete("order", {"id": 2}))
            changed, made, removed = await stream.expect("row", "row", "remove")
            assert (changed["op"], changed["key"], changed["row"]["status"]) == (
                "update",
                1,
                "paid",
            )
            assert (made["op"], made["key"]) == ("insert", 2)
            assert removed["key"] == 2
            assert "row" not in removed

    run(story)


def test_a_row_rolled_back_is_never_told(run: Run) -> None:
    async def story(world: World) -> None:
        def fails(tx: Any) -> None:
            tx.insert("order", {"id": 1, "user_id": "ada", "amount": 1})
            raise ValueError("undone")

        async with world.stream() as stream:
            await stream.expect("ready")
            with pytest.raises(ValueError, match="undone"):
                await world.write(fails)
            await world.insert(2)
            [told] = await stream.expect("row")
            assert told["key"] == 2

    run(story)


def test_a_customer_is_told_of_his_own_rows_only(run: Run) -> None:
    async def story(world: World) -> None:
        async with world.stream("order", {"state": 1}, role="customer") as stream:
            await stream.expect("ready", "state")
            await world.insert(1, "lin")
            await world.update(1, status="paid")
            await world.insert(2, "ada")
            await world.update(1, user_id="ada")
            await world.update(1, user_id="lin", status="failed")
            await world.update(1, status="pending")
            await world.insert(3, "ada")
            made, taken, lost, last = await stream.expect("row", "row", "remove", "row")
            assert made["key"] == 2
            assert (taken["key"], taken["row"]["user_id"]) == (1, "ada")
            assert lost["key"] == 1
            assert "failed" not in str(lost), "the row is somebody else's by now"
            assert last["key"] == 3

    run(story)


def test_a_rule_that_no_index_serves(run: Run) -> None:
    async def story(world: World) -> None:
        async with world.stream("order", role="clerk") as stream:
            await stream.expect("ready")
            await world.insert(1, amount=500)
            await world.insert(2, amount=50)
            await world.update(2, amount=500)
            made, lost = await stream.expect("row", "remove")
            assert (made["key"], lost["key"]) == (2, 2)

    run(story)


@pytest.mark.parametrize(
    ("query", "seen"),
    [
        ({"id": 2}, [2]),
        ({"status": "paid"}, [2, 4]),
        ({"status": ["paid", "failed"]}, [2, 3, 4]),
        ({"status": "paid", "user_id": "lin"}, [4]),
        ({"urgent": "true"}, [3]),
        ({"note": ""}, [1, 2, 3]),
        ({"currency": "EUR"}, [4]),
        ({"order.status": "failed"}, [3]),
    ],
)
def test_filters(run: Run, query: dict[str, Any], seen: list[int]) -> None:
    async def story(world: World) -> None:
        async with world.stream("order", query) as stream:
            await stream.expect("ready")
            await world.insert(1)
            await world.insert(2, status="paid")
            await world.insert(3, status="failed", urgent=True)
            await world.insert(4, "lin", status="paid", note="x", currency="eur")
            await world.told()
            found = [(await stream.next()).data["key"] for _ in seen]
            assert found == seen
            assert stream.events.empty()
        _, answer = await world.ask("/tables/order", query)
        assert [row["id"] for row in answer["rows"]] == seen, "reading and streaming agree"

    run(story)


def test_several_tables_in_one_stream(run: Run) -> None:
    async def story(world: World) -> None:
        query = {"state": 1, "order.status": "paid"}
        async with world.stream("order,secret", query) as stream:
            await stream.expect("ready", "state", "state")
            await world.insert(1)
            await world.write(lambda tx: tx.insert("secret", {"name": "a"}))
            await world.insert(2, status="paid")
            first, second = await stream.expect("row", "row")
            assert (first["table"], first["key"]) == ("secret", "a")
            assert (second["table"], second["key"]) == ("order", 2)

    run(story)


def test_internal_columns_stay_inside(run: Run) -> None:
    async def story(world: World) -> None:
        await world.insert(1)

        def pay(tx: Any) -> None:
            with tx.system_writes():
                row = {"order_id": 1, "amount": 5, "currency": "usd", "facts": {"inner": 1}}
                made = tx.insert("payment", row)
                tx.update(
                    "payment", {"id": made["id"]}, {"facts": {"inner": 2}, "status": "FAILED"}
                )

        async with world.stream("payment", {"state": 1}) as stream:
            await stream.expect("ready", "state")
            await world.write(pay)
            told = await stream.expect("row", "row")
            assert [one["row"]["status"] for one in told] == ["PENDING", "FAILED"]
        _, answer = await world.ask("/tables/payment")
        assert "inner" not in stream.body.decode() + str(answer)
        assert "facts" not in answer["rows"][0]

    run(story)


@pytest.mark.parametrize(
    ("tables", "query", "role", "status", "code"),
    [
        ("order", {}, None, 401, "no_credentials"),
        ("order", {}, "nobody", 403, "read_denied"),
        ("secret", {}, "customer", 403, "read_denied"),
        ("nothing", {}, "customer", 403, "read_denied"),
        ("actionflow_key", {}, "admin", 403, "read_denied"),
        ("order,secret", {}, "customer", 403, "read_denied"),
        ("order,order", {}, "admin", 400, "bad_tables"),
        ("order", {"colour": "red"}, "admin", 400, "unknown_column"),
        ("payment", {"facts": "x"}, "admin", 400, "unknown_column"),
        ("order", {"amount": "12.5"}, "admin", 400, "bad_filter"),
        ("order", {"urgent": "yes"}, "admin", 400, "bad_filter"),
        ("order", {"more": "{}"}, "admin", 400, "bad_filter"),
        ("order,payment", {"id": 1}, "admin", 400, "bad_filter"),
        ("payment", {"status": "shipped"}, "admin", 400, "bad_filter"),
        ("order", {"state": "yes"}, "admin", 400, "bad_option"),
        ("order", {"after": "[1]"}, "admin", 400, "bad_option"),
        ("order", {"limit": 0}, "admin", 400, "bad_limit"),
        ("order", {"limit": 1001}, "admin", 400, "bad_limit"),
        ("order", {"order": "note"}, "admin", 400, "bad_order"),
        ("order", {"since": "x"}, "admin", 400, "bad_last_event_id"),
        ("order", {"since": "-1"}, "admin", 400, "bad_last_event_id"),
        ("order", {"ticket": "x.y"}, None, 401, "bad_token"),
    ],
)
def test_refusals(
    run: Run, tables: str, query: Any, role: str | None, status: int, code: str
) -> None:
    async def story(world: World) -> None:
        answer = await world.ask(f"/tables/{tables}/subscribe", query, role=role)
        assert (answer[0], answer[1]["code"]) == (status, code)

    run(story)


def test_a_ticket_opens_a_stream_and_nothing_else(run: Run) -> None:
    async def story(world: World) -> None:
        now = 1_000_000.0
        world.service.tickets = type(world.service.tickets)(b"k" * 32, lambda: now)
        status, body = await world.ask("/tickets", role="customer", method="POST")
        assert (status, body["expires_in"]) == (200, 60)
        query = {"ticket": body["ticket"], "state": 1}
        await world.insert(1, "ada")
        await world.insert(2, "lin")
        async with world.stream("order", query, role=None) as stream:
            _, state = await stream.expect("ready", "state")
            assert [row["id"] for row in state["rows"]] == [1], "it speaks for ada"
        assert (await world.ask("/tables/order", query, role=None))[0] == 401
        assert (await world.ask("/tickets", query, role=None, method="POST"))[0] == 401
        assert (await world.ask("/tickets", role=None, method="POST"))[0] == 401
        forged = body["ticket"][:-4] + "AAAA"
        status, answer = await world.ask("/tables/order/subscribe", {"ticket": forged}, role=None)
        assert (status, answer["code"]) == (401, "bad_token")
        now += 60
        status, answer = await world.ask("/tables/order/subscribe", query, role=None)
        assert (status, answer["code"]) == (401, "token_expired")

    run(story)


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    steps=st.lists(st.tuples(st.integers(1, 4), st.sampled_from(["paid", "open"])), max_size=40),
    cuts=st.lists(st.integers(0, 6), max_size=12),
    known=st.booleans(),
)
def test_whoever_is_cut_off_anywhere_misses_nothing(
    live_world: Any, steps: list[tuple[int, str]], cuts: list[int], known: bool
) -> None:
    """Changes go on while a client comes, reads some, is cut off, and comes again with its place.

    What it holds at the end is what the table holds, and of what matched it saw each version once.
    """

    async def story(world: World) -> None:
        def clear(tx: Any) -> None:
            tx.delete("order", {})
            for id in (1, 2, 3, 4):
                row = {"id": id, "user_id": "ada", "amount": 1, "status": "open"}
                tx.insert("order", row)

        await world.write(clear)
        place = None
        if known:
            async with world.stream("order", {"status": "paid"}) as stream:
                await stream.expect("ready")
                place = stream.place
        held: dict[int, int] = {}
        seen: list[tuple[int, int]] = []
        versions = {1: 1, 2: 1, 3: 1, 4: 1}
        wanted: list[tuple[int, int]] = []
        left = list(steps)

        async def change() -> None:
            if left:
                id, status = left.pop(0)
                versions[id] += 1
                if status == "paid":
                    wanted.append((id, versions[id]))
                await world.update(id, status=status, amount=versions[id])

        async def take(stream: Any) -> None:
            told = await stream.next()
            if told.name == "state":
                held.clear()
                held.update({row["id"]: row["amount"] for row in told.data["rows"]})
                seen[:] = [pair for pair in wanted if pair[1] <= versions[pair[0]]]
            elif told.name == "row":
                held[told.data["key"]] = told.data["row"]["amount"]
                seen.append((told.data["key"], told.data["row"]["amount"]))
            elif told.name == "remove":
                held.pop(told.data["key"], None)
            else:
                assert told.name == "ready"

        for cut in cuts:
            async with world.stream("order", {"status": "paid", "state": 1}, place=place) as stream:
                await take(stream)  # ready
                for _ in range(cut):
                    await change()
                    if not stream.events.empty():
                        await take(stream)
                place = stream.place
        while left:
            await change()
        async with world.stream("order", {"status": "paid", "state": 1}, place=place) as stream:
            await world.write(
                lambda tx: tx.update("order", {"id": 1}, {"status": "paid", "amount": 999})
            )
            while held.get(1) != 999:
                await take(stream)
        _, answer = await world.ask("/tables/order", {"status": "paid"})
        assert held == {row["id"]: row["amount"] for row in answer["rows"]}
        if known:
            assert seen == [*wanted, (1, 999)], "each version once, in order"

    live_world(story)


def test_who_was_away_longer_than_the_log_reaches_begins_anew(run: Run) -> None:
    async def story(world: World) -> None:
        await world.insert(1)
        async with world.stream() as stream:
            await stream.expect("ready")
            place = stream.place
        for id in range(2, 12):
            await world.insert(id)
        keep = partial(changes.prune, older_than="2000-01-01T00:00:00Z", keep=5)
        assert await world.write(keep) is False
        async with world.stream("order", {"state": 1}, place=place) as stream:
            reset, ready, state = await stream.expect("reset", "ready", "state")
            assert reset == {"tables": ["order"]}
            assert ready["resumed"] is False
            assert len(state["rows"]) == 11
            await world.insert(12)
            await stream.expect("row")
            place = str(int(stream.place or 0) - 3)
        async with world.stream("order", place=place) as stream:
            [ready, *_] = await stream.expect("ready", "row", "row", "row")
            assert ready["resumed"] is True, "what is still there is told"

    run(story)


def test_a_place_of_another_database_is_no_place(run: Run) -> None:
    async def story(world: World) -> None:
        async with world.stream("order", place="123456") as stream:
            await stream.expect("reset", "ready")

    run(story)


def test_silence_is_broken_by_a_heartbeat_that_moves_the_place(run: Run) -> None:
    async def story(world: World) -> None:
        now = 0.0
        streams = world.service.hub.streams
        streams.clock = lambda: now
        async with world.stream("order", {"id": 77}) as stream:
            [_] = await stream.expect("ready")
            await joined(world, 1)
            before = int(stream.place or 0)
            await world.insert(1)
            await world.told()
            now = lives.HEARTBEAT * 0.7 - 1
            streams.tick(world.service.hub.seen)
            assert stream.comments == 0
            now = lives.HEARTBEAT
            streams.tick(world.service.hub.seen)
            beat = await stream.next()
            assert beat.name == "heartbeat"
            assert int(beat.id or 0) == before + 1, "nothing up to there concerned this client"
            now = lives.LIFE * 1.2
            streams.tick(world.service.hub.seen)
            [bye] = await stream.expect("bye")
            assert bye["reason"] == "renew"
            await stream.end()
        assert len(world.service.hub) == 0

    run(story)


def test_a_client_that_does_not_read_is_cut_off_and_can_come_again(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscribers, "MOST_WAITING", 5)

    async def story(world: World) -> None:
        async with world.stream("order", reading=False) as slow, world.stream("order") as quick:
            await quick.expect("ready")
            slow.reading.set()
            await slow.expect("ready")
            await joined(world, 2)
            slow.reading.clear()
            for id in range(1, 11):
                await world.insert(id)
                await quick.expect("row")
            slow.reading.set()
            told = []
            while (one := await slow.next()).name == "row":
                told.append(one.data["key"])
            assert one.name == "bye"
            assert one.data["reason"] == "slow"
            await slow.end()
            assert len(told) < 10
            place = slow.place
        async with world.stream("order", place=place) as again:
            await again.expect("ready")
            rest = await again.expect(*["row"] * (10 - len(told)))
            assert told + [one["key"] for one in rest] == list(range(1, 11))

    run(story)


def test_a_flood_of_bytes_is_bounded_too() -> None:
    async def story() -> None:
        one = subscribers.Subscriber()
        message = b"x" * (subscribers.MOST_BYTES // 4)
        for _ in range(4):
            one.push(message, 0.0)
        assert one.ending is None
        one.push(message, 0.0)
        assert one.ending == "slow"
        assert await one.take() == b""

    asyncio.run(story())


@pytest.mark.parametrize("turns", range(6))
def test_a_stop_that_meets_a_change_ends_all_the_same(run: Run, turns: int) -> None:
    """So many turns of the loop after the hub was woken."""

    async def story(world: World) -> None:
        hub = world.service.hub
        async with world.stream("order") as stream:
            await stream.expect("ready")
            hub.wake()
            for _ in range(turns):
                await asyncio.sleep(0)
            done, _ = await asyncio.wait({asyncio.create_task(hub.stop())}, timeout=PATIENCE)
            assert done

    run(story)


def test_a_stopping_server_says_goodbye(run: Run) -> None:
    async def story(world: World) -> None:
        async with world.stream() as stream:
            await stream.expect("ready")
            await joined(world, 1)
            world.service.hub.close()
            [bye] = await stream.expect("bye")
            assert bye["reason"] == "stopping"
            await stream.end()
        async with world.stream() as late:
            await late.expect("ready", "bye")
            await late.end()

    run(story)


def test_after_a_restart_one_read_of_the_log_serves_everyone(run: Run) -> None:
    async def story(world: World) -> None:
        hub = world.service.hub
        for id in range(1, 6):
            await world.insert(id, ["ada", "lin"][id % 2])
        hub._recent = Recent(hub.seen)
        reads: list[int] = []
        up_to = changes.up_to

        def counted(tx: Any, seq: int, *, limit: int) -> Any:
            reads.append(seq)
            return up_to(tx, seq, limit=limit)

        async with world.stream("order", {"id": 99}) as other:
            await other.expect("ready")
            await joined(world, 1)
            await world.told()
            hub._recent = Recent(hub.seen)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(changes, "up_to", counted)
                seen = []
                for query in ({"user_id": "ada"}, {"user_id": "lin"}, {"id": [1, 2, 5]}, {}):
                    async with world.stream("order", query, place="0") as stream:
                        await stream.expect("ready")
                        count = 5 if not query else 3 if "id" in query or "lin" in str(query) else 2
                        rows = await stream.expect(*["row"] * count)
                        seen.append([one["key"] for one in rows])
        assert seen == [[2, 4], [1, 3, 5], [1, 2, 5], [1, 2, 3, 4, 5]]
        assert len(reads) == 1

    run(story)


def test_a_process_takes_so_many_and_no_more(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lives, "MOST_SUBSCRIBERS", 1)

    async def story(world: World) -> None:
        async with world.stream() as stream:
            await stream.expect("ready")
            await joined(world, 1)
            status, body = await world.ask("/tables/order/subscribe")
            assert (status, body["code"]) == (503, "busy")
        async with world.stream() as stream:
            await stream.expect("ready")

    run(story)


def test_who_leaves_leaves_nothing_behind(run: Run) -> None:
    async def story(world: World) -> None:
        hub = world.service.hub
        queries: list[Any] = [{}, {"id": [1, 2]}, {"status": "paid"}, {"user_id": "ada"}]
        for query in queries:
            async with world.stream("order,secret" if not query else "order", query) as stream:
                await stream.expect("ready")
                await joined(world, 1)
        assert len(hub) == 0
        for line in hub._lines.values():
            assert not line.everyone
            assert not line.by

    run(story)


def test_changes_that_another_process_made_are_found(run: Run) -> None:
    async def story(world: World) -> None:
        other = world.service.project.store()
        async with world.stream() as stream:
            await stream.expect("ready")
            with other.transaction() as tx:
                tx.insert("order", {"id": 5, "user_id": "ada", "amount": 1})
            [told] = await stream.expect("row")
            assert told["key"] == 5
        other.close()

    run(story)


async def joined(world: World, count: int) -> None:
    """Wait until so many subscribers are told of changes as they come."""
    while len(world.service.hub) < count:
        await asyncio.sleep(0)


def test_what_came_before_a_stream_is_not_told_by_a_reader_that_lags(run: Run) -> None:
    async def story(world: World) -> None:
        hub = world.service.hub
        read, gate = hub._read, asyncio.Event()

        async def later(work: Any) -> Any:
            await gate.wait()
            return await read(work)

        await world.insert(1)
        await world.told()
        hub._read = later  # type: ignore[method-assign]
        await world.insert(2)
        async with world.stream("order") as stream:
            await stream.expect("ready")
            await joined(world, 1)
            gate.set()
            await world.insert(3)
            [told] = await stream.expect("row")
            assert told["key"] == 3

    run(story)


def test_a_client_that_takes_its_time_to_catch_up_has_a_slot_and_a_life_too(run: Run) -> None:
    async def story(world: World) -> None:
        streams = world.service.hub.streams
        for id in range(1, 4):
            await world.insert(id)
        async with world.stream("order", place="0", reading=False) as stream:
            while not len(streams):
                await asyncio.sleep(0)
            assert len(world.service.hub) == 0, "it has not caught up"
            streams.close()
            stream.reading.set()
            [_, *rest] = await stream.expect("ready", "bye")
            assert rest[0]["reason"] == "stopping"
        assert len(streams) == 0

    run(story)


def test_a_client_that_does_not_even_take_its_leave_is_hung_up_on() -> None:
    class Connection:
        aborted = False

        def abort(self) -> None:
            self.aborted = True

    async def story() -> None:
        now = 0.0
        streams = lives.Streams(lambda: now)
        connection: Any = Connection()
        one = subscribers.Subscriber(connection)
        streams.enter(one)
        now = lives.LIFE * 1.2
        streams.tick(0)
        assert (one.ending, connection.aborted) == ("renew", False)
        now += lives.LEAVE
        streams.tick(0)
        assert connection.aborted

    asyncio.run(story())
