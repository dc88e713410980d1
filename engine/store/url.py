"""Where the project's database is: the `database` of project.yaml, resolved, and shown without secrets."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

from engine.store.base import StoreError

SQLITE = "sqlite:///"
POSTGRES = ("postgresql://", "postgres://")
VARIABLE = "env:"


def resolved(url: str) -> str:
    """The URL itself; `env:NAME` stands for what that environment variable holds.

    Raises StoreError when it holds nothing, or the URL is of no kind that is known.
    """
    if url.startswith(VARIABLE):
        name = url.removeprefix(VARIABLE)
        url = os.environ.get(name, "").strip()
        if not url:
            raise StoreError(
                f"The environment variable {name}, which project.yaml names as the database, is not "
                "set. Set it to postgresql://user:password@host:5432/name."
            )
    if not url.startswith((SQLITE, *POSTGRES)):
        kind = (
            url.partition(":")[0] if "://" in url else ""
        )  # no more: the rest may hold a password
        raise StoreError(
            f"database '{kind}…' is no URL of a kind known to this version; write "
            f"`database: {SQLITE}.actionflow/data.db`, `postgresql://user@host/name` or "
            "`env:DATABASE_URL` in project.yaml."
        )
    return url


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
