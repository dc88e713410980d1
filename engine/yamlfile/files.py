"""From a path on disk to a `Document`; everything wrong with the file itself is a YamlProblem."""

from __future__ import annotations

from pathlib import Path as FilePath

from engine.errors import Place
from engine.yamlfile.document import Document, problem
from engine.yamlfile.limits import MAX_BYTES, too_large
from engine.yamlfile.reader import read


def read_path(path: FilePath, shown_as: str | None = None) -> Document:
    """Read the file at `path`; `shown_as` is the name that places and messages give it."""
    shown = shown_as or str(path)
    place = Place(shown)
    try:
        if path.is_dir():
            raise problem(
                "file", place, "found a folder; expected a YAML file", "name a file in it"
            )
        if path.exists() and not path.is_file():
            raise problem("file", place, "this is no ordinary file", "give the path of a YAML file")
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise problem(
            "file", place, "there is no such file", "check the name, and the folder you are in"
        ) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        why = getattr(error, "strerror", None) or str(error)
        raise problem("file", place, f"cannot be read: {why}", "check its permissions") from None
    if len(content) > MAX_BYTES:
        raise too_large(shown)
    return read(_decode(content, shown), shown)


def _decode(content: bytes, shown: str) -> str:
    mend = "save the file as UTF-8 (every editor has this under 'Save with encoding')"
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise problem("encoding", Place(shown), "found UTF-16 text; expected UTF-8", mend)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8")
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        found = f"found the byte 0x{content[error.start]:02x}, which is not UTF-8 text"
        raise problem("encoding", Place(shown, line, column), found, mend) from None
