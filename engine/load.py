"""A project folder from its files: project.yaml and every flow, with all problems met on the way."""

from __future__ import annotations

import pathlib
from dataclasses import dataclass, field

from engine.errors import BadInput, Problem, ProblemsFound
from engine.flowfile import read_flow
from engine.model import Flow, ProjectFile
from engine.projectfile import PROJECT_FILE, read_project

SEED_FILE = "seed.yaml"
"""Rows to begin with; no flow."""
NOT_FLOWS = frozenset({PROJECT_FILE, SEED_FILE})


@dataclass(slots=True)
class Loaded:
    """A project folder as read: what could be understood, and every problem met on the way."""

    folder: pathlib.Path
    project: ProjectFile | None = None
    flows: dict[str, Flow] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    passed_by: list[pathlib.Path] = field(default_factory=list)
    """Files that look like the project's and are not read, for the end of their names."""


def load_folder(folder: pathlib.Path) -> Loaded:
    """Read project.yaml and all flows of a folder. Never raises for what a builder wrote.

    Raises BadInput when the folder has no project.yaml.
    """
    if not (folder / PROJECT_FILE).is_file():
        odd = [path.name for path in _misnamed(folder) if path.stem == "project"]
        raise BadInput(
            f"{folder}: there is no {PROJECT_FILE} here, but {odd[0]}. Rename it to {PROJECT_FILE}."
            if odd
            else f"{folder}: there is no {PROJECT_FILE} here. Go to your project's folder, name it "
            f"with --project DIR, or make one with: actionflow init DIR"
        )
    loaded = Loaded(folder)
    try:
        loaded.project = read_project(folder / PROJECT_FILE)
    except ProblemsFound as found:
        loaded.problems += found.problems
    loaded.passed_by = [*_misnamed(folder), *_misnamed(folder / "tests")]
    for path in flow_files(folder):
        try:
            flow = read_flow(path)
        except ProblemsFound as found:
            loaded.problems += found.problems
            continue
        if flow.name in loaded.flows:
            other = loaded.flows[flow.name]
            loaded.problems.append(
                Problem(
                    "flow.twice",
                    flow.place(("flow",)),
                    f"a flow named '{flow.name}' is there already.",
                    "Give one of them another name.",
                    related=((other.place(("flow",)), "the other one"),),
                )
            )
            continue
        loaded.flows[flow.name] = flow
    return loaded


def _misnamed(folder: pathlib.Path) -> list[pathlib.Path]:
    """The YAML files of a folder whose names do not end in .yaml; not hidden ones, which other
    programs keep."""
    return sorted(
        path
        for path in folder.glob("[!.]*.*")
        if path.suffix.lower() in (".yml", ".yaml") and path.suffix != ".yaml" and path.is_file()
    )


def flow_files(folder: pathlib.Path) -> list[pathlib.Path]:
    """The flow files of a project folder, by name."""
    return sorted(path for path in folder.glob("*.yaml") if path.name not in NOT_FLOWS)
