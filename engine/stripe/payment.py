"""A payment: what payment intents and charges say of it, and the row that follows.

Sources: https://docs.stripe.com/payments/paymentintents/lifecycle, …/api/charges/object. The facts
of a payment hold, beside its state, those of its refunds and disputes (modules of these names).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from engine.stripe.event import Event
from engine.stripe.facts import Facts, Register, register
from engine.stripe.read import Data, currency_of, id_of, listed, part, text, whole

Status = Literal["PENDING", "PROCESSING", "SUCCESSFUL", "FAILED", "CANCELLED"]


@dataclass(frozen=True, slots=True)
class State:
    """One way a payment can stand. Among open states the newest news wins, and of one second the
    greatest `rank`; a final one (canceled, then success) wins whatever the time."""

    status: Status
    rank: int
    final: int = 0


CREATED = State("PENDING", 1)
ACTION = State("PENDING", 2)
PROCESSING = State("PROCESSING", 3)
FAILED = State("FAILED", 4)
# After a failure in the same second comes the attempt that went through, never the reverse.
AUTHORIZED = State("PROCESSING", 5)
CANCELED = State("CANCELLED", 6, final=1)
SUCCEEDED = State("SUCCESSFUL", 7, final=2)

INTENT, CHARGE, SESSION, INVOICE = 4, 3, 2, 1
"""Who tells: of one fact told by several, the payment intent's word counts most."""

_BY_TYPE: Mapping[str, State] = {
    "payment_intent.requires_action": ACTION,
    "payment_intent.processing": PROCESSING,
    "payment_intent.payment_failed": FAILED,
    "payment_intent.canceled": CANCELED,
    "payment_intent.succeeded": SUCCEEDED,
    "charge.failed": FAILED,
    "charge.pending": PROCESSING,
    "charge.expired": CANCELED,
    "charge.captured": SUCCEEDED,
}
"""Types that name a state. All others (and fetched objects) go by the object's own status."""

_BY_STATUS: Mapping[str, State] = {
    "requires_source": CREATED,
    "requires_payment_method": CREATED,
    "requires_confirmation": CREATED,
    "requires_source_action": ACTION,
    "requires_action": ACTION,
    "processing": PROCESSING,
    "requires_capture": AUTHORIZED,
    "canceled": CANCELED,
    "succeeded": SUCCEEDED,
}


@dataclass(slots=True, init=False)  # one that dataclass makes is not compiled
class PaymentNews:
    """What one event says of a payment. `state` is None where it says nothing of it; `waiting` is a
    checkout that ended before the money came. Amounts in minor units, `at` in seconds UTC."""

    at: int
    source: int
    state: State | None
    intent: str | None
    charge: str | None
    session: str | None
    amount: int | None
    currency: str | None
    failure_code: str | None
    failure_message: str | None
    description: str | None
    metadata: Data | None
    waiting: bool

    def __init__(
        self,
        at: int,
        source: int,
        state: State | None,
        intent: str | None = None,
        charge: str | None = None,
        session: str | None = None,
        amount: int | None = None,
        currency: str | None = None,
        failure_code: str | None = None,
        failure_message: str | None = None,
        description: str | None = None,
        metadata: Data | None = None,
        waiting: bool = False,
    ) -> None:
        self.at = at
        self.source = source
        self.state = state
        self.intent = intent
        self.charge = charge
        self.session = session
        self.amount = amount
        self.currency = currency
        self.failure_code = failure_code
        self.failure_message = failure_message
        self.description = description
        self.metadata = metadata
        self.waiting = waiting

    @property
    def transaction_id(self) -> str | None:
        """The payment row's key at Stripe: the payment intent, the charge where there is none."""
        return self.intent or (self.charge if self.source == CHARGE else None)


def intent_news(event: Event) -> PaymentNews:
    """What an event about a payment intent says."""
    thing = event.object
    error = thing.get("last_payment_error")
    error = {} if error is None else part(error)
    state = None if event.thin else _BY_TYPE.get(event.type)
    if state is None:
        state = _BY_STATUS.get(text(thing.get("status")) or "", CREATED)
        if state is CREATED and error:
            state = FAILED
    amount = received = None
    if state is SUCCEEDED:
        # A partial capture receives less than was asked for.
        received = whole(thing.get("amount_received"))
    if not received:
        amount = whole(thing.get("amount"))
    # Keywords would make a dict of them first.
    news = PaymentNews(event.created, INTENT, state, id_of(thing), intent_charge(thing))
    news.amount = received or amount
    news.currency = currency_of(thing)
    if state is FAILED:
        news.failure_code = text(error.get("code"))
        news.failure_message = text(error.get("message"))
    news.description = text(thing.get("description"))
    news.metadata = part(thing.get("metadata"))
    return news


