"""Pages for a person."""

from starlette.routing import BaseRoute

from standin.courier import Courier
from standin.state import State


def routes(state: State, courier: Courier) -> list[BaseRoute]:
    """The pages' routes."""
    return []
