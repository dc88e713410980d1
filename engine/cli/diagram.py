"""actionflow diagram: flows as Mermaid text, which many editors and sites draw."""

from __future__ import annotations

import argparse

from engine.cli.main import DONE, project_argument, project_folder
from engine.errors import BadInput, ProblemsFound


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("flow", metavar="FLOW", nargs="*", help="names of flows (default: all)")
    project_argument(parser)


def run(options: argparse.Namespace) -> int:
    from engine.diagram import mermaid
    from engine.load import load_folder

    loaded = load_folder(project_folder(options.project))
    if loaded.problems:
        raise ProblemsFound(loaded.problems)
    names = options.flow or sorted(loaded.flows)
    for name in names:
        name = name.removesuffix(".yaml").rpartition("/")[2]
        if name not in loaded.flows:
            raise BadInput(f"there is no flow '{name}'. Flows: {', '.join(sorted(loaded.flows))}.")
        flow = loaded.flows[name]
        print(f"---\ntitle: {flow.title or flow.name}\n---\n{mermaid(flow)}\n")
    return DONE
