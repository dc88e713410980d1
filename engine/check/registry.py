"""The registry: every code a problem can have (`CODES`), and the rules that find them (`RULES`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from engine.errors import Place, Problem, Severity

if TYPE_CHECKING:
    from engine.check.types import Type
    from engine.check.view import View
    from engine.check.walk import Here
    from engine.model import Flow, Node

Related = tuple[tuple[Place, str], ...]
Finder = Literal["yaml", "loader", "expressions", "check", "editor", "tests"]


@dataclass(frozen=True, slots=True)
class Code:
    """One kind of mistake; docs/rules/<name>.md is made of it. Call it to make a Problem."""

    name: str
    title: str
    why: str
    severity: Severity = "error"
    finder: Finder = "check"

    def __call__(self, place: Place, message: str, mend: str, related: Related = ()) -> Problem:
        return Problem(self.name, place, message, mend, self.severity, related)


CODES: dict[str, Code] = {}


def code(
    name: str,
    title: str,
    why: str,
    *,
    severity: Severity = "error",
    finder: Finder = "check",
) -> Code:
    """Register a code. `title` says the mistake, `why` what it would do to a running project."""
    assert name not in CODES, f"{name} is registered twice"
    CODES[name] = made = Code(name, title, why, severity, finder)
    return made


ProjectRule = Callable[["View"], Iterable[Problem]]
FlowRule = Callable[["Flow", "View"], Iterable[Problem]]
NodeRule = Callable[["Node", "Here"], "Type"]

PROJECT_RULES: list[ProjectRule] = []
"""Look at the project as a whole."""
FLOW_RULES: list[FlowRule] = []
"""Look at one flow: its trigger, its order, its structure."""
NODE_RULES: dict[str, NodeRule] = {}
"""By node type: report what is wrong with a node, and say what type its output has."""


OTHERS = "*"
"""Stands for the node types that have no rule of their own."""


def project_rule(rule: Callable[[View], Iterator[Problem]]) -> ProjectRule:
    """Register a rule about the whole project."""
    PROJECT_RULES.append(rule)
    return rule


def flow_rule(rule: Callable[[Flow, View], Iterator[Problem]]) -> FlowRule:
    """Register a rule about one flow."""
    FLOW_RULES.append(rule)
    return rule


def node_rule(*types: str) -> Callable[[NodeRule], NodeRule]:
    """Register the rule for nodes of these types."""

    def register(rule: NodeRule) -> NodeRule:
        for name in types:
            NODE_RULES[name] = rule
        return rule

    return register
