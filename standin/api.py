"""The table of API operations and what each gets: its parameters, checked, and the state."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from standin import parameters
from standin.errors import Object, StripeError
from standin.state import State


@dataclass
class Call:
    """One API request on its way through an operation."""

    state: State
    params: dict[str, Any]
    path: dict[str, str]
    url: str
    publishable: bool = False

    def get(self, name: str, default: Any = None) -> Any:
        """A parameter's value; the empty text, Stripe's way to unset, counts as given."""
        return self.params.get(name, default)

    def text(self, name: str) -> str | None:
        """A parameter's text, None when absent or unset."""
        return self.params.get(name) or None

    def refuse(self, *names: str) -> None:
        """Refuses parameters that would change money in a way the stand-in does not follow.

        A dot leads into a hash: `automatic_tax.enabled`.
        """
        for name in names:
            value: Any = self.params
            for part in name.split("."):
                value = value.get(part) if isinstance(value, dict) else None
            if value:
                raise StripeError(
                    f"The stand-in for Stripe does not support the parameter {name}.", param=name
                )


Handler = Callable[[Call], Object]


@dataclass(frozen=True)
class Operation:
    """One method and path with the function that answers it."""

    method: str
    path: str
    handler: Handler
    publishable: bool = False

    @property
    def name(self) -> str:
        """The operation's name in the parameter table."""
        return f"{self.method} {self.path}"


OPERATIONS: list[Operation] = []


def operation(method: str, path: str, *, publishable: bool = False) -> Callable[[Handler], Handler]:
    """Registers the function as the answer; `publishable` lets browsers call it with a pk_ key."""

    def register(handler: Handler) -> Handler:
        entry = Operation(method, path, handler, publishable)
        if not parameters.known(entry.name):
            raise LookupError(f"no parameter list for {entry.name}")
        OPERATIONS.append(entry)
        return handler

    return register
