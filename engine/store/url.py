"""Where the project's database is: the `database` of project.yaml, resolved, and shown without secrets."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import urlsplit

from engine.errors import did_you_mean
from engine.store.base import StoreError

SQLITE = "sqlite:///"
POSTGRES = ("postgresql://", "postgres://")
VARIABLE = "env:"
POSTGRES_LIKE = "postgresql://user@host:5432/name"
WRITTEN = f"Write {SQLITE}.actionflow/data.db, {POSTGRES_LIKE} or env:DATABASE_URL."
KNOWN = re.compile(r"^(?:sqlite:///.+|postgres(?:ql)?://.+|env:[A-Za-z_][A-Za-z0-9_]*)$")
_SHELL = re.compile(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)\}?")
_MAY_HIDE = re.compile(r"@|pass|secret", re.I)
"""A URL like this may have a password in it."""


def resolved(url: str) -> str:
    """The URL itself; `env:NAME` stands for what that environment variable holds.

    Raises StoreError when it holds nothing, or the URL is of no kind that is known.
    """
    where = "database"
    if url.startswith(VARIABLE):
        name = url.removeprefix(VARIABLE)
        url = os.environ.get(name, "").strip()
        where = f"The environment variable {name}, which project.yaml names as the database"
        if not url:
            raise StoreError(
                f"{where}, is not set. Set it to postgresql://user:password@host:5432/name."
            )
    wrong = mistaken(url)
    if wrong is not None or url.startswith(VARIABLE):
        found, mend = wrong or (
            f"'{url}' names another variable; expected the URL itself.",
            WRITTEN,
        )
        raise StoreError(f"{where}: {found} {mend}")
    return url


def mistaken(url: str) -> tuple[str, str] | None:
    """What is wrong with a URL, and the mend; None where it is of a kind that is known. Neither
    tells a password."""
    if KNOWN.fullmatch(url):
        return None
    kind, _, rest = url.partition(":")
    open_ = not _MAY_HIDE.search(url)
    told = f"'{url}'" if open_ else f"'{kind}…'" if "://" in url else "'…'"
    path = rest.strip("/") if open_ else ""
    near = ""
    mend = WRITTEN
    if named := _SHELL.fullmatch(url):
        near, mend = f" Did you mean 'env:{named[1]}'?", f"Write env:{named[1]}."
    elif url.startswith(VARIABLE):
        mend = "Behind env: stands the name of one environment variable, as in env:DATABASE_URL."
    elif kind.startswith("sqlite") and rest:
        mend = (
            f"Three slashes stand before a file beside project.yaml: {SQLITE}{path or 'data.db'}; "
            f"four before a path from the root: {SQLITE}/{path or 'data.db'}."
        )
    elif kind.lower().startswith("pg") or did_you_mean(kind, ("postgresql", "postgres")):
        near, mend = " Did you mean 'postgresql://…'?", f"Write it like {POSTGRES_LIKE}."
    elif open_ and url and not rest:
        meant = f"{SQLITE}{url.removeprefix('./')}"
        near, mend = f" Did you mean '{meant}'?", f"For a file write {meant}."
    expected = f"{SQLITE}FILE, postgresql://… or env:NAME"
    return f"{told} is no URL of a kind known; expected {expected}.{near}", mend


def sqlite_file(url: str, base: Path) -> Path | None:
    """The file of `sqlite:///relative/to/base.db` or `sqlite:////absolute.db`; None for a server.

    Raises StoreError as `resolved` does.
    """
    url = resolved(url)
    return base / url.removeprefix(SQLITE) if url.startswith(SQLITE) else None


def shown_url(url: str) -> str:
    """The URL as people may see it: without password, and without parameters, which can hold one."""
    try:
        parts = urlsplit(url)
        hosts = parts.netloc.rpartition("@")[2]
        user = f"{parts.username}@" if parts.username else ""
        return f"{parts.scheme}://{user}{hosts}{parts.path}"
    except ValueError:
        return f"{url.partition('://')[0]}://…"
