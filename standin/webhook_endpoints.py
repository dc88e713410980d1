"""Webhook endpoints: where events go, which, in which API version, and under which secret."""

import re
from urllib.parse import urlsplit

from standin.api import Call, operation
from standin.errors import Object, StripeError
from standin.event_types import EVENT_TYPES
from standin.listing import page
from standin.metadata import merge
from standin.state import State

_VERSION = re.compile(r"^\d{4}-\d{2}-\d{2}(\.[a-z]+)?$")
_PATH = "/v1/webhook_endpoints/{webhook_endpoint}"
_LIMIT = 16


def create(
    state: State,
    url: str,
    enabled_events: list[str],
    api_version: str | None = None,
    secret: str | None = None,
) -> Object:
    """Adds an endpoint; without a secret it gets a new one, kept where only creation shows it."""
    if len(state.table("webhook_endpoint")) >= _LIMIT:
        raise StripeError(f"You have reached the maximum of {_LIMIT} test webhook endpoints.")
    if api_version and not _VERSION.match(api_version):
        raise StripeError(f"Invalid API version: {api_version}", param="api_version")
    endpoint: Object = {
        "id": state.ids.new("we"),
        "object": "webhook_endpoint",
        "api_version": api_version,
        "application": None,
        "created": state.now(),
        "description": None,
        "enabled_events": _events(enabled_events),
        "livemode": False,
        "metadata": {},
        "status": "enabled",
        "url": _url(url),
    }
    state.hidden(endpoint["id"])["secrets"] = [secret or state.ids.new("whsec")]
    return state.add(endpoint)


def rotate(state: State, identifier: str, secret: str | None = None) -> list[str]:
    """Adds a new secret in front of the old one; both sign until the old one is dropped."""
    state.get("webhook_endpoint", identifier)
    secrets = state.hidden(identifier)["secrets"]
    secrets[:] = [secret or state.ids.new("whsec"), secrets[0]]
    return list(secrets)


def _events(names: list[str]) -> list[str]:
    for position, name in enumerate(names):
        if name != "*" and name not in EVENT_TYPES:
            raise StripeError(
                f"Invalid enabled_events[{position}]: must be a known event type, not {name}",
                param=f"enabled_events[{position}]",
            )
    if not names:
        raise StripeError("enabled_events must name an event.", param="enabled_events")
    return list(names)


def _url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise StripeError(
            "Invalid URL: An explicit scheme (such as https) must be provided.",
            code="url_invalid",
            param="url",
        )
    return url


@operation("POST", "/v1/webhook_endpoints")
def _create(call: Call) -> Object:
    endpoint = create(
        call.state, call.params["url"], call.params["enabled_events"], call.text("api_version")
    )
    endpoint["description"] = call.text("description")
    endpoint["metadata"] = merge({}, call.get("metadata"))
    secret = call.state.hidden(endpoint["id"])["secrets"][0]
    return endpoint | {"secret": secret}


@operation("GET", "/v1/webhook_endpoints")
def _list(call: Call) -> Object:
    return page(call.state.table("webhook_endpoint").values(), call.params, call.url)


@operation("GET", _PATH)
def _retrieve(call: Call) -> Object:
    return call.state.get("webhook_endpoint", call.path["webhook_endpoint"], "webhook_endpoint")


@operation("POST", _PATH)
def _update(call: Call) -> Object:
    endpoint = _retrieve(call)
    if "url" in call.params:
        endpoint["url"] = _url(call.params["url"])
    if "enabled_events" in call.params:
        endpoint["enabled_events"] = _events(call.params["enabled_events"])
    if "disabled" in call.params:
        endpoint["status"] = "disabled" if call.params["disabled"] else "enabled"
    if "description" in call.params:
        endpoint["description"] = call.text("description")
    endpoint["metadata"] = merge(endpoint["metadata"], call.get("metadata"))
    return endpoint


@operation("DELETE", _PATH)
def _delete(call: Call) -> Object:
    endpoint = _retrieve(call)
    del call.state.table("webhook_endpoint")[endpoint["id"]]
    return {"id": endpoint["id"], "object": "webhook_endpoint", "deleted": True}
