"""One flow from top to bottom: each node's rule in the scope that its place sees."""

from __future__ import annotations

import re

from engine.check.codes import ABSENT, INSIDE, LATER, UNDEFINED
from engine.check.infer import type_of
from engine.check.names import absent, first_names
from engine.check.near import did_you_mean
from engine.check.operators import plain_part
from engine.check.reading import Reading, Report
from engine.check.registry import NODE_RULES, OTHERS, Code, Related, code
from engine.check.scope import Facts, Scope, definitions, why_hidden
from engine.check.types import (
    ANY,
    NOTHING,
    TEXT,
    Type,
    join,
    literal,
)
from engine.check.view import View
from engine.errors import Place
from engine.expressions import Expression, ExpressionProblem, condition, has_expression, parse
from engine.expressions.syntax import Node as Syntax
from engine.model import Flow, Node, Path, Value
from engine.shape import shown

UNREACHABLE = code(
    "control.unreachable",
    "Nodes that are never reached",
    "stop and fail end the run, also inside a branch when every case ends in one. What stands "
    "below never runs.",
)
BRACES = code(
    "ref.braces",
    "A text that looks like an expression",
    "Only what stands in {{ }} is read; anything else is text, and would be stored as it is "
    "written.",
)
_PATH = r"(?P<path>(?P<name>[A-Za-z_]\w*)(?:\.[A-Za-z_]\w*)+)"
_BARE = re.compile(rf"\s*{_PATH}\s*\Z")
_ONE_BRACE = re.compile(rf"\$?\{{\s*{_PATH}\s*\}}")


