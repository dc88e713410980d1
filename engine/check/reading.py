"""One expression being read: its places, what names stand for, and where findings go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from engine.check.codes import BOOLEAN
from engine.check.narrow import narrow, path_of
from engine.check.registry import Code, Related
from engine.check.scope import Facts
from engine.check.types import ANY, Type, words
from engine.errors import Place, Problem
from engine.expressions import syntax as ir

Report = Callable[[Problem], None]
TypeOfNode = Callable[["Reading", ir.Node, Facts], Type]
NameType = Callable[[str, Place, Report], Type]


@dataclass(slots=True)
class Reading:
    """One expression being read. `at` gives the place of an offset, `name` the type of a name."""

    at: Callable[[int], Place]
    name: NameType
    defined: Callable[[str], Related]
    report: Report
    types: TypeOfNode
    """The type of a syntax node by its class: `engine.check.infer.type_of`."""
    lenient: bool = False
    """Inside `default(…)` and `is defined`: what may be absent is no mistake."""

    def say(
        self, code: Code, node: ir.Node, message: str, mend: str, related: Related = ()
    ) -> Type:
        """Report, and go on with a value nothing is known of: one mistake, one problem."""
        self.report(code(self.at(node.at), message, mend, related))
        return ANY

    def type(self, node: ir.Node, facts: Facts) -> Type:
        """The type of the value, under what earlier conditions have shown."""
        found = self.types(self, node, facts)
        path = path_of(node) if facts else None
        return facts.get(path, found) if path else found

    def softly(self) -> Reading:
        """The same, where absence is allowed."""
        return replace(self, lenient=True)

    def silently(self) -> Reading:
        """The same, reporting nothing: for a second look at what was reported already."""
        return replace(self, report=lambda problem: None)

    def narrowed(self, node: ir.Node, facts: Facts, truth: bool) -> Facts:
        """The facts where the condition came out as `truth`."""
        return narrow(node, facts, truth, self.silently().type)

    def root(self, node: ir.Node) -> Related:
        """Where the name an expression begins with is defined, for `related`."""
        while isinstance(node, ir.Attr | ir.Item):
            node = node.value
        return self.defined(node.name) if isinstance(node, ir.Name) else ()

    def boolean(self, node: ir.Node, facts: Facts, what: str) -> Type:
        """The type of what has to be true or false."""
        found = self.type(node, facts)
        if not found.known:
            return found
        shown = ir.path_text(node)
        if found.kind != "boolean":
            mend = "Compare it, as in x == 'paid' or x > 0; for a fallback write x | default(…)."
            if found.nullable:
                mend = f"To ask whether it is there, write {shown} is not none."
            return self.say(
                BOOLEAN,
                node,
                f"{what} is {words(found)}{_named(node)}; expected true or false.",
                mend,
                self.root(node),
            )
        if found.nullable:
            return self.say(
                BOOLEAN,
                node,
                f"{what} may be null{_named(node)}; expected true or false.",
                f"Write {shown} | default(false), or check {shown} is not none before it.",
                self.root(node),
            )
        return found


def _named(node: ir.Node) -> str:
    return f" ({ir.path_text(node)})" if path_of(node) else ""
