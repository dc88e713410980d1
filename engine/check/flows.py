"""One flow checked: its own rules, then its nodes from top to bottom, then what it returns."""

from __future__ import annotations

from engine.check.calls import check_returns
from engine.check.lost import granted
from engine.check.registry import FLOW_RULES
from engine.check.types import ANY, Type
from engine.check.view import View
from engine.check.walk import Here
from engine.errors import Problem
from engine.model import Flow


class FlowChecks:
    """The findings of every flow, each checked once; a call needs what the called flow returns."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.found: dict[str, list[Problem]] = {}
        self.returns: dict[str, Type] = {}
        view.returned = self.returned

    def returned(self, name: str) -> Type:
        """The type of what a flow returns; unknown inside a circle of calls."""
        if name not in self.found:
            self.check(self.view.flows[name])
        return self.returns.get(name, ANY)

    def check(self, flow: Flow) -> list[Problem]:
        """All findings of one flow."""
        if flow.name in self.found:
            return self.found[flow.name]
        problems: list[Problem] = []
        self.found[flow.name] = problems
        for rule in FLOW_RULES:
            problems += rule(flow, self.view)
        here = Here(flow, self.view, problems.append)
        here.scope.names |= granted(flow, self.view)
        here.block(flow.nodes)
        self.returns[flow.name] = check_returns(flow, here)
        return problems