class Here:
    """What a node's rule may ask: flow, view and scope, and the types of written values."""

    def __init__(self, flow: Flow, view: View, report: Report) -> None:
        self.flow = flow
        self.view = view
        self.report = report
        self.definitions = definitions(flow)
        self.node_path: Path = ()
        self.scope = Scope(first_names(flow, view))

    def say(
        self, code: Code, path: Path, message: str, mend: str, related: Related = (),
        *, key: bool = False,
    ) -> None:  # fmt: skip
        """Report a problem with the value (or the key) at a path of the file."""
        place = self.view.key_place(self.flow, path) if key else self.flow.place(path)
        self.report(code(place, message, mend, related))

    def at(self, node: Node, *keys: str | int) -> Path:
        """The path of a value of a node."""
        return (*node.path, *keys)

    def value(self, written: Value, path: Path) -> Type:
        """The type of a written value, with every expression in it read."""
        if isinstance(written, str):
            return self.text(written, path)
        if isinstance(written, dict):
            fields = {key: self.value(one, (*path, key)) for key, one in written.items()}
            return Type("dict", fields=fields)
        if isinstance(written, list):
            items = [self.value(one, (*path, index)) for index, one in enumerate(written)]
            fixed = all(item.literal is not NOTHING for item in items)
            return literal(written) if fixed else Type("list", item=join(*items), filled=True)
        return literal(written)

    def text(self, written: str, path: Path) -> Type:
        """The type of a text that may be, or hold, expressions."""
        if not has_expression(written):
            return self.plain_text(written, path)
        expression = self.parsed(written, self.flow.place(path))
        if expression is None:
            return ANY
        return typed(expression, self.reading(expression), self.scope.facts)

    def plain_text(self, written: str, path: Path) -> Type:
        """The type of a text without expressions, unless it looks as if it should be one."""
        found = _BARE.match(written) or _ONE_BRACE.search(written)
        name = found.group("name") if found else ""
        if found and (name in self.scope.names or name in self.definitions):
            inner = found.group("path")
            self.say(
                BRACES,
                path,
                f"{shown(written)} is plain text; nothing is read from '{name}'.",
                f'Write "{{{{ {inner} }}}}"; or, if it is meant as text, "{{{{ \'{inner}\' }}}}".',
            )
            return ANY
        return literal(written)

    def condition(self, written: str, path: Path) -> tuple[Type, Syntax | None, Reading | None]:
        """The type of a condition, its syntax and its reading (None when it cannot be read)."""
        expression = self.parsed(written, self.flow.place(path), whole=True)
        if expression is None:
            return ANY, None, None
        [syntax] = expression.parts
        assert not isinstance(syntax, str), "a condition is one whole expression"
        reading = self.reading(expression)
        return reading.boolean(syntax, self.scope.facts, "this condition"), syntax, reading

    def parsed(self, written: str, place: Place, *, whole: bool = False) -> Expression | None:
        """The expression, or None after reporting why it cannot be read."""
        try:
            return condition(written, place) if whole else parse(written, place)
        except ExpressionProblem as found:
            for problem in found.problems:
                self.report(problem)
            return None

    def reading(self, expression: Expression) -> Reading:
        """How the rules read an expression in this scope."""
        return Reading(expression.at, self.name, self.defined, self.report, type_of)

    def defined(self, name: str) -> Related:
        """Where a node's id is defined, for `related`."""
        found = self.definitions.get(name)
        return ((found.place, f"'{name}' is defined here"),) if found else ()

    def name(self, name: str, place: Place, report: Report) -> Type:
        """The type of a name an expression reads; says why when it cannot be read here."""
        found = self.scope.names.get(name)
        if found is not None:
            why, mend = self.absent(name)
            if why:
                report(ABSENT(place, f"there is no `{name}` here: {why}.", mend))
                return ANY
            return found
        definition = self.definitions.get(name)
        if definition is None:
            known = list(self.scope.names)
            near = self.within(name) or did_you_mean(name, known)
            readable = [one for one in known if not self.absent(one)[0]]
            mend = _FOREIGN.get(name.lower()) or (
                f"If it is text, put it in quotes: '{name}'. Names that can be read here: "
                f"{', '.join(sorted(readable))}."
            )
            report(UNDEFINED(place, f"'{name}' is defined nowhere in this flow.{near}", mend))
        elif why_hidden(definition, self.node_path) == "later":
            report(
                LATER(
                    place,
                    f"'{name}' is read here, but it has its value only further down.",
                    f"Move the node '{name}' up, or this one down below it.",
                    self.defined(name),
                )
            )
        else:
            report(
                INSIDE(
                    place,
                    f"'{name}' is defined inside {definition.inside}, and is not visible here.",
                    "Pass the value on: in a branch with `gives` in every case, in a for_each with "
                    "`collect`; then read it from that node.",
                    self.defined(name),
                )
            )
        return ANY

    def absent(self, name: str) -> tuple[str, str]:
        """Why this reserved name has nothing in flows of this kind, and what to do; empty where it has."""
        return absent(name, self.flow) if self.scope.names[name].kind == "null" else ("", "")

    def within(self, name: str) -> str:
        """A hint where a name is an output of a node in sight: orderId is callback.orderId."""
        for node, found in self.scope.names.items():
            if found.fields is not None and name in found.fields:
                return f" Did you mean '{node}.{name}'?"
        return ""

    def block(self, nodes: tuple[Node, ...]) -> None:
        """Check a list of nodes in the present scope, one after the other."""
        said = False
        for node in nodes:
            if self.scope.stopped and not said:
                said = True
                self.report(
                    UNREACHABLE(
                        node.place,
                        f"'{node.id}' is never reached: the run has ended above it.",
                        "Remove it and what follows in this list, or move it up.",
                    )
                )
            self.node(node)

    def node(self, node: Node) -> None:
        """Check one node, and give its id a type."""
        outer, self.node_path = self.node_path, node.path
        rule = NODE_RULES.get(node.type) or NODE_RULES[OTHERS]
        self.scope.names[node.id] = rule(node, self)
        self.node_path = outer

    def inside(self, nodes: tuple[Node, ...], scope: Scope) -> Scope:
        """Check a block inside of a node, and give back the scope at its end."""
        outer, self.scope = self.scope, scope
        self.block(nodes)
        self.scope = outer
        return scope


_FOREIGN = {
    **dict.fromkeys(("null", "nil", "undefined"), "What is not there is `none`: x is none."),
    **dict.fromkeys(
        ("true", "yes", "on"), "Write `true`; or nothing, for a boolean is a condition by itself."
    ),
    **dict.fromkeys(("false", "no", "off"), "Write `false`, or `not` before the value."),
}
"""What other languages write, and is no name here."""


def typed(expression: Expression, reading: Reading, facts: Facts) -> Type:
    """The type of a value: the expression's own, or text where text stands around it."""
    for part in expression.parts:
        if not isinstance(part, str):
            if expression.whole:
                return reading.type(part, facts)
            plain_part(reading, part, facts, "inside of text")
    return TEXT
