"""Where the files that ship with Actionflow are: in a checkout, or inside an installed wheel."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

ENGINE = Path(__file__).resolve().parent


def share(name: str) -> Path:
    """The path of `schemas`, `flows` or `server.py`. Raises FileNotFoundError when it is nowhere.

    An installed wheel carries them under `engine/_share/`; a checkout has them beside `engine/`.
    """
    tried = [ENGINE / "_share" / name, ENGINE.parent / name]
    for path in tried:
        if path.exists():
            return path
    raise FileNotFoundError(
        f"'{name}' is not part of this installation: looked at {tried[0]} and {tried[1]}. "
        "Install Actionflow again, or run it from a whole checkout."
    )


def shown(path: Path) -> str:
    """The path as a person standing in the current folder would write it."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def compiled() -> bool:
    """Whether the modules on an event's way are compiled here, as a wheel can have them."""
    found = find_spec("engine.trace")  # any of those that pyproject.toml lists
    return found is not None and not str(found.origin).endswith(".py")
