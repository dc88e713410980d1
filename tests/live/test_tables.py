"""Reading rows: permissions, and pages that show every row once in whatever order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.web import pages
from tests.live.support import World

Run = Callable[[Any], None]


def test_rows_and_where_to_go_on(run: Run) -> None:
    async def story(world: World) -> None:
        for id in range(1, 6):
            await world.insert(id, more=[id])
        status, body = await world.ask("/tables/order", {"limit": 3})
        assert status == 200
        assert [row["id"] for row in body["rows"]] == [1, 2, 3]
        assert (body["table"], body["seq"]) == ("order", "5")
        assert body["rows"][0] == {
            "id": 1,
            "user_id": "ada",
            "amount": 1,
            "currency": "usd",
            "status": "pending",
            "urgent": False,
            "note": None,
            "more": [1],
        }
        _, rest = await world.ask("/tables/order", {"limit": 3, "after": body["next"]})
        assert [row["id"] for row in rest["rows"]] == [4, 5]
        assert rest["next"] is None

    run(story)


@pytest.mark.parametrize(
    ("role", "seen"), [("customer", [1, 3]), ("clerk", [1, 2]), ("admin", [1, 2, 3])]
)
def test_everybody_reads_what_he_may(run: Run, role: str, seen: list[int]) -> None:
    async def story(world: World) -> None:
        await world.insert(1, "ada", 50)
        await world.insert(2, "lin", 60)
        await world.insert(3, "ada", 500)
        _, body = await world.ask("/tables/order", role=role)
        assert [row["id"] for row in body["rows"]] == seen
        _, body = await world.ask("/tables/order", {"user_id": "lin"}, role=role)
        assert [row["id"] for row in body["rows"]] == [id for id in seen if id == 2]

    run(story)


@pytest.mark.parametrize(
    ("table", "query", "role", "status", "code"),
    [
        ("order", {}, None, 401, "no_credentials"),
        ("secret", {}, "customer", 403, "read_denied"),
        ("nothing", {}, "admin", 403, "read_denied"),
        ("order,secret", {}, "admin", 400, "bad_tables"),
        ("payment", {"status": ""}, "admin", 400, "bad_filter"),
        ("payment", {"status": "shipped"}, "admin", 400, "bad_filter"),
        ("payment", {"created_at": "20260131"}, "admin", 400, "bad_filter"),
        ("order", {"state": "1"}, "admin", 400, "bad_option"),
        ("order", {"since": "1"}, "admin", 400, "bad_option"),
        ("order", {"after": "1"}, "admin", 400, "bad_after"),
        ("order", {"after": '["x",1]'}, "admin", 400, "bad_after"),
        ("order", {"after": '["x"]'}, "admin", 400, "bad_after"),
        ("order", {"order": "amount", "after": '["x",1]'}, "admin", 400, "bad_after"),
    ],
)
def test_refusals(
    run: Run, table: str, query: Any, role: str | None, status: int, code: str
) -> None:
    async def story(world: World) -> None:
        await world.insert(1)
        found = await world.ask(f"/tables/{table}", query, role=role)
        assert (found[0], found[1]["code"]) == (status, code)

    run(story)


def test_nobody_makes_the_server_read_a_whole_table(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "MOST_LOOKED_AT", 20)

    async def story(world: World) -> None:
        for id in range(1, 31):
            await world.insert(id, "lin", amount=1000)
        status, body = await world.ask("/tables/order", role="clerk")
        assert (status, body["code"]) == (400, "too_broad")
        status, body = await world.ask("/tables/order", role="customer")
        assert (status, body["rows"]) == (200, []), "the usual rule is asked of the database"

    run(story)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    amounts=st.lists(st.integers(0, 3), max_size=14),
    order=st.sampled_from(["id", "-id", "amount", "-amount", "status", "-status"]),
    limit=st.integers(1, 4),
    chunk=st.integers(1, 5),
    query=st.dictionaries(
        st.sampled_from(["amount", "id", "status"]),
        st.lists(st.integers(0, 3), min_size=1, max_size=3),
    ),
)
def test_pages_show_each_row_once_and_in_order(
    live_world: Any,
    amounts: list[int],
    order: str,
    limit: int,
    chunk: int,
    query: dict[str, list[int]],
) -> None:
    async def story(world: World) -> None:
        rows = [
            {"id": id, "user_id": "ada", "amount": amount, "status": str((id * 7) % 4)}
            for id, amount in enumerate(amounts)
        ]

        def fill(tx: Any) -> None:
            tx.delete("order", {})
            for row in rows:
                tx.insert("order", row)

        await world.write(fill)
        asked = {name: [str(value) for value in values] for name, values in query.items()}
        found: list[int] = []
        after = None
        while True:
            options = {
                **asked,
                "order": order,
                "limit": limit,
                **({"after": after} if after else {}),
            }
            status, body = await world.ask("/tables/order", options)
            assert status == 200, body
            assert len(body["rows"]) <= limit
            found += [row["id"] for row in body["rows"]]
            after = body["next"]
            if after is None:
                break
        column = order.removeprefix("-")
        matching = [row for row in rows if all(str(row[name]) in asked[name] for name in asked)]
        matching.sort(key=lambda row: row["id"], reverse=order == "-id")
        matching.sort(key=lambda row: row[column], reverse=order != column)
        assert found == [row["id"] for row in matching]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pages, "AT_ONCE", chunk)
        live_world(story)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/table/order", 404, "no_such_route"),
        ("GET", "/tables//subscribe", 404, "no_such_route"),
        ("POST", "/tables/order", 405, "method_not_allowed"),
        ("GET", "/tickets", 405, "method_not_allowed"),
    ],
)
def test_what_is_no_route_is_a_problem_like_others(
    run: Run, method: str, path: str, status: int, code: str
) -> None:
    async def story(world: World) -> None:
        answer, body = await world.ask(path, method=method)
        assert (answer, body["code"], body["status"]) == (status, code, status)
        assert path in body["detail"]

    run(story)
