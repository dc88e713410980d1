"""Shows objects in the shape of an older API version, as an endpoint pinned to it receives them."""

import copy

from standin import API_VERSION
from standin.errors import Object
from standin.state import State


def has_event(version: str, kind: str) -> bool:
    """Whether events of this type are sent in this version."""
    return True


def event(state: State, item: Object, version: str) -> Object:
    """The event in the shape of the version."""
    return copy.deepcopy(item) | {"api_version": version}


def answer(state: State, item: Object, version: str) -> Object:
    """An API answer in the shape of the version the request asks for."""
    return item


def shown(version: str) -> str:
    """The version an answer is in: never newer than what the stand-in knows."""
    return min(version, API_VERSION)