def charge_news(event: Event) -> PaymentNews:
    """What an event about a charge (charge.refunded too) says of its payment."""
    thing = event.object
    state = None if event.thin else _BY_TYPE.get(event.type)
    if state is None:
        state = _charge_state(thing)
    captured = whole(thing.get("amount_captured"))
    amount = whole(thing.get("amount"))
    return PaymentNews(
        at=event.created,
        source=CHARGE,
        state=state,
        intent=id_of(thing.get("payment_intent")),
        charge=id_of(thing),
        amount=captured if state is SUCCEEDED and captured else amount,
        currency=currency_of(thing),
        failure_code=text(thing.get("failure_code")) if state is FAILED else None,
        failure_message=text(thing.get("failure_message")) if state is FAILED else None,
        description=text(thing.get("description")),
        metadata=part(thing.get("metadata")),
    )


def _charge_state(thing: Data) -> State:
    # `paid` is older than the words of `status`, which was 'paid' itself before 2015.
    if thing.get("status") == "failed":
        return FAILED
    if thing.get("paid") is not True:
        return PROCESSING
    if thing.get("captured") is not False:
        return SUCCEEDED
    # An authorisation that is "refunded" was let go; no money moved.
    return CANCELED if thing.get("refunded") is True else AUTHORIZED


def intent_charge(thing: Data) -> str | None:
    """A payment intent's newest charge: `latest_charge`, or the first of `charges`."""
    if latest := id_of(thing.get("latest_charge")):
        return latest
    charges = listed(thing.get("charges"))
    return id_of(charges[0]) if charges else None


def facts_of(news: PaymentNews) -> Facts:
    """The news as facts of the payment row."""
    facts: Facts = {}
    if news.waiting:
        facts["waiting"] = register([news.at], True)
    if news.state is None:
        return facts
    state = news.state
    if state is SUCCEEDED:
        key = [state.final, news.source, news.at, state.rank]
    else:
        key = [state.final, news.at, state.rank, news.source]
    told: dict[str, Register] = {"status": [key, state.status]}
    if state is not FAILED or news.failure_code or news.failure_message:
        # Every other state clears the failure of an attempt before it.
        told["failure_code"] = [key, news.failure_code]
        told["failure_message"] = [key, news.failure_message]
    if news.amount is not None:
        told["amount"] = [key, news.amount]
    if news.currency is not None:
        told["currency"] = [key, news.currency]
    if news.charge is not None:
        told["charge"] = [key, news.charge]
    if news.description is not None:
        told["description"] = [key, news.description]
    facts["state"] = told
    return facts


def settled(facts: Facts) -> Status | None:
    """How the payment itself stands, refunds aside; None where nothing was told."""
    waiting = facts.get("waiting")
    status = facts.get("state", {}).get("status")
    if status is None:
        return "PENDING" if waiting else None
    if waiting and _waits(waiting, status):
        return "PENDING"
    found: Status = status[1]
    return found


def _waits(waiting: list[Any], status: list[Any]) -> bool:
    """A checkout that ended unpaid is news against an earlier failure, not against PROCESSING."""
    final, at = status[0][0], status[0][1]
    return bool(final == 0 and status[1] != "PROCESSING" and waiting[0][0] >= at)


def state_columns(facts: Facts) -> dict[str, Any]:
    """The columns that the payment's own state decides; refunds and disputes decide others."""
    state = facts.get("state", {})
    columns = {column: state[name][1] for name, column in _COLUMNS if name in state}
    status = state.get("status")
    if status is None or status[1] != "FAILED" or settled(facts) != "FAILED":
        columns["failure_code"] = columns["failure_message"] = None
    return columns


_COLUMNS = (
    ("amount", "amount"),
    ("currency", "currency"),
    ("charge", "charge_id"),
    ("description", "description"),
    ("failure_code", "failure_code"),
    ("failure_message", "failure_message"),
)
"""Facts of the state, and the columns that follow them."""
