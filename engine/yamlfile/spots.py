"""Where each character of a text stands, when YAML wrote it otherwise: escapes, doubled quotes, folds."""

from __future__ import annotations

from collections.abc import Iterator

from engine.errors import Place, TextPlace

_ESCAPES = {
    "0": "\0", "a": "\a", "b": "\b", "t": "\t", "\t": "\t", "n": "\n", "v": "\v", "f": "\f",
    "r": "\r", "e": "\x1b", " ": " ", '"': '"', "/": "/", "\\": "\\", "N": "\x85", "_": "\xa0",
    "L": "\u2028", "P": "\u2029",
}  # fmt: skip
_CODES = {"x": 2, "u": 4, "U": 8}
_BLANK = " \t\r\n"


def text_place(place: Place, source: str, start: int, end: int, style: str, value: str) -> Place:
    """`place`, knowing the spot of every character of `value`, which is written in source[start:end].

    `start` is behind an opening quote. Where the writing cannot be followed, `place` as it is.
    """
    if "{{" not in value or source.startswith(value, start):
        return place
    steps = (
        _escaped(source, start, end) if style == '"' else _aligned(source, start, end, value, style)
    )
    found = list(steps)
    if "".join(char for char, _ in found) != value:
        return place
    return TextPlace.of(place, tuple(_runs(place, source, start, [at for _, at in found])))


def _runs(
    place: Place, source: str, start: int, spots: list[int]
) -> Iterator[tuple[int, int, int]]:
    """Offset, line and column where characters begin to stand one after another."""
    line, line_start, seen = place.line, source.rfind("\n", 0, start) + 1, start
    before = -2
    for offset, spot in enumerate(spots):
        if spot == before + 1:
            before = spot
            continue
        newlines = source.count("\n", seen, spot)
        if newlines:
            line, line_start = line + newlines, source.rindex("\n", seen, spot) + 1
        seen = before = spot
        yield offset, line, spot - line_start + 1


def _escaped(source: str, at: int, end: int) -> Iterator[tuple[str, int]]:
    """The characters of a double-quoted text as YAML reads them, each with where it stands."""
    blanks: list[tuple[str, int]] = []
    while at < end:
        char = source[at]
        if char == '"':
            break
        if char in " \t":
            blanks.append((char, at))
            at += 1
        elif char in "\r\n":
            # Blanks around a line break go, one break is a space, each one more stays.
            blanks.clear()
            breaks, begin = 0, at
            while at < end and source[at] in _BLANK:
                breaks += source[at] == "\n"
                at += 1
            yield from [("\n", begin)] * (breaks - 1) or [(" ", begin)]
        elif char == "\\":
            yield from blanks
            blanks.clear()
            kind = source[at + 1 : at + 2]
            if kind in ("\n", "\r"):
                at += 1
                first = True
                while at < end and source[at] in _BLANK:
                    if source[at] == "\n" and not first:
                        yield "\n", at
                    first = first and source[at] != "\n"
                    at += 1
                continue
            size = _CODES.get(kind, 0)
            written = chr(int(source[at + 2 : at + 2 + size], 16)) if size else _ESCAPES[kind]
            yield written, at
            at += 2 + size
        else:
            yield from blanks
            blanks.clear()
            yield char, at
            at += 1
    yield from blanks


def _aligned(source: str, at: int, end: int, value: str, style: str) -> Iterator[tuple[str, int]]:
    """The characters of a text without escapes, found again in order; only blanks may have changed."""
    for char in value:
        if char in _BLANK:
            yield char, at
            at += source[at : at + 1] == char
            continue
        while at < end and source[at] in _BLANK:
            at += 1
        if source[at : at + 1] != char:
            return
        yield char, at
        # In single quotes a quote is written twice.
        at += 2 if char == style == "'" else 1
