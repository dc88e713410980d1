from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from engine.stripe import facts, subscription

KEYS = st.lists(st.integers(0, 2), min_size=2, max_size=2)
VALUES = st.none() | st.integers(0, 3) | st.sampled_from(["a", "b"])
REGISTERS = st.builds(facts.register, KEYS, VALUES)
NAMES = st.sampled_from(["x", "y", "z"])
FACTS = st.fixed_dictionaries(
    {},
    optional={
        "x": REGISTERS,
        "y": REGISTERS,
        "deep": st.dictionaries(NAMES, st.dictionaries(NAMES, REGISTERS, max_size=2), max_size=2),
    },
)
SECONDS = st.dictionaries(
    st.integers(1, 6).map(str),
    st.dictionaries(NAMES, REGISTERS, min_size=1, max_size=2),
    max_size=4,
)
SUBSCRIPTIONS = st.fixed_dictionaries({}, optional={"news": SECONDS, "ended": SECONDS})


def same(one: Any, other: Any) -> None:
    assert facts.encoded(one) == facts.encoded(other)


@given(FACTS, FACTS, FACTS)
def test_merge_is_commutative_associative_and_idempotent(a: Any, b: Any, c: Any) -> None:
    merge = facts.merge
    same(merge(a, b), merge(b, a))
    same(merge(merge(a, b), c), merge(a, merge(b, c)))
    same(merge(a, a), a)
    same(merge(merge(a, b), b), merge(a, b))


@given(SUBSCRIPTIONS, SUBSCRIPTIONS, SUBSCRIPTIONS)
def test_merging_subscriptions_is_too_though_it_forgets(a: Any, b: Any, c: Any) -> None:
    def merge(one: Any, other: Any) -> Any:
        return subscription.merge(one, other)

    a, b, c = merge(a, {}), merge(b, {}), merge(c, {})
    same(merge(a, b), merge(b, a))
    same(merge(merge(a, b), c), merge(a, merge(b, c)))
    same(merge(a, a), a)


@given(FACTS, FACTS)
def test_merge_leaves_its_arguments_alone(a: Any, b: Any) -> None:
    before = facts.encoded([a, b])
    facts.merge(a, b)
    assert facts.encoded([a, b]) == before


def test_the_greater_key_stands_then_the_greater_text() -> None:
    old, new = facts.register([0, 1], "z"), facts.register([1, 0], "a")
    assert facts.merge({"x": new}, {"x": old}) == {"x": new}
    assert facts.merge({"x": [[0], None]}, {"x": [[0], "b"]})["x"][1] is None
    assert facts.value({}, "x") is None
