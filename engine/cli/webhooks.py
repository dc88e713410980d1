"""actionflow webhooks sync URL: makes or repairs the endpoint in the Stripe account."""

from __future__ import annotations

import argparse

from engine.cli.ask import agreed
from engine.cli.main import DONE, client, project_argument, project_folder


def arguments(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    sync = verbs.add_parser("sync", help="make or repair the endpoint in the Stripe account")
    sync.add_argument("url", metavar="URL", help="this server's public address, https://…")
    sync.add_argument("--yes", action="store_true", help="do it without asking")
    project_argument(sync)


def run(options: argparse.Namespace) -> int:
    from engine.endpoints import carry_out, plan
    from engine.project import Project

    project = Project.open(project_folder(options.project))
    stripe = client(project)
    steps = plan(project, stripe, options.url)
    for step in steps:
        print(f"{'->' if step.operation else '  '} {step.sentence}")
    work = [step for step in steps if step.operation]
    if not work:
        print("The endpoint sends what this project handles; nothing has to be done.")
        return DONE
    if not options.yes and not agreed("Do this in the Stripe account?", len(work)):
        print("Nothing was done.")
        return DONE
    for step in work:
        made = carry_out(stripe, step)
        print(f"done: {made['id']}")
        if made.get("secret"):
            # Stripe shows it this once; where it goes is the builder's choice.
            name = project.secrets().variables["webhook_secret"][0]
            print(
                f"Set this in the server's environment now, it is not shown again:\n{name}={made['secret']}"
            )
    return DONE
