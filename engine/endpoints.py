"""The webhook endpoint in the Stripe account: what it should be, and the calls that make it so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from engine.errors import BadInput
from engine.project import Project
from engine.stripe.client import API_VERSION, Stripe, object_of
from engine.stripe.routing import EVENTS

PATH = "/webhooks/stripe"
NO = "Stripe says no"


@dataclass(frozen=True, slots=True)
class Plan:
    """One change: a sentence for people, and the call. No call where nothing has to be done."""

    sentence: str
    operation: str | None = None
    params: Mapping[str, Any] | None = None
    id: str | None = None


def wanted_types(project: Project) -> list[str]:
    """The event types that the project's flows handle."""
    types: set[str] = set()
    for compiled in project.flows.values():
        trigger = compiled.flow.trigger.get("stripe")
        if isinstance(trigger, list):
            types.update(trigger)
        elif isinstance(trigger, str):
            types.update(next(kinds for name, kinds in EVENTS.items() if name == trigger))
    # Thin (v2) events go through event destinations, which this endpoint is not.
    return sorted(kind for kind in types if not kind.startswith(("v1.", "v2.")))


def plan(project: Project, stripe: Stripe, url: str) -> list[Plan]:
    """What to do so that Stripe sends `url` all this project handles. Raises BadInput."""
    address = endpoint_url(url)
    types = wanted_types(project)
    answer = stripe.perform("webhook_endpoints.list", {"limit": 100})
    there = [one for one in object_of(answer, NO)["data"] if one["url"] == address]
    if not there:
        params = {
            "url": address,
            "enabled_events": types,
            "api_version": API_VERSION,
            "metadata": {"actionflow_project": project.file.name},
        }
        sentence = f"Make an endpoint for {address}: {len(types)} event types, API {API_VERSION}."
        return [Plan(sentence, "webhook_endpoints.create", params)]
    first, *others = there
    plans = []
    has = set(first["enabled_events"])
    missing = [] if "*" in has else sorted(set(types) - has)
    more = sorted(has - set(types) - {"*"})
    if missing:
        # What is sent beyond that may serve somebody; only what is missing is our concern.
        params = {"enabled_events": sorted(has | set(types))}
        sentence = f"Have {first['id']} send these, too: {', '.join(missing)}."
        plans.append(Plan(sentence, "webhook_endpoints.update", params, first["id"]))
    if more:
        plans.append(Plan(f"{first['id']} sends more than is handled here: {', '.join(more)}."))
    if first["status"] != "enabled":
        sentence = f"Switch {first['id']} on again; Stripe or somebody switched it off."
        plans.append(Plan(sentence, "webhook_endpoints.update", {"disabled": False}, first["id"]))
    plans += [
        Plan(
            f"{other['id']} sends to the same address: every event comes twice (and runs once). "
            "Remove it in Stripe's dashboard."
        )
        for other in others
    ]
    return plans


def carry_out(stripe: Stripe, step: Plan) -> dict[str, Any]:
    """Do one step; gives the endpoint, of a new one with its secret. Raises BadInput."""
    assert step.operation is not None
    answer = stripe.perform(step.operation, dict(step.params or {}), id=step.id)
    return object_of(answer, NO)


def endpoint_url(url: str) -> str:
    """The endpoint's address for a server's public URL. Raises BadInput."""
    parts = urlsplit(url)
    local = parts.hostname in ("127.0.0.1", "localhost", "::1")
    if (parts.scheme != "https" and not (parts.scheme == "http" and local)) or not parts.hostname:
        raise BadInput(f"{url}: expected the public https:// address of this server.")
    path = parts.path.rstrip("/")
    return f"{parts.scheme}://{parts.netloc}{path if path.endswith(PATH) else path + PATH}"
