"""A dry run as people like to read it: a tree of nodes, why each case did or did not match, row diffs."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text
from rich.tree import Tree

from engine.dryrun import DryRun
from engine.model import Flow, Node, Row, Value
from engine.project import Project
from engine.tick import is_tick
from engine.trace import Entry, flat
from engine.verdict import Verdict

OUTCOMES = {
    "done": ("green", "done: the server would commit this and answer 200"),
    "ignored": ("yellow", "set aside: the server would answer 200 and touch no row"),
    "waiting": ("red", "failed: the server would undo this, answer 500 and try again"),
    "dead": ("red", "failed for the last time: the event would rest as a dead letter"),
    "duplicate": ("yellow", "delivered before: the server would answer 200 without a run"),
}
OF_TICK = {
    "done": "done: the server would commit this",
    "waiting": "failed: the server would undo this and try again",
    "dead": "failed for the last time: the tick would rest as a dead letter",
}
"""Of a tick, which nobody waits for an answer to."""
QUIET = ("created_at", "updated_at", "alreadyProcessed")
"""Columns and outputs that tell a reader nothing new: times of writing, an alias."""
OF_ROWS = frozenset({"table.find", "table.update", "table.delete"})
PIPED_WIDTH = 100
LONGEST_VALUE = 120


def print_dry_run(result: DryRun, project: Project) -> None:
    """Print the whole run; colours only on a terminal."""
    console = Console(highlight=False)
    if console.is_terminal:
        _print(result, project, console)
        return
    columns = os.environ.get("COLUMNS", "")
    width = int(columns) if columns.isdigit() else PIPED_WIDTH
    console = Console(highlight=False, width=max(width, 40))
    with console.capture() as written:
        _print(result, project, console)
    # Cells are filled up with spaces, which nobody wants in a file.
    for line in written.get().splitlines():
        print(line.rstrip())


def _print(result: DryRun, project: Project, console: Console) -> None:
    console.print(Text.assemble("dry run of ", (result.flow, "bold"), f"  {result.file}"))
    console.print(Text(f"on {result.database}; nothing is sent, nothing is written", "dim"))
    for verdict in result.verdicts:
        console.print()
        console.print(_verdict(verdict, project, seen_before=verdict.event.id in result.repeated))
        colour, words = OUTCOMES[verdict.outcome]
        if is_tick(verdict.event):
            words = OF_TICK.get(verdict.outcome, words)
        console.print(Text(words, colour))
        if verdict.reason and not _told(verdict):
            console.print(Padding(Text(verdict.reason, colour), (0, 0, 0, 2)))
        if hint := result.hints.get(verdict.event.id):
            console.print(Padding(Text(hint), (0, 0, 0, 2)))
    console.print()
    changes = [one for one in (change.as_json() for change in result.changes) if _visible(one)]
    if changes:
        console.print(Text("rows that would change", "bold"))
        for change in changes:
            console.print(Padding(diff(change), (0, 0, 0, 2)))
    else:
        console.print("no row would change")
    if result.calls:
        console.print(Text("calls that would be made after that", "bold"))
        for call in result.calls:
            console.print(Padding(_call(call), (0, 0, 0, 2)))


def _told(verdict: Verdict) -> bool:
    """Whether the tree says already why the run ended."""
    said = [entry.get("error", entry.get("stop")) for entry in flat(verdict.trace)]
    return verdict.reason in said


def _verdict(verdict: Verdict, project: Project, *, seen_before: bool) -> Tree:
    event = verdict.event
    if is_tick(event):
        cron = event.object["schedule"]
        head = Text.assemble("due ", (event.object["due"], "bold"), f"  {cron}", (" UTC", "dim"))
    else:
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
        _entry(tree, entry, flow, project)
    return tree


def _entry(tree: Tree, entry: Entry, flow: Flow | None, project: Project) -> None:
    node = _find(flow.nodes, entry["id"]) if flow else None
    head = Text.assemble((entry["id"], "bold"), (f"  {entry['type']}", "cyan"))
    if node is not None and node.locked:
        head.append("  locked", "magenta")
    if node is not None and node.title:
        head.append(f"  {node.title}", "dim")
    branch = tree.add(head)
    if "in" in entry and entry["type"] != "stop":
        branch.add(_named("in", entry["in"]))
    inside = flow
    if node is not None and node.type == "flow":
        called = project.flows.get(str(node.keys["flow"]))
        inside = called.flow if called else None
    within = branch
    for note in entry.get("notes", []):
        within = _note(branch, note, within)
    for inner in entry.get("nodes", []):
        _entry(within, inner, inside, project)
    changes = entry.get("changes", [])
    # What a node wrote into the builder's tables is told by its rows; as output it would be noise.
    if entry.get("out") and (not changes or entry["type"].startswith("stripe.")):
        branch.add(_named("out", entry["out"]))
    elif entry["type"] in OF_ROWS and not changes and "row" not in entry and "error" not in entry:
        branch.add(_named("out", entry.get("out")))  # that no row matched is what one looks for
    for change in filter(_visible, changes):
        branch.add(_new(change) if change["before"] is None else diff(change))
    if "stop" in entry and "nodes" not in entry:
        branch.add(Text(f"stops here: {entry['stop']}", "yellow"))
    if "error" in entry and "nodes" not in entry:
        branch.add(Text(entry["error"], "red"))


def _note(branch: Tree, note: Value, within: Tree) -> Tree:
    """Add a node's remark; gives the line under which what the node did belongs."""
    if "tried" in note:
        mark, style = ("✓", "green bold") if note["held"] else ("✗", "dim")
        saw = ", ".join(f"{name} is {_short(value)}" for name, value in note["saw"].items())
        line = branch.add(_hanging(Text(f"{mark} {note['tried']}  ", style), Text(saw, "dim")))
        return line if note["held"] else within
    if "case" in note:
        if within is not branch:  # the case was added when it was tried
            return within
        why = "  no other case matched"
        return branch.add(Text.assemble((f"✓ {note['case']}", "green bold"), (why, "dim")))
    branch.add(Text(", ".join(f"{key}: {value}" for key, value in note.items()), "dim"))
    return within


