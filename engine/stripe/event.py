"""A Stripe event as a value: what all API versions and the thin (v2) form have in common.

Sources: https://docs.stripe.com/api/events/object and …/api/v2/core/events; version differences in
/docs/stripe.md. The version is never guessed from the fields that are there: accounts pinned to an
old version still get new fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from engine.clock import timestamp
from engine.errors import BadInput

Data = Mapping[str, Any]
_END_OF_TIME = 253_402_300_799  # 9999-12-31T23:59:59Z, the last second the fixed text form can say
_MAX_ID = 255


class BadEvent(BadInput):
    """The body is not a Stripe event; nothing was done with it."""


@dataclass(slots=True, init=False)  # one that dataclass makes is not compiled
class Event:
    """One event.

    `created` is in seconds since 1970 UTC; `object` is the snapshot it carries, in the endpoint's
    API version; `previous` holds the old values of what changed (Stripe's previous_attributes).
    A thin event carries no object until it is fetched; `related` ({id, type, url}) says what to
    fetch.
    """

    id: str
    type: str
    created: int
    api_version: str | None
    livemode: bool
    account: str | None
    object: Data
    previous: Data
    thin: bool
    related: Data | None

    def __init__(
        self,
        id: str,
        type: str,
        created: int,
        api_version: str | None,
        livemode: bool,
        account: str | None,
        object: Data,
        previous: Data,
        thin: bool = False,
        related: Data | None = None,
    ) -> None:
        self.id = id
        self.type = type
        self.created = created
        self.api_version = api_version
        self.livemode = livemode
        self.account = account
        self.object = object
        self.previous = previous
        self.thin = thin
        self.related = related


EventRead = tuple[dict[str, Any], str, Event]
"""An event as it was read: decoded, as text, and as an Event."""


def decode(body: bytes) -> Event:
    """The event in this body. Raises BadEvent for any bytes that are none.

    Of a key that stands twice the last counts, as in every common JSON reader, Stripe's SDKs
    included: the signature already says that Stripe wrote it so.
    """
    return of(load(body))


def load(body: bytes | memoryview) -> dict[str, Any]:
    """The body as plain JSON data; what flows see as `event`. Raises BadEvent."""
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadEvent(_expected(f"The body is not JSON ({error})")) from None
    if not isinstance(data, dict):
        raise BadEvent(_expected(f"The body is JSON, but {_kind(data)} and not an object"))
    return data


def of(data: Data) -> Event:
    """The event in this JSON data. Raises BadEvent."""
    what = data.get("object")
    if what not in ("event", "v2.core.event"):
        raise BadEvent(_expected(f"The body's `object` is {what!r:.60} and not 'event'"))
    thin = what == "v2.core.event"
    created = _thin_second(data.get("created")) if thin else _second(data.get("created"))
    livemode = data.get("livemode")
    if not isinstance(livemode, bool):
        raise BadEvent(_expected(f"The event's `livemode` is {_kind(livemode)}"))
    snapshot, previous = ({}, {}) if thin else _snapshot(data.get("data"))
    return Event(
        id=_text(data, "id"),
        type=_text(data, "type"),
        created=created,
        api_version=_optional_text(data, "api_version"),
        livemode=livemode,
        # Connect events said `user_id` up to 2017-05-25, `account` after.
        account=_optional_text(data, "account") or _optional_text(data, "user_id"),
        object=snapshot,
        previous=previous,
        thin=thin or data.get("thin") is True,
        related=_related(data.get("related_object")) if thin else None,
    )


def with_object(data: Data, fetched: Data, at: int) -> dict[str, Any]:
    """A thin event joined with the object it points at, as JSON data in the shape of a full event.

    A fetched object tells how things stand at `at`, the second of the fetch, not at the event; so
    that becomes `created`, and readers go by the object's own status. `v1.` before the type, which
    thin events about v1 objects carry, goes.
    """
    event = of(data)
    return {
        "id": event.id,
        "object": "event",
        "type": event.type.removeprefix("v1."),
        "created": at,
        "livemode": event.livemode,
        "account": event.account,
        "api_version": None,
        "thin": True,
        "data": {"object": dict(fetched)},
    }


def when(second: int | None) -> str | None:
    """Seconds since 1970 as the engine's fixed text form `YYYY-MM-DDTHH:MM:SSZ`, UTC.

    None for None, and for a second the form cannot say.
    """
    if second is None or not 0 <= second <= _END_OF_TIME:
        return None
    return timestamp(second)


def second_of(timestamp: str) -> int:
    """The second since 1970 UTC that a timestamp text means; the reverse of `when`."""
    return int(datetime.fromisoformat(timestamp).timestamp())


def _snapshot(found: object) -> tuple[Data, Data]:
    if not isinstance(found, dict) or not isinstance(found.get("object"), dict):
        raise BadEvent(_expected("The event carries no object (`data.object`)"))
    previous = found.get("previous_attributes")
    if previous is not None and not isinstance(previous, dict):
        raise BadEvent(_expected(f"`data.previous_attributes` is {_kind(previous)}"))
    return found["object"], previous or {}


def _second(found: object) -> int:
    if isinstance(found, bool) or not isinstance(found, int):
        raise BadEvent(_expected(f"The event's `created` is {_kind(found)} and no second"))
    if not 0 <= found <= _END_OF_TIME:
        raise BadEvent(_expected(f"The event's `created` is {found}, which is no second"))
    return found


def _thin_second(found: object) -> int:
    """A thin event's `created` is ISO 8601 text."""
    try:
        moment = datetime.fromisoformat(found) if isinstance(found, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise BadEvent(
            _expected(f"The thin event's `created` is {found!r:.60} and no ISO 8601 moment")
        )
    return _second(int(moment.timestamp()))


def _text(data: Data, key: str) -> str:
    found = data.get(key)
    # PostgreSQL takes no NUL in text, and no id of Stripe's has a character that does not print.
    if not isinstance(found, str) or not 0 < len(found) <= _MAX_ID or not found.isprintable():
        raise BadEvent(_expected(f"The event's `{key}` is {found!r:.60}"))
    return found


def _optional_text(data: Data, key: str) -> str | None:
    return None if data.get(key) is None else _text(data, key)


def _related(found: object) -> Data | None:
    return found if isinstance(found, dict) and isinstance(found.get("id"), str) else None


def _kind(found: object) -> str:
    if found is None:
        return "missing or null"
    names = {bool: "true or false", int: "a number", float: "a fraction", str: "text"}
    return names.get(type(found), "a list" if isinstance(found, list) else "an object")


def _expected(found: str) -> str:
    return (
        f"{found}. Expected an event as Stripe sends it: {{id, object: 'event', type, created "
        "(seconds), livemode, data: {object}}, or a thin v2 event. Send the body of a webhook, "
        "unchanged."
    )
