"""The bucket of failures, on a clock of our own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.access import FailureLimit, TooManyFailures
from engine.access.limits import client
from tests.access.support import Clock

HERE, THERE = "192.0.2.1", "192.0.2.2"


def limit(clock: Clock, *, most_addresses: int = 100) -> FailureLimit:
    return FailureLimit(burst=3, seconds_each=10, most_addresses=most_addresses, clock=clock)


def refused(one: FailureLimit, address: str) -> int | None:
    """Seconds to wait, or None where the address is heard."""
    try:
        one.check(address)
    except TooManyFailures as answer:
        return answer.retry_after
    return None


def test_what_the_address_is_told() -> None:
    one = limit(Clock())
    for _ in range(3):
        one.failed(HERE)
    with pytest.raises(TooManyFailures, match="try again in 10 s") as answer:
        one.check(HERE)
    assert (answer.value.status, answer.value.code) == (429, "too_many_failures")
    assert answer.value.headers == {"Retry-After": "10"}


def test_after_the_burst_an_address_waits_and_the_others_do_not() -> None:
    clock = Clock()
    one = limit(clock)
    for _ in range(3):
        assert refused(one, HERE) is None
        one.failed(HERE)
    assert refused(one, HERE) == 10
    assert refused(one, THERE) is None
    clock.now += 4
    assert refused(one, HERE) == 6
    clock.now += 6
    assert refused(one, HERE) is None
    one.failed(HERE)
    assert refused(one, HERE) == 10


def test_asking_alone_costs_nothing() -> None:
    one = limit(Clock())
    assert [refused(one, HERE) for _ in range(50)] == [None] * 50
    assert len(one) == 0


def test_failures_that_came_in_together_are_paid_for_afterwards() -> None:
    clock = Clock()
    one = limit(clock)
    for _ in range(100):  # all passed `check` before the first had failed
        one.failed(HERE)
    assert refused(one, HERE) == 40  # burst below zero, and no deeper
    clock.now += 40
    assert refused(one, HERE) is None


@given(st.lists(st.sampled_from(["try", "wait"]), max_size=200))
def test_no_order_of_tries_gets_more_than_burst_and_refill(steps: list[str]) -> None:
    clock = Clock()
    one = limit(clock)
    begin, tries = clock.now, 0
    for step in steps:
        if step == "wait":
            clock.now += 3
        elif refused(one, HERE) is None:
            one.failed(HERE)
            tries += 1
        assert tries <= 3 + (clock.now - begin) / 10


def test_memory_is_bounded_and_the_longest_quiet_is_forgotten() -> None:
    clock = Clock()
    one = limit(clock, most_addresses=10)
    for n in range(1000):
        clock.now += 0.001
        for _ in range(3):
            one.failed(f"10.0.{n // 250}.{n % 250}")
    assert len(one) == 10
    assert refused(one, "10.0.3.249") is not None
    assert refused(one, "10.0.0.0") is None


def test_an_address_that_goes_on_failing_is_not_forgotten_for_newer_ones() -> None:
    one = limit(Clock(), most_addresses=2)
    for address in (HERE, THERE, HERE, HERE, "192.0.2.3"):
        one.failed(address)
    assert refused(one, HERE) == 10


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::", "2001:db8:1:3::/64"),
        ("", ""),
        ("unix:" + "x" * 500, "unix:" + "x" * 59),
    ],
)
def test_who_counts_as_one_client(address: str, expected: str) -> None:
    assert client(address) == expected
