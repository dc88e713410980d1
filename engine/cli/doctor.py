"""actionflow doctor: what is wrong with keys, endpoint, clock, database and flows, and the mend."""

from __future__ import annotations

import argparse

from engine.cli.main import DONE, FLOW_FAILED, client, project_argument, project_folder

MARKS = {"ok": "ok     ", "warning": "warning", "wrong": "WRONG  "}


def arguments(parser: argparse.ArgumentParser) -> None:
    project_argument(parser)


def run(options: argparse.Namespace) -> int:
    from engine.doctor import Patient, examine
    from engine.project import Project

    project = Project.open(project_folder(options.project))
    stripe = client(project) if project.secrets().secret_key else None
    wrong = False
    for finding in examine(Patient(project, stripe)):
        wrong = wrong or finding.verdict == "wrong"
        print(f"{MARKS[finding.verdict]}  {finding.about:9} {finding.message}")
        if finding.mend:
            print(f"{'':19}{finding.mend}")
    return FLOW_FAILED if wrong else DONE
