"""Secrets written into files: found by their look, and never printed."""

from __future__ import annotations

import pathlib
import re
from collections.abc import Iterator

from engine.check.registry import code, project_rule
from engine.check.view import View
from engine.errors import Place, Problem
from engine.paths import shown

SECRET = code(
    "secret.file",
    "A secret written into a file",
    "Files of a project are copied, mailed and committed. Whoever reads a secret key can move "
    "money, and whoever reads a webhook secret can forge events.",
)
PASSWORD = code(
    "secret.database",
    "A database password written into a file",
    "project.yaml is copied and committed with the flows; a password in it is known to all who "
    "have it.",
    severity="warning",
)
PATTERN = re.compile(r"(?<![A-Za-z0-9_])(?:(?:sk|rk)_(?:live|test)|whsec)_[A-Za-z0-9+/=]{6,}")
_PASSWORD = re.compile(r"\bpostgres(?:ql)?://[^\s:/@\"']+:(?!\$)([^\s@\"']+)@")
_MARKS = (b"sk_", b"rk_", b"whsec_", b"postgres")
_KINDS = {"sk": "a secret key of Stripe", "rk": "a restricted key of Stripe"}
_LARGEST = 1024 * 1024


def in_text(text: str, file: str) -> Iterator[Problem]:
    """Every secret in a text, each with its place."""

    def place(offset: int) -> Place:
        return Place(file, text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset))

    for found in PATTERN.finditer(text):
        begin = found.group().split("_")
        kind = _KINDS.get(begin[0], "a webhook's signing secret")
        live = ", and a live one" if begin[1] == "live" else ""
        start = "_".join(begin[:2] if begin[0] in _KINDS else begin[:1])
        yield SECRET(
            place(found.start()),
            f"there is {kind} in this file ({start}_…{live}).",
            "Take it out, and replace it in Stripe's dashboard: it may have been read. Put the "
            "new one into an environment variable, and that variable's name under `secrets` in "
            "project.yaml.",
        )
    for found in _PASSWORD.finditer(text):
        yield PASSWORD(
            place(found.start(1)),
            "there is a password in this database URL.",
            "Leave it out, and give it in the environment variable PGPASSWORD or in ~/.pgpass.",
        )


@project_rule
def in_files(view: View) -> Iterator[Problem]:
    """Secrets in any file of the project's folder that a builder edits."""
    for path in project_files(view.loaded.folder):
        try:
            with path.open("rb") as file:
                content = file.read(_LARGEST)
        except OSError:
            continue  # the loader says so where it matters
        if any(mark in content for mark in _MARKS):
            yield from in_text(content.decode("utf-8", "replace"), shown(path))


def project_files(folder: pathlib.Path) -> list[pathlib.Path]:
    """The text files of a project: its YAML, tests and recorded events."""
    found = [
        path
        for pattern in ("*.yaml", "*.yml", "tests/*.yaml", "events/*.json")
        for path in folder.glob(pattern)
        if path.is_file()
    ]
    return sorted(found)
