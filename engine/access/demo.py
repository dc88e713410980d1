"""Keys for trying things out, made once for a folder, as its webhook secret is."""

from __future__ import annotations

import os
import pathlib
import tempfile
from collections.abc import Mapping

from engine.access.keys import LENGTH, MARK, PREFIX_LENGTH, digest, keep, new_key
from engine.model import ProjectFile
from engine.store import keys
from engine.store.base import Store, Transaction

FOLDER = pathlib.Path(".actionflow")
LABEL = "made by --demo"
CALLERS = {"customer": "ada", "admin": "staff"}
"""Whom the demo's keys speak for, by role."""


def key_file(folder: pathlib.Path, role: str) -> pathlib.Path:
    """Where the key of a role is kept, in a project's folder."""
    return folder / FOLDER / f"demo-{role}-key"


def demo_keys(
    folder: pathlib.Path, project: ProjectFile, store: Store, callers: Mapping[str, str]
) -> dict[str, str]:
    """An API key for each role of `callers` (role to caller id) that the project has; by role.

    Kept in FOLDER/.actionflow/demo-ROLE-key, readable by its owner alone. A key that was revoked,
    or whose role or caller is another now, is replaced. Never call it with live Stripe keys.
    """
    found = {}
    for role, caller in callers.items():
        if role in project.roles:
            with store.transaction() as tx:
                found[role] = _key(tx, key_file(folder, role), role, caller)
    return found


def _key(tx: Transaction, path: pathlib.Path, role: str, caller: str) -> str:
    key = path.read_text().strip() if path.is_file() else ""
    if key.startswith(MARK) and len(key) == LENGTH:
        row = keys.find(tx, digest(key))
        if row is not None and (row.role, row.caller, row.revoked_at) == (role, caller, None):
            return key
        # The database may have been made anew under the file.
        if row is None and keep(tx, key, role=role, caller=caller, label=LABEL):
            return key
        keys.revoke(tx, key[:PREFIX_LENGTH])
    key = new_key()
    while not keep(tx, key, role=role, caller=caller, label=LABEL):
        key = new_key()
    _write(path, key)
    return key


def _write(path: pathlib.Path, text: str) -> None:
    """Whole or not at all, and never readable by others, not even while it is written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)  # mode 0600
    with os.fdopen(handle, "w") as file:
        file.write(text)
    os.replace(name, path)
