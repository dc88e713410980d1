"""Keys and webhook secrets, by environment variable name only; none is ever written or shown."""

from __future__ import annotations

import os
import pathlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from engine.model import ProjectFile

Mode = Literal["live", "test"]
DEFAULT_VARIABLES: Mapping[str, tuple[str, ...]] = {
    "secret_key": ("STRIPE_SECRET_KEY",),
    "publishable_key": ("STRIPE_PUBLISHABLE_KEY",),
    "webhook_secret": ("STRIPE_WEBHOOK_SECRET",),
}
DEV_SECRET_FILE = pathlib.Path(".actionflow") / "dev-webhook-secret"


@dataclass(frozen=True, slots=True)
class Secrets:
    """What the environment holds for a project; `repr` shows names, never values."""

    variables: Mapping[str, tuple[str, ...]]
    secret_key: str | None
    publishable_key: str | None
    webhook_secrets: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Secrets({', '.join(name for names in self.variables.values() for name in names)})"

    @property
    def mode(self) -> Mode:
        """`live` when the secret key is a live one, else `test`."""
        key = self.secret_key or ""
        return "live" if key.startswith(("sk_live_", "rk_live_")) else "test"

    @property
    def mixed_up(self) -> bool:
        """Whether a secret key stands where the publishable one should: browsers would be given it."""
        return (self.publishable_key or "").startswith(("sk_", "rk_", "whsec_"))


def from_environment(project: ProjectFile) -> Secrets:
    """Read the variables that project.yaml names (or the usual names where it names none)."""
    variables = {**DEFAULT_VARIABLES, **project.secrets}

    def found(name: str) -> list[str]:
        return [
            value for variable in variables[name] if (value := os.environ.get(variable, "").strip())
        ]

    return Secrets(
        variables=variables,
        secret_key=next(iter(found("secret_key")), None),
        publishable_key=next(iter(found("publishable_key")), None),
        webhook_secrets=tuple(found("webhook_secret")),
    )


def dev_webhook_secret(folder: pathlib.Path, *, make: bool = False) -> str | None:
    """The webhook secret `serve --demo` made up for this folder, so that a newcomer needs no account."""
    path = folder / DEV_SECRET_FILE
    if path.is_file():
        return path.read_text().strip() or None
    if not make:
        return None
    path.parent.mkdir(parents=True, exist_ok=True)
    secret = f"whsec_{secrets.token_hex(24)}"
    path.touch(mode=0o600)
    path.write_text(secret)
    return secret