def _named(word: str, value: Value) -> RenderableType:
    """A word and a value whose further lines stand under the first."""
    text = Text()
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in QUIET:
                continue
            text.append(", " if text else "")
            text.append(f"{key} ", "dim").append(_short(inner))
    else:
        text.append(_short(value))
    return _hanging(Text(f"{word:<3} ", "dim"), text)


def _hanging(head: Text, text: Text) -> RenderableType:
    grid = Grid.grid()
    grid.add_column(no_wrap=True)
    grid.add_column()
    grid.add_row(head, text)
    return grid


def _visible(change: dict[str, Value]) -> bool:
    """Whether there is anything to show: an update may be of what the engine keeps for itself."""
    before, after = change["before"], change["after"]
    if before is None or after is None:
        return True
    return any(before[column] != after[column] for column in after if column not in QUIET)


def _new(change: dict[str, Value]) -> Text:
    return Text.assemble(("+ ", "green bold"), (f"{change['table']} {change['key']}", "bold"))


def diff(change: dict[str, Value]) -> RenderableType:
    """One row change: `+` a new row, `-` one gone, `~` what changed in one, old → new."""
    before, after = change["before"], change["after"]
    name = f"{change['table']} {change['key']}  "
    if before is None:
        return _hanging(Text.assemble(("+ ", "green bold"), (name, "bold")), _row(after))
    if after is None:
        return _hanging(Text.assemble(("- ", "red bold"), (name, "bold")), _row(before))
    moved = Text(", ").join(
        Text.assemble(
            (f"{column} ", "dim"),
            (_short(before.get(column)), "red"),
            " → ",
            (_short(value), "green"),
        )
        for column, value in after.items()
        if before.get(column) != value and column not in QUIET
    )
    return _hanging(Text.assemble(("~ ", "yellow bold"), (name, "bold")), moved)


def _row(row: Row) -> Text:
    return Text(", ").join(
        Text.assemble((f"{column} ", "dim"), _short(value))
        for column, value in row.items()
        if value is not None and column not in QUIET
    )


def _call(call: dict[str, Value]) -> RenderableType:
    head = Text.assemble(
        (f"{call['method']} ", "cyan bold"), call["url"], (f"  from {call['node']}", "dim")
    )
    if "body" not in call:
        return head
    return Group(head, Padding(_named("body", call["body"]), (0, 0, 0, 2)))


def _short(value: Value) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"


def _find(nodes: tuple[Node, ...], name: str) -> Node | None:
    for node in _every(nodes):
        if node.id == name:
            return node
    return None


def _every(nodes: tuple[Node, ...]) -> Iterator[Node]:
    for node in nodes:
        yield node
        yield from _every(node.do)
        for case in node.cases:
            yield from _every(case.do)
