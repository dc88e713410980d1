"""A dry run as people like to read it: a tree of nodes, why each case did or did not match, row diffs."""

from __future__ import annotations

import json

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from engine.dryrun import DryRun
from engine.model import Flow, Node, Row, Value
from engine.project import Project
from engine.receive import Verdict
from engine.trace import Entry

OUTCOMES = {
    "done": ("green", "done: the server would commit this and answer 200"),
    "ignored": ("yellow", "set aside: the server would answer 200 and touch no row"),
    "waiting": ("red", "failed: the server would undo this, answer 500 and try again"),
    "dead": ("red", "failed for the last time: the event would rest as a dead letter"),
    "duplicate": ("yellow", "delivered before: the server would answer 200 without a run"),
}


def print_dry_run(result: DryRun, project: Project) -> None:
    """Print the whole run; colours only on a terminal."""
    console = Console(highlight=False, soft_wrap=True)
    console.print(Text.assemble("dry run of ", (result.flow, "bold"), f"  {result.file}"))
    console.print(Text(f"on {result.database}; nothing is sent, nothing is written", "dim"))
    for verdict in result.verdicts:
        console.print()
        console.print(_verdict(verdict, project, seen_before=verdict.event.id in result.repeated))
        colour, words = OUTCOMES[verdict.outcome]
        console.print(Text(words, colour))
        if verdict.reason:
            console.print(Text(f"  {verdict.reason}", colour))
    console.print()
    if not result.changes:
        console.print("no row would change")
        return
    console.print(Text("rows that would change", "bold"))
    for change in result.changes:
        console.print(Text("  ").append_text(diff(change.as_json())))


def _verdict(verdict: Verdict, project: Project, *, seen_before: bool) -> Tree:
    event = verdict.event
    head = Text.assemble(
        "event ",
        (event.id, "bold"),
        f"  {event.type}",
        (f"  API {event.api_version or '-'}", "dim"),
    )
    if seen_before:
        head.append(
            "\nthe database has this event already; a server would not run it again", "yellow"
        )
    tree = Tree(head, guide_style="dim")
    flow = project.flows[verdict.flow].flow if verdict.flow else None
    for entry in verdict.trace:
        _entry(tree, entry, flow)
    return tree


def _entry(tree: Tree, entry: Entry, flow: Flow | None) -> None:
    node = _find(flow.nodes, entry["id"]) if flow else None
    head = Text.assemble((entry["id"], "bold"), (f"  {entry['type']}", "cyan"))
    if node is not None and node.locked:
        head.append("  locked", "magenta")
    if node is not None and node.title:
        head.append(f"  {node.title}", "dim")
    branch = tree.add(head)
    for note in entry.get("notes", []):
        _note(branch, note)
    if "in" in entry:
        branch.add(_named("in ", entry["in"]))
    for inner in entry.get("nodes", []):
        _entry(branch, inner, flow)
    # A row just written is told by its diff; saying it again as output would be noise.
    if entry.get("out") and not entry.get("changes") or entry["type"].startswith("stripe."):
        branch.add(_named("out", entry.get("out")))
    for change in entry.get("changes", []):
        branch.add(diff(change))
    if "stop" in entry:
        branch.add(Text(f"stops here: {entry['stop']}", "yellow"))
    if "error" in entry and "nodes" not in entry:
        branch.add(Text(entry["error"], "red"))


def _note(branch: Tree, note: Value) -> None:
    if "tried" in note:
        mark, colour = ("✓", "green") if note["held"] else ("✗", "dim")
        saw = ", ".join(f"{name} = {_short(value)}" for name, value in note["saw"].items())
        branch.add(Text(f"{mark} {note['tried']}  because {saw or 'it is constant'}", colour))
    elif "case" in note:
        branch.add(Text(f"→ case: {note['case']}", "green bold"))
    else:
        branch.add(Text(", ".join(f"{key}: {value}" for key, value in note.items()), "dim"))


def _named(word: str, value: Value) -> Text:
    text = Text(f"{word}  ", "dim")
    if isinstance(value, dict):
        return text.append(", ".join(f"{key} {_short(inner)}" for key, inner in value.items()), "")
    return text.append(_short(value), "")


def diff(change: dict[str, Value]) -> Text:
    """One row change: `+` a new row, `-` one gone, `~` what changed in one, old → new."""
    before, after = change["before"], change["after"]
    name = f"{change['table']} {change['key']}"
    if before is None:
        return Text.assemble(("+ ", "green bold"), (name, "bold"), f"  {_row(after)}")
    if after is None:
        return Text.assemble(("- ", "red bold"), (name, "bold"), f"  {_row(before)}")
    moved = [
        f"{column} {_short(before.get(column))} → {_short(value)}"
        for column, value in after.items()
        if before.get(column) != value
    ]
    return Text.assemble(
        ("~ ", "yellow bold"), (name, "bold"), f"  {', '.join(moved) or 'as it was'}"
    )


def _row(row: Row) -> str:
    return ", ".join(
        f"{column} {_short(value)}" for column, value in row.items() if value is not None
    )


def _short(value: Value) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:79]}…"


def _find(nodes: tuple[Node, ...], name: str) -> Node | None:
    for node in nodes:
        if node.id == name:
            return node
        inside = [*node.do, *(one for case in node.cases for one in case.do)]
        found = _find(tuple(inside), name)
        if found:
            return found
    return None
