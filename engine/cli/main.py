"""`actionflow`: finds the command, runs it, and turns every known error into words and an exit code."""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import pathlib
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from engine import __version__
from engine.errors import ActionflowError, BadInput, ProblemsFound
from engine.paths import compiled

if TYPE_CHECKING:
    from engine.project import Project
    from engine.stripe.client import Client

DONE, FLOW_FAILED, BAD_INPUT = 0, 1, 2

# The module is imported only when its command runs: starting fast is part of being pleasant.
COMMANDS = {
    "init": "make a new project in an empty folder",
    "check": "find every mistake in a project",
    "schema": "write the schemas that editors complete and check a project's files by",
    "dry-run": "run a flow on a recorded event and show what it would do; writes nothing",
    "test": "run the project's own test cases",
    "record": "make a test case of received events, without their personal data",
    "serve": "start the webhook server",
    "migrate": "show, then make, the changes the database needs",
    "backup": "copy the SQLite database into a file while the server runs",
    "events": "list, show, sign and replay received events",
    "keys": "make, list and revoke API keys",
    "outbox": "list, show and retry the calls that runs make after their commit",
    "webhooks": "make or repair the endpoint in the Stripe account",
    "reconcile": "ask Stripe for missed events, and run them",
    "doctor": "look at keys, endpoint, clock, database and flows, and say what is wrong",
    "diagram": "draw flows as Mermaid diagrams",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is 0 done, 1 a flow failed, 2 the input was bad."""
    words = list(sys.argv[1:] if argv is None else argv)
    parser = _parser(words)
    options = parser.parse_args(words)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    log = logging.getLogger("actionflow")
    level = log.level
    try:
        return guarded(lambda: int(options.run(options)))
    except KeyboardInterrupt:
        return 130
    finally:
        # How loud a command wants the log is its own affair, and ends with it.
        log.setLevel(level)


def guarded(run: Callable[[], int]) -> int:
    """Run, with every known error told in words; the exit code."""
    try:
        return run()
    except ProblemsFound as found:
        from engine.cli.findings import show

        for problem in found.problems:
            show(problem, sys.stderr)
        count = len(found.problems)
        print(f"{count} problem{'s' if count != 1 else ''}; nothing was run.", file=sys.stderr)
        return BAD_INPUT
    except ActionflowError as error:
        print(f"actionflow: {error}", file=sys.stderr)
        return BAD_INPUT
    except BrokenPipeError:
        # The reader (head, less) went away; that is no fault.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE


class _Version(argparse.Action):
    """Says the version; whether it is compiled is looked up only then."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        print(f"actionflow {__version__}, {'compiled' if compiled() else 'interpreted'}")
        parser.exit()


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="actionflow",
        description="Stripe payment flows you write as YAML, run exactly once per event.",
    )
    parser.add_argument(
        "--version", action=_Version, nargs=0, help="show program's version number and exit"
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    wanted = next((word for word in words if not word.startswith("-")), None)
    for name, summary in COMMANDS.items():
        command = commands.add_parser(
            name, help=summary, description=f"{summary[0].upper()}{summary[1:]}."
        )
        if name == wanted:
            module = importlib.import_module(f"engine.cli.{name.replace('-', '_')}")
            module.arguments(command)
            command.set_defaults(run=module.run)
    return parser


def whole(least: int, most: int) -> Callable[[str], int]:
    """The type of an option that takes a whole number between these two."""

    def number(text: str) -> int:
        found = int(text) if text.isascii() and text.isdigit() and len(text) < 19 else -1
        if not least <= found <= most:
            raise argparse.ArgumentTypeError(
                f"found {text!r}; expected a whole number from {least} to {most}"
            )
        return found

    return number


def project_argument(parser: argparse.ArgumentParser) -> None:
    """The `--project` option most commands share."""
    parser.add_argument(
        "--project",
        metavar="DIR",
        type=pathlib.Path,
        help="the project's folder (default: ACTIONFLOW_PROJECT, else here, else ./flows)",
    )


def project_folder(given: pathlib.Path | None, near: pathlib.Path | None = None) -> pathlib.Path:
    """The project's folder: as given, or around the file `near`, or found from here. Raises BadInput."""
    if given is not None:
        return given
    if near is not None and (near.parent / "project.yaml").is_file():
        return near.parent
    named = os.environ.get("ACTIONFLOW_PROJECT")
    if named:
        return pathlib.Path(named)
    for folder in (pathlib.Path(), pathlib.Path("flows")):
        if (folder / "project.yaml").is_file():
            return folder
    raise BadInput(
        f"there is no project.yaml in {pathlib.Path().resolve()} nor in its folder flows/. Go to your "
        "project, name it with --project DIR, or make one with: actionflow init DIR"
    )


def client(project: Project) -> Client:
    """The Stripe account the project's key belongs to. Raises NoSecretKey.

    ACTIONFLOW_STRIPE_BASE names the stand-in's address for trying things out; never with a live key.
    """
    from engine.stripe.client import Client, NoSecretKey

    secrets = project.secrets()
    if secrets.secret_key is None:
        raise NoSecretKey
    base = os.environ.get("ACTIONFLOW_STRIPE_BASE")
    if base and secrets.mode == "live":
        raise BadInput("ACTIONFLOW_STRIPE_BASE is set beside a live key; unset one of them.")
    return Client(secrets.secret_key, base)


if __name__ == "__main__":
    raise SystemExit(main())
