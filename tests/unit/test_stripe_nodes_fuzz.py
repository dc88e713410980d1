"""Whatever stands in an event, a locked node gives its outputs or says in words why not."""

from __future__ import annotations

import copy
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import ActionflowError
from engine.stripe.event import BadEvent, of
from engine.stripe.routing import DISPUTE, trigger_of
from tests.stripe.histories import NEW, OLD, START, Payment, Subscription
from tests.stripe.support import ABSENT, files, is_event, load
from tests.stripe.world import World

JUNK = st.sampled_from(
    [None, True, False, 0, -1, 2**53, 2**63 - 1, 1.5, "", "x", "\0", "x" * 300, [], [None], [1], {}]
) | st.sampled_from([{"id": 1}, {"data": [None, 3, {}]}, {"data": {}}, "usd", "1e5", "NaN", "-1"])


@cache
def _ours() -> tuple[dict[str, Any], ...]:
    told: list[dict[str, Any]] = []
    for version in (OLD, NEW):
        payment = Payment(version, metadata={"order_id": "1"})
        payment.fail(START)
        payment.session("completed", START, "unpaid")
        payment.succeed(START)
        payment.move_refund(START, payment.refund(START, 5_000), "failed")
        payment.dispute("created", START, "needs_response")
        subscription = Subscription(version, {"order_id": "1"})
        subscription.create(START)
        subscription.update(START, status="active")
        subscription.invoice(("paid",), START, 2_000)
        told += payment.events + subscription.events
    return tuple(told)


@cache
def _recorded() -> tuple[dict[str, Any], ...]:
    found = []
    for path in files():
        data = load(path)
        if not is_event(data):
            continue
        try:
            read = of(data)
        except BadEvent:
            continue
        if read.type in DISPUTE or trigger_of(read):
            data["data"]["object"]["metadata"] = {"order_id": "1"}
            found.append(data)
    return tuple(found)


def _places(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    entries: Any = ()
    if isinstance(data, dict):
        entries = data.items()
    elif isinstance(data, list):
        entries = enumerate(data)
    for key, inner in entries:
        found += _places(inner, (*path, key))
    return found


def _damage(event: dict[str, Any], data: st.DataObject) -> dict[str, Any]:
    event = copy.deepcopy(event)
    thing = event["data"]
    for _ in range(data.draw(st.integers(1, 3))):
        *way, last = data.draw(st.sampled_from(_places(thing)))
        holder = thing
        for key in way:
            holder = holder[key]
        if data.draw(st.booleans()) and isinstance(holder, dict):
            del holder[last]
        else:
            holder[last] = copy.deepcopy(data.draw(JUNK))
        if not _places(thing):
            break
    return event


def _world(data: st.DataObject) -> World:
    """A project that has the order, and maybe all the rows as well."""
    made = World()
    made.add("order", amount=1)
    if data.draw(st.booleans()):
        made.settle(*_ours())
    return made


def _survives(world: World, event: dict[str, Any]) -> None:
    try:
        read = of(event)
    except BadEvent:
        return
    if not (read.type in DISPUTE or trigger_of(read)):
        return
    try:
        output, _ = world.run(event)
    except ActionflowError:
        return  # anything else is a fault of ours and fails the test
    assert output["alreadyProcessed"] is output["callbackProcessed"]


FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@FUZZ
@given(data=st.data())
def test_a_damaged_event_of_ours_gives_outputs_or_a_reason(data: st.DataObject) -> None:
    event = data.draw(st.sampled_from(_ours()))
    _survives(_world(data), _damage(event, data))


@pytest.mark.skipif(not files(), reason=ABSENT)
@FUZZ
@given(data=st.data())
def test_a_damaged_recorded_event_gives_outputs_or_a_reason(data: st.DataObject) -> None:
    event = data.draw(st.sampled_from(_recorded()))
    _survives(_world(data), _damage(event, data))


@pytest.mark.skipif(not files(), reason=ABSENT)
def test_every_recorded_event_of_a_callback_runs_when_it_is_ours() -> None:
    for event in _recorded():
        world = World()
        world.add("order", amount=1)
        _survives(world, event)
