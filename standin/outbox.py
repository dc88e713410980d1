"""What waits to be delivered: an entry for each event and endpoint, and how delivery behaves."""

from dataclasses import dataclass, field
from typing import Any, Literal, get_args

When = Literal["after_answer", "before_answer"]
Order = Literal["in_order", "shuffle", "reverse", "at_once"]


@dataclass
class Delivery:
    """One event on its way to one endpoint; every attempt sends the same bytes of `body`."""

    id: str
    event: str
    type: str
    endpoint: str
    body: bytes
    status: Literal["pending", "delivered", "failed", "dropped"] = "pending"
    attempts: int = 0
    due: float = 0.0
    answers: list[int | str] = field(default_factory=list)

    def report(self) -> dict[str, Any]:
        """The entry as the control routes show it."""
        return {
            "id": self.id,
            "event": self.event,
            "type": self.type,
            "endpoint": self.endpoint,
            "status": self.status,
            "attempts": self.attempts,
            "answers": self.answers,
        }


@dataclass
class DeliverySettings:
    """How deliveries behave, set by `POST /_standin/delivery`.

    `hold` keeps events back until `POST /_standin/deliver`; `duplicates` sends each one that many
    extra times; `drop` loses the next N deliveries; `when` decides whether an event may overtake
    the answer that caused it; `retry_after` is the wait before each further attempt, in seconds.
    """

    hold: bool = False
    mode: Order = "in_order"
    when: When = "after_answer"
    duplicates: int = 0
    drop: int = 0
    timeout: float = 10.0
    # Only this machine is called, so that made-up events never reach a real site.
    hosts: list[str] = field(default_factory=lambda: ["127.0.0.1", "localhost", "::1"])
    retry_after: list[float] = field(
        default_factory=lambda: [2.0, 10.0, 60.0, 300.0, 1800.0, 7200.0, 18000.0, 36000.0]
    )

    def __post_init__(self) -> None:
        if self.mode not in get_args(Order) or self.when not in get_args(When):
            raise ValueError(f"mode is one of {get_args(Order)}, when one of {get_args(When)}")
