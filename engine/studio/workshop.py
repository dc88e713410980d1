"""The flows as files, to be edited: their text, what is wrong with it, its graph, and saving it."""

from __future__ import annotations

import difflib
import hashlib
import os
import pathlib
import tempfile
from dataclasses import dataclass, replace

from engine.check import check
from engine.check.secrets import in_text
from engine.errors import ActionflowError, BadInput, Problem, ProblemsFound
from engine.flowfile import flow_from_text
from engine.load import Loaded, load_folder
from engine.model import Flow, Value
from engine.paths import shown
from engine.project import Project
from engine.studio.graph import flow_graph, trigger_text

LARGEST = 256 * 1024
"""Bytes of a flow file; honest ones have a few thousand."""
CONTEXT = 3
"""Unchanged lines around a change in a diff."""


class ChangedMeanwhile(ActionflowError):
    """The file was changed on disk since this page read it."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A flow as an editor holds it, read and checked together with the rest of its project."""

    name: str
    file: pathlib.Path
    text: str
    loaded: Loaded
    flow: Flow | None
    """None where the text is no flow."""
    problems: list[Problem]

    @property
    def errors(self) -> list[Problem]:
        return [problem for problem in self.problems if problem.severity == "error"]

    def project(self) -> Project:
        """The project with this text in the place of the file. Raises ProblemsFound."""
        if self.errors or self.flow is None:
            raise ProblemsFound(self.errors)
        return Project.of(self.loaded, self.problems)

    def as_json(self) -> dict[str, Value]:
        """`problems` (with `here` for those of this file) and `graph`, None where there is none."""
        here = shown(self.file)
        return {
            "problems": [
                problem.as_json() | {"here": problem.place.file == here}
                for problem in self.problems
            ],
            "errors": len(self.errors),
            "graph": flow_graph(self.flow).as_json() if self.flow else None,
            "trigger": trigger_text(self.flow) if self.flow else "",
            "title": self.flow.title if self.flow else "",
        }


def flow_list(project: Project) -> dict[str, Value]:
    """The flows that are running, with what starts each."""
    return {
        "flows": [
            {
                "name": compiled.flow.name,
                "title": compiled.flow.title,
                "trigger": trigger_text(compiled.flow),
                "nodes": len(flow_graph(compiled.flow).nodes) - 2,
                "version": compiled.flow.digest[:12],
            }
            for _, compiled in sorted(project.flows.items())
        ]
    }


def flow_page(project: Project, name: str) -> dict[str, Value] | None:
    """One running flow with its graph; None when there is no such flow."""
    compiled = project.flows.get(name)
    if compiled is None:
        return None
    flow = compiled.flow
    return {
        "name": name,
        "title": flow.title,
        "trigger": trigger_text(flow),
        "version": flow.digest[:12],
        "source": flow.source,
        "graph": flow_graph(flow).as_json(),
    }


def flow_file(project: Project, name: str) -> pathlib.Path:
    """The file of a flow; only flows of the project have one. Raises BadInput."""
    if name not in project.flows:
        raise BadInput(f"There is no flow '{name[:64]}' in this project.")
    return project.folder / f"{name}.yaml"


def digest(text: str) -> str:
    """What tells one version of a file from another."""
    return hashlib.sha256(text.encode()).hexdigest()


def read_text(file: pathlib.Path) -> str:
    """The file's text as it is now. Raises BadInput."""
    try:
        return file.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{shown(file)}: cannot be read as text ({error}).") from None


def draft(project: Project, name: str, text: str) -> Draft:
    """The text as flow `name`, checked with the rest of the project as it is on disk.

    Raises BadInput (no such flow, text too large).
    """
    file = flow_file(project, name)
    size = len(text.encode())
    if size > LARGEST:
        raise BadInput(f"The text has {size} bytes; a flow has at most {LARGEST}.")
    here = shown(file)
    loaded = load_folder(project.folder)
    flows = {known: flow for known, flow in loaded.flows.items() if flow.file != here}
    problems = [problem for problem in loaded.problems if problem.place.file != here]
    flow = None
    try:
        flow = flow_from_text(text, here)
        flows[flow.name] = flow
    except ProblemsFound as found:
        problems += found.problems
    mixed = replace(loaded, flows=flows, problems=problems)
    found_all = check(mixed) if mixed.project else problems
    # The rule for secrets reads files; here the text is what counts, not the file.
    kept = [p for p in found_all if not (p.place.file == here and p.code in SECRET_CODES)]
    secrets = list(in_text(text, here))
    return Draft(name, file, text, mixed, flow, _in_order([*kept, *secrets]))


SECRET_CODES = frozenset({"secret.file", "secret.database"})


def _in_order(problems: list[Problem]) -> list[Problem]:
    return sorted(dict.fromkeys(problems), key=lambda problem: (problem.place, problem.code))


def diff_lines(before: str, after: str) -> list[dict[str, Value]]:
    """A unified diff as lines: `kind` is add, gone, same or part, with line numbers old and new."""
    lines: list[dict[str, Value]] = []
    old = new = 0
    for line in difflib.unified_diff(
        before.splitlines(), after.splitlines(), n=CONTEXT, lineterm=""
    ):
        mark, rest = line[:1], line[1:]
        if line.startswith(("---", "+++")) and not lines:
            continue
        if mark == "@":
            spans = line.split()
            old = int(spans[1].lstrip("-").partition(",")[0])
            new = int(spans[2].lstrip("+").partition(",")[0])
            lines.append({"kind": "part", "text": line, "old": None, "new": None})
        elif mark == "+":
            lines.append({"kind": "add", "text": rest, "old": None, "new": new})
            new += 1
        elif mark == "-":
            lines.append({"kind": "gone", "text": rest, "old": old, "new": None})
            old += 1
        else:
            lines.append({"kind": "same", "text": rest, "old": old, "new": new})
            old, new = old + 1, new + 1
    if not lines and before != after:
        lines.append({"kind": "part", "text": "only line endings differ", "old": None, "new": None})
    return lines


def save(drafted: Draft, digest_read: str) -> str:
    """Write the text over the flow's file, whole or not at all; gives its new digest.

    Nothing is written while the check finds an error, or when the file is not the one the editor
    read (`digest_read`). Raises ProblemsFound, ChangedMeanwhile, BadInput.
    """
    if drafted.errors:
        raise ProblemsFound(drafted.errors)
    file = drafted.file.resolve()
    if digest(read_text(file)) != digest_read:
        raise ChangedMeanwhile(
            f"{shown(drafted.file)} was changed on disk since this page read it. Copy your text, "
            "read the file again, and bring your change into it."
        )
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    temporary = pathlib.Path(name)
    try:
        with os.fdopen(handle, "wb") as new:
            new.write(drafted.text.encode())
            new.flush()
            os.fsync(new.fileno())
        temporary.chmod(file.stat().st_mode & 0o777)
        os.replace(temporary, file)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise BadInput(f"{shown(drafted.file)} could not be written ({error.strerror}).") from None
    return digest(drafted.text)
