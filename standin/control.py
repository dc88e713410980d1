"""The control routes under `/_standin/`: what tests and people do to the stand-in itself.

GET  events, deliveries, requests
POST delivery, deliver, billing, clock, faults, faults/release, reset, thin_events,
     webhook_endpoints/{id}/rotate, and
     the interventions
"""

import dataclasses
import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from standin import thin_events, webhook_endpoints
from standin.courier import Courier
from standin.errors import StripeError
from standin.faults import Fault
from standin.interventions import INTERVENTIONS, Intervention
from standin.state import State

Action = Callable[[Request, dict[str, Any]], Awaitable[Any]]


def routes(state: State, courier: Courier) -> list[BaseRoute]:
    """The control routes over this state."""
    control = _Control(state, courier)
    table: list[tuple[str, str, Action]] = [
        ("GET", "events", control.events),
        ("GET", "deliveries", control.deliveries),
        ("GET", "requests", control.requests),
        ("POST", "delivery", control.delivery),
        ("POST", "deliver", control.deliver),
        ("POST", "billing", control.billing),
        ("POST", "clock", control.clock),
        ("POST", "faults", control.faults),
        ("POST", "faults/release", control.release),
        ("POST", "reset", control.reset),
        ("POST", "thin_events", control.thin_event),
        ("POST", "webhook_endpoints/{id}/rotate", control.rotate),
    ]
    table += [("POST", path, control.intervene(act)) for path, act in INTERVENTIONS.items()]
    return [
        Route(f"/_standin/{path}", _endpoint(courier, action), methods=[method])
        for method, path, action in table
    ]


def _endpoint(courier: Courier, action: Action) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        own = f"{request.url.scheme}://{request.url.netloc}"
        if request.headers.get("origin", own) != own:
            # A page of some other site in the same browser has no business here.
            return JSONResponse({"error": {"message": "not from another site"}}, 403)
        try:
            given = await request.json() if await request.body() else {}
            if not isinstance(given, dict):
                raise ValueError("the body must be a JSON object")
            result = await action(request, given)
        except StripeError as error:
            return JSONResponse(error.payload(), error.status)
        except (ValueError, TypeError, KeyError) as error:
            return JSONResponse({"error": {"message": f"{type(error).__name__}: {error}"}}, 400)
        courier.wake()
        return JSONResponse(result)

    return answer


class _Control:
    """The actions behind the routes."""

    def __init__(self, state: State, courier: Courier) -> None:
        self._state = state
        self._courier = courier

    async def events(self, request: Request, given: dict[str, Any]) -> Any:
        return {"data": list(self._state.table("event").values())}

    async def deliveries(self, request: Request, given: dict[str, Any]) -> Any:
        reports = [delivery.report() for delivery in self._state.deliveries]
        if request.query_params.get("bodies"):
            for report, delivery in zip(reports, self._state.deliveries, strict=True):
                report["body"] = json.loads(delivery.body)
        return {"data": reports}

    async def requests(self, request: Request, given: dict[str, Any]) -> Any:
        return {"data": list(self._state.log)}

    async def delivery(self, request: Request, given: dict[str, Any]) -> Any:
        self._state.delivery = dataclasses.replace(self._state.delivery, **given)
        return dataclasses.asdict(self._state.delivery)

    async def billing(self, request: Request, given: dict[str, Any]) -> Any:
        self._state.billing = dataclasses.replace(self._state.billing, **given)
        return dataclasses.asdict(self._state.billing)

    async def deliver(self, request: Request, given: dict[str, Any]) -> Any:
        done = await self._courier.flush(**given)
        return {"data": [delivery.report() for delivery in done]}

    async def clock(self, request: Request, given: dict[str, Any]) -> Any:
        with self._state.lock:
            clock = self._state.clock
            to = clock.now() + int(given["advance"]) if "advance" in given else given.get("to")
            if "freeze" in given:
                clock.freeze(int(given["freeze"]))
            elif to is not None:
                if int(to) < clock.now():
                    raise ValueError("the clock does not go back")
                clock.advance(int(to))
            return {"now": clock.now()}

    async def faults(self, request: Request, given: dict[str, Any]) -> Any:
        self._state.faults.append(Fault(**given))
        return {"waiting": len(self._state.faults)}

    async def release(self, request: Request, given: dict[str, Any]) -> Any:
        for fault in self._state.faults:
            fault.released.set()
        return {"released": len(self._state.faults)}

    async def thin_event(self, request: Request, given: dict[str, Any]) -> Any:
        with self._state.lock:
            related, data = given.get("related_object"), given.get("data")
            return thin_events.create(self._state, given["type"], related, data)

    async def reset(self, request: Request, given: dict[str, Any]) -> Any:
        with self._state.lock:
            self._state.reset(keep_webhooks=bool(given.get("keep_webhooks")))
        return {"reset": True}

    def intervene(self, act: Intervention) -> Action:
        async def action(request: Request, given: dict[str, Any]) -> Any:
            with self._state.lock:
                return act(self._state, request.path_params["id"], given)

        return action

    async def rotate(self, request: Request, given: dict[str, Any]) -> Any:
        with self._state.lock:
            identifier = request.path_params["id"]
            return {
                "secrets": webhook_endpoints.rotate(self._state, identifier, given.get("secret"))
            }
