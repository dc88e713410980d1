"""docs/nodes.md, made of the catalogue: `python -m tests.tools.node_page` writes it; a test fails when it
is stale."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping

from engine.catalogue import NodeSpec, Output, Schema, catalogue
from tests.conftest import ROOT

PAGE = ROOT / "docs" / "nodes.md"
HEAD = """\
# Every node

<!-- Made by `python -m tests.tools.node_page`; the text stands in schemas/nodes. -->

What each type of node takes and gives. Every node has an `id` and may have a `title` as well.
[flows.md](flows.md) says how nodes stand together, [expressions.md](expressions.md) how values are written.
"""
LOCKED = """
# Locked nodes

They read Stripe's events, ask Stripe, and keep the system tables. They are written as shown and take no
keys of yours; what they read of other nodes is fixed, so a node of that name has to stand above them.
[stripe.md](stripe.md) says what the events mean, [actions.md](actions.md) what the actions do.
"""
GIVES = {
    "row": "the row, all its columns",
    "row_or_null": "the row, or null where there is none; with `expect: one` always the row; with `many` a list",
    "rows": "a list of rows",
    "declared": "what it declares: a branch its `gives`, code its `outputs`, a called flow its `returns`",
    "none": "nothing",
}


def page() -> str:
    """The text of the page."""
    specs = catalogue().values()
    free = [line for spec in specs if not spec.locked for line in _node(spec)]
    locked = [line for spec in specs if spec.locked for line in _node(spec)]
    return "\n".join([HEAD, *free, LOCKED.strip(), "", *locked]).rstrip() + "\n"


def _node(spec: NodeSpec) -> Iterator[str]:
    yield from (f"## {spec.type}", "", f"{spec.title}. {spec.doc}", "")
    if spec.only_in:
        yield from (f"Only in flows of: {', '.join(spec.only_in)}.", "")
    yield from ("```yaml", _example(spec), "```", "")
    if spec.keys:
        yield from ("| key | |", "|---|---|")
        for name, schema in spec.keys.items():
            needed = "" if name in spec.required else " (optional)"
            yield f"| `{name}`{needed} | {_cell(_told(schema))} |"
        yield ""
    if spec.inputs:
        yield from ("| reads | what it must be |", "|---|---|")
        for name, one in spec.input_types.items():
            yield f"| `{_cell(spec.inputs[name])}` | {_type(one)} |"
        yield ""
    if isinstance(spec.outputs, str):
        yield from (f"Gives {GIVES[spec.outputs]}.", "")
        return
    yield from ("| output | type | |", "|---|---|---|")
    yield from _outputs(spec.outputs)
    yield ""


def _example(spec: NodeSpec) -> str:
    """The example as its file has it."""
    text = (ROOT / "schemas" / "nodes" / f"{spec.type}.yaml").read_text("utf-8")
    [written] = re.findall(r"^example:(.*\n(?:[ \n].*\n)*)", text, re.M)
    return f"- {textwrap.indent(textwrap.dedent(written.strip(chr(10))), '  ').strip()}"


def _outputs(outputs: Mapping[str, Output]) -> Iterator[str]:
    for name, one in outputs.items():
        yield f"| `{name}` | {_type(one)} | {_cell(one.doc)} |"


def _type(one: Output) -> str:
    choices = f": {', '.join(one.one_of)}" if one.one_of else ""
    return f"{one.type}{choices}{', or null' if one.nullable else ''}"


def _told(schema: Schema) -> str:
    told = str(schema["description"])
    choices = [str(one) for one in schema.get("enum", ())]
    if all(one in told for one in choices):
        return told
    return f"{', '.join(choices)}; {told}"


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip().replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
