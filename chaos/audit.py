"""What the database must hold, given what was acknowledged: nothing lost, nothing done twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field


@dataclass(slots=True)
class Found:
    """One moment of the database, by order: its event, its run and its effects."""

    events: dict[int, str] = field(default_factory=dict)
    """The state of each order's event in the inbox."""
    runs: list[int] = field(default_factory=list)
    """Orders of runs that ended well, one entry a run; likewise below."""
    payments: list[int] = field(default_factory=list)
    """Orders of payments that are SUCCESSFUL."""
    paid: list[int] = field(default_factory=list)
    """Orders that the flow set to paid."""
    booked: list[int] = field(default_factory=list)
    """Orders of ledger lines."""
    sold: dict[int, int] = field(default_factory=dict)
    """How often each product was sold."""
    calls: dict[int, list[str]] = field(default_factory=dict)
    """The states of the outbox calls of each order."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for: all orders, the product of each, those that cause calls, those that fail."""

    product: Mapping[int, int]
    """By order."""
    calling: Set[int] = frozenset()
    failing: Set[int] = frozenset()
    """Orders whose events must rest as dead letters, with no effect."""


def audit(found: Found, wanted: Wanted, acknowledged: Set[int]) -> list[str]:
    """What is wrong at some moment, in words; empty when all is right.

    Every acknowledged event is done; every done event has its run and its effects exactly once; no
    effect is there without its event.
    """
    done = {order for order, state in found.events.items() if state == "done"}
    given_up = {order for order in wanted.failing if found.events.get(order) == "dead"}
    said = [*_missing("acknowledged and not done", acknowledged - given_up, done)]
    for name in ("runs", "payments", "paid", "booked"):
        said += _once(name, getattr(found, name), done)
    counted = Counter(wanted.product[order] for order in done)
    for product, sold in sorted(found.sold.items()):
        if sold != counted[product]:
            said.append(
                f"product {product}: sold {sold} times, its done events are {counted[product]}"
            )
    said += _once(
        "calls", [o for o, states in found.calls.items() for _ in states], done & wanted.calling
    )
    return said


def audit_end(
    found: Found,
    wanted: Wanted,
    acknowledged: Set[int],
    told: Mapping[int, Mapping[str, int]],
) -> list[str]:
    """As `audit`, when everything was delivered until it was acknowledged, and all calls were made.

    `told` is what the called side has heard: how often under each key, by order.
    """
    said = audit(found, wanted, acknowledged)
    done = {order for order, state in found.events.items() if state == "done"}
    said += _missing("never acknowledged", wanted.product.keys(), acknowledged)
    said += _missing("not done at the end", wanted.product.keys() - wanted.failing, done)
    dead = {order for order, state in found.events.items() if state == "dead"}
    said += _missing("no dead letter", wanted.failing, dead)
    said += _missing("dead letter", dead, wanted.failing)
    undone = {order for order, states in found.calls.items() if set(states) != {"done"}}
    said += _missing("call not done", undone, set())
    said += _missing("never called", wanted.calling & done, told.keys())
    said += _missing("called for nothing", told.keys(), wanted.calling & done)
    said += _missing(
        "called under two keys", {o for o, keys in told.items() if len(keys) > 1}, set()
    )
    return said


def _once(name: str, there: list[int], wanted: Set[int]) -> list[str]:
    counted = Counter(there)
    doubled = {order for order, times in counted.items() if times > 1}
    return [
        *_missing(f"{name}: lost", wanted, counted.keys()),
        *_missing(f"{name}: doubled", doubled, set()),
        *_missing(f"{name}: without a done event", counted.keys(), wanted),
    ]


def _missing(what: str, wanted: Iterable[int], there: Iterable[int]) -> list[str]:
    gone = sorted(set(wanted) - set(there))
    if not gone:
        return []
    some = ", ".join(str(order) for order in gone[:5])
    return [f"{what}: {len(gone)} (order {some}{', …' if len(gone) > 5 else ''})"]
