"""SQL texts and values as PostgreSQL's protocol takes them: numbered parameters, values as text.

Every value goes out as text of unknown type, and the server takes the type from the statement: so
there is one prepared statement for a text, whichever of its values are null or large.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache

from engine.model import Value
from engine.store.base import StoreError

TOKEN = re.compile(
    r"""'(?:[^']|'')*' | "(?:[^"]|"")*" | --[^\n]* | /\*.*?\*/ | :: | :([a-z_][a-z0-9_]*) | \?""",
    re.DOTALL | re.IGNORECASE | re.VERBOSE,
)
Loader = Callable[[bytes], Value]


@lru_cache(4096)
def numbered(sql: str) -> tuple[bytes, tuple[str, ...]]:
    """The text with `$1`, `$2` … for each `?` and each `:name`; and the names, by number."""
    names: list[str] = []
    marks = 0

    def mark(found: re.Match[str]) -> str:
        nonlocal marks
        text, name = found[0], found[1]
        if text == "?":
            marks += 1
            return f"${marks}"
        if name is None:
            return text
        if name not in names:
            names.append(name)
        return f"${names.index(name) + 1}"

    return TOKEN.sub(mark, sql).encode(), tuple(names)


def dumped(value: Value) -> bytes | None:
    """A value as text; None is null. Raises StoreError for what no column takes."""
    kind = type(value)
    if kind is str:
        # PostgreSQL has no NUL character, and half a surrogate pair is no character anywhere. Rows
        # were checked before; of the engine's own texts (an error's words) the rest is kept.
        return value.replace("\0", "\ufffd").encode(errors="replace")  # type: ignore[no-any-return]
    if value is None:
        return None
    if kind is int:
        return b"%d" % value
    if kind is bool:
        return b"t" if value else b"f"
    raise StoreError(f"a value of type {kind.__name__} cannot be given to the database.")


def array(values: Iterable[int | str]) -> str:
    """An array as PostgreSQL reads it."""
    return "{" + ",".join(map(_element, values)) + "}"


def _element(value: int | str) -> str:
    if isinstance(value, int):
        return str(value)
    quoted = value.replace("\\", r"\\").replace('"', r"\"")
    return f'"{quoted}"'


def dumped_all(values: Sequence[Value]) -> list[bytes | None]:
    """Values in order."""
    return [dumped(value) for value in values]


def dumped_by_name(names: tuple[str, ...], values: Mapping[str, Value]) -> list[bytes | None]:
    """Named values in the order of the numbers. Raises StoreError when one is missing."""
    try:
        return [dumped(values[name]) for name in names]
    except KeyError as missing:
        raise StoreError(f"no value was given for :{missing.args[0]}.") from None


def _moment(data: bytes) -> str:
    text = data.decode()
    if text[10:11] != " " or text.endswith("BC"):
        return text  # infinity, or a year that this engine never writes
    return f"{text[:10]}T{text[11:19]}Z"  # the session's time zone is UTC; parts of a second go


def _boolean(data: bytes) -> bool:
    return data == b"t"


LOADERS: Mapping[int, Loader] = {
    16: _boolean,
    20: int,  # bigint, smallint, integer, oid
    21: int,
    23: int,
    26: int,
    700: float,
    701: float,
    1184: _moment,
}
"""By type; all others are text as the server writes them, JSON too."""


def loader_of(type_oid: int) -> Loader:
    """How a column of this type is read."""
    return LOADERS.get(type_oid, bytes.decode)
