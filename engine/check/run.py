"""All rules over a project, a folder or an editor's text; findings in the order of the files."""

from __future__ import annotations

import pathlib
from dataclasses import replace

# Importing a module of rules registers them.
from engine.check import (  # noqa: F401
    calls,
    code_blocks,
    comparisons,
    control,
    events,
    http,
    locked,
    projectrules,
    reading_codes,
    row_files,
    rows,
    schedules,
    secrets,
    tables,
    unused,
)
from engine.check.flows import FlowChecks
from engine.check.registry import PROJECT_RULES
from engine.check.view import View
from engine.errors import BadInput, Place, Problem, ProblemsFound
from engine.flowfile import flow_from_text
from engine.load import Loaded, load_folder
from engine.paths import shown


def check_folder(folder: pathlib.Path) -> list[Problem]:
    """Every problem of the project in a folder. Never raises for what a builder wrote."""
    try:
        loaded = load_folder(folder)
    except BadInput as error:
        place = Place(shown(folder / "project.yaml"))
        mend = "Give the project its project.yaml, or make a new one with: actionflow init DIR"
        return [Problem("project.missing", place, str(error), mend)]
    return in_order([*check(loaded), *row_files.seed_problems(loaded)])


def check(loaded: Loaded) -> list[Problem]:
    """Every problem of what a server runs: the loader's, and what the rules find. seed.yaml and the
    test cases, which no server reads, hinder only what reads them."""
    view = View(loaded)
    checks = FlowChecks(view)
    problems = list(loaded.problems)
    for rule in PROJECT_RULES:
        problems += rule(view)
    for flow in view.flows.values():
        problems += checks.check(flow)
    return in_order(problems)


def check_flow_text(text: str, file: str, loaded: Loaded) -> list[Problem]:
    """The problems of one flow as an editor holds it, against the rest of the project.

    `file` is the flow's file as places name it; the project's own copy of that flow is left out.
    """
    kept = [problem for problem in loaded.problems if problem.place.file != file]
    flows = {name: flow for name, flow in loaded.flows.items() if flow.file != file}
    try:
        flow = flow_from_text(text, file)
    except ProblemsFound as found:
        return in_order([*found.problems, *secrets.in_text(text, file)])
    flows[flow.name] = flow
    view = View(replace(loaded, flows=flows, problems=kept))
    problems = FlowChecks(view).check(flow) + list(secrets.in_text(text, file))
    for rule in PROJECT_RULES:
        if rule is not secrets.in_files:
            problems += [problem for problem in rule(view) if problem.place.file == file]
    return in_order(problems)


def in_order(problems: list[Problem]) -> list[Problem]:
    """By file, line and column; none that prints a secret or stands where there is one, and none
    twice."""
    taken = {p.place for p in problems if p.code == secrets.SECRET.name}
    safe = [
        p
        for p in problems
        if p.code == secrets.SECRET.name
        or (p.place not in taken and not secrets.PATTERN.search(f"{p.message} {p.mend}"))
    ]
    return sorted(dict.fromkeys(safe), key=lambda problem: (problem.place, problem.code))
