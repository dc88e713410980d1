"""code: the Python of a block read without running it: syntax, names, what it returns."""

from __future__ import annotations

import ast

from engine.catalogue import output
from engine.check.fits import misfit
from engine.check.near import did_you_mean
from engine.check.python import bound, ends, line_of, own_returns, type_of
from engine.check.registry import Code, code, node_rule
from engine.check.types import Type, of_output
from engine.check.walk import Here
from engine.errors import Place
from engine.model import Node
from engine.sandbox import CodeRefused
from engine.sandbox import check as parse_code

SYNTAX = code(
    "code.syntax",
    "A code block that cannot run",
    "The block is Python without imports, waiting or files, and ends with `return {…}`.",
)
NAME = code(
    "code.name",
    "A name the code does not know",
    "A code block sees its `inputs` and what it defines itself; nothing else of the flow.",
)
RETURN = code(
    "code.return",
    "A code block that returns other things than it declares",
    "The returned dict has just the names that `outputs` declares.",
)
OUTPUT_TYPE = code(
    "code.output",
    "A code block whose output does not fit its type",
    "`outputs` says what type each value has. Money is an integer of minor units: divide with //.",
)
# What the sandbox offers and a block has use for; a test compares it with the sandbox itself.
BUILTINS = frozenset(
    """
    abs all any bin bool chr dict divmod enumerate filter float format frozenset getattr
    hasattr hex int isinstance iter len list map max min next oct ord pow print range repr
    reversed round set slice sorted str sum tuple type zip NotImplemented Ellipsis Exception
    ValueError TypeError KeyError IndexError LookupError ArithmeticError AssertionError
    AttributeError NameError OverflowError RuntimeError StopIteration ZeroDivisionError
    """.split()  # noqa: SIM905
)


@node_rule("code")
def code_node(node: Node, here: Here) -> Type:
    """Output: what `outputs` declares."""
    inputs = node.keys.get("inputs") or {}
    for name, written in inputs.items():
        here.value(written, here.at(node, "inputs", name))
    declared = {
        name: of_output(output(name, written), here.view.order)
        for name, written in node.keys["outputs"].items()
    }
    block = _Block(node, here, declared)
    try:
        tree = parse_code(node.keys["code"])
    except CodeRefused as refused:
        block.say(SYNTAX, refused.line, 0, f"{refused}.", "Correct the code on this line.")
    else:
        block.names(tree, set(inputs))
        block.returns(tree)
    return Type("dict", fields=declared)


class _Block:
    """One code block: where its lines stand in the file, and what is wrong with them."""

    def __init__(self, node: Node, here: Here, declared: dict[str, Type]) -> None:
        self.node = node
        self.here = here
        self.declared = declared
        self.start = here.flow.place((*node.path, "code"))

    def say(self, code: Code, line: int, column: int, message: str, mend: str) -> None:
        self.here.report(code(self.place(line, column), message, mend))

    def place(self, line: int, column: int) -> Place:
        """The place in the flow file of a spot in the code; lines count from 1, columns from 0."""
        file, first, indented = self.start
        return Place(file, first + line - 1, indented + column)

    def names(self, tree: ast.Module, inputs: set[str]) -> None:
        known = inputs | set(bound(tree)) | BUILTINS
        said: set[str] = set()
        for found in ast.walk(tree):
            if not isinstance(found, ast.Name) or found.id in known or found.id in said:
                continue
            said.add(found.id)
            near = did_you_mean(found.id, sorted(known - BUILTINS)) or did_you_mean(
                found.id, sorted(BUILTINS)
            )
            listed = ", ".join(sorted(inputs)) or "none"
            mend = f"Declare it under `inputs` of '{self.node.id}'. Its inputs are: {listed}."
            if found.id in self.here.scope.names:
                mend = f'Add to `inputs`: {found.id}: "{{{{ {found.id} }}}}" (or a part of it).'
            self.say(
                NAME,
                found.lineno,
                found.col_offset,
                f"the code of '{self.node.id}' reads '{found.id}', which is neither an input nor "
                f"defined in it.{near}",
                mend,
            )

    def returns(self, tree: ast.Module) -> None:
        if not ends(tree.body):
            last = tree.body[-1]
            names = ", ".join(f'"{name}": …' for name in self.declared)
            self.say(
                RETURN,
                last.lineno,
                last.col_offset,
                f"the code of '{self.node.id}' can come to its end without a `return`.",
                f"End it with: return {{{names}}}",
            )
        for found in own_returns(tree.body):
            if isinstance(found.value, ast.Dict):
                self.returned(found.value)
            elif found.value is None or isinstance(
                found.value, ast.Constant | ast.List | ast.Tuple
            ):
                shown = line_of(self.node.keys["code"], found)
                names = ", ".join(f'"{name}": …' for name in self.declared)
                self.say(
                    RETURN,
                    found.lineno,
                    found.col_offset,
                    f"the code of '{self.node.id}' has `{shown}`; expected a dict with "
                    f"{', '.join(map(repr, self.declared))}.",
                    f"Write: return {{{names}}}",
                )

    def returned(self, written: ast.Dict) -> None:
        keys = [key.value for key in written.keys if isinstance(key, ast.Constant)]
        if len(keys) < len(written.keys) or not all(isinstance(key, str) for key in keys):
            return  # made with ** or computed keys: only the run can tell
        names = [str(key) for key in keys]
        missing = [name for name in self.declared if name not in names]
        extra = [name for name in names if name not in self.declared]
        if missing or extra:
            said = []
            if missing:
                said.append(f"does not return {', '.join(map(repr, missing))}")
            if extra:
                said.append(f"returns {', '.join(map(repr, extra))}, which is not declared")
            near = did_you_mean(extra[0], missing) if extra else ""
            self.say(
                RETURN,
                written.lineno,
                written.col_offset,
                f"the code of '{self.node.id}' {' and '.join(said)}.{near}",
                f"Declared are: {', '.join(self.declared)}. Return just these.",
            )
        for name, value in zip(names, written.values, strict=True):
            if name in self.declared:
                self.output(name, value)

    def output(self, name: str, value: ast.expr) -> None:
        if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Div):
            if self.declared[name].known:
                self.say(
                    OUTPUT_TYPE,
                    value.lineno,
                    value.col_offset,
                    f"output '{name}' of '{self.node.id}' is divided with /, which is a fraction.",
                    "Divide with //, and decide how to round: (a + b // 2) // b is the nearest.",
                )
            return
        wrong = misfit(type_of(value), self.declared[name], f"output '{name}' of '{self.node.id}'")
        if wrong is not None:
            self.say(OUTPUT_TYPE, value.lineno, value.col_offset, wrong.message, wrong.mend)
