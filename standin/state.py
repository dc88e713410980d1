"""Everything the stand-in remembers: its objects, its clocks, and what waits to be delivered."""

import collections
import copy
import threading
from typing import Any

from standin.clock import Clock
from standin.errors import Object, missing
from standin.faults import Fault
from standin.idempotency import Saved
from standin.ids import Ids
from standin.outbox import Delivery, DeliverySettings
from standin.settings import BillingSettings


class State:
    """The memory of one stand-in. Take `lock` around reads and writes from another thread."""

    def __init__(self, *, seed: int | None = None, now: int | None = None) -> None:
        """`seed` makes ids repeatable; `now` (UTC seconds) makes the base clock stand still."""
        self.lock = threading.RLock()
        self.url = "http://127.0.0.1"
        self._seed = seed
        self._now = now
        self.tables: dict[str, dict[str, Object]] = {}
        self.private: dict[str, dict[str, Any]] = {}
        self.reset()

    def reset(self, *, keep_webhooks: bool = False) -> None:
        """Forgets everything but where it listens, and the webhook endpoints if they are kept."""
        endpoints = self.tables.get("webhook_endpoint", {}) if keep_webhooks else {}
        secrets = {identifier: self.private[identifier] for identifier in endpoints}
        self.ids = Ids(self._seed)
        self.clock = Clock(self._now)
        self.test_clocks: dict[str, Clock] = {}
        self.tables = {"webhook_endpoint": endpoints}
        self.private = secrets
        self.deliveries: list[Delivery] = []
        self.delivery = DeliverySettings()
        self.billing = BillingSettings()
        self.faults: list[Fault] = []
        self.saved: dict[str, Saved] = {}
        self.request: Object = {"id": None, "idempotency_key": None}
        self.log: collections.deque[Object] = collections.deque(maxlen=10_000)

    # Objects

    def add(self, item: Object) -> Object:
        """Keeps a new object."""
        self.tables.setdefault(item["object"], {})[item["id"]] = item
        return item

    def table(self, kind: str) -> dict[str, Object]:
        """All objects of a kind, oldest first."""
        return self.tables.setdefault(kind, {})

    def get(self, kind: str, identifier: str, param: str = "id", *, status: int = 404) -> Object:
        """The object, or Stripe's resource_missing."""
        found = self.table(kind).get(identifier)
        if found is None:
            raise missing(kind, identifier, param, status=status)
        return found

    def find(self, identifier: str) -> Object | None:
        """The object with this id, of whatever kind."""
        for table in self.tables.values():
            if identifier in table:
                return table[identifier]
        return None

    def where(self, kind: str, **fields: Any) -> list[Object]:
        """Objects of a kind whose fields have these values, oldest first."""
        return [
            item
            for item in self.table(kind).values()
            if all(item.get(name) == value for name, value in fields.items())
        ]

    def hidden(self, identifier: str) -> dict[str, Any]:
        """What Stripe knows about an object but does not show."""
        return self.private.setdefault(identifier, {})

    # Time

    def clock_of(self, customer: str | None) -> Clock:
        """The clock that a customer's objects live by."""
        if customer:
            test_clock = self.table("customer").get(customer, {}).get("test_clock")
            if test_clock in self.test_clocks:
                return self.test_clocks[test_clock]
        return self.clock

    def clock_for(self, item: Object) -> Clock:
        """The clock that an object lives by, through the charge or invoice it belongs to."""
        if item["object"] == "test_helpers.test_clock":
            return self.test_clocks.get(item["id"], self.clock)
        if item["object"] == "customer":
            return self.clock_of(item["id"])
        for kind in ("charge", "invoice", "payment_intent", "subscription"):
            if "customer" not in item and isinstance(item.get(kind), str):
                item = self.table(kind).get(item[kind], item)
        return self.clock_of(item.get("customer"))

    def now(self, customer: str | None = None) -> int:
        """The present for a customer's objects, in seconds."""
        return self.clock_of(customer).now()


def snapshot(item: Object) -> Object:
    """A copy to compare with later."""
    return copy.deepcopy(item)


def changes(before: Object, after: Object) -> Object:
    """What `before` had where it differs, of inner hashes only the changed part."""
    result: Object = {}
    for name in [*before, *(name for name in after if name not in before)]:
        old, new = before.get(name), after.get(name)
        if old == new and (name in before) == (name in after):
            continue
        if isinstance(old, dict) and isinstance(new, dict) and name != "items":
            result[name] = changes(old, new)
        else:
            result[name] = old
    return result
