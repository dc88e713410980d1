"""Where a value begins, from the marks of its event: behind a quote, below the header of block text."""

from __future__ import annotations

from typing import Any

from engine.errors import Place
from engine.yamlfile import spots


def place_of(event: Any, text: str, file: str) -> Place:
    """The place of what an event of the parser stands for."""
    mark, style = event.start_mark, getattr(event, "style", None)
    if not style:
        return Place(file, mark.line + 1, mark.column + 1)
    if style in "|>":
        return _block_place(mark, text, file)
    before = text.index(style, mark.index) + 1
    return Place(file, mark.line + 1, mark.column + 1 + before - mark.index)


def text_place(event: Any, text: str, place: Place) -> Place:
    """The place of a text, with the spots of its characters where they are not simply in a row."""
    start: int = event.start_mark.index
    if event.style in ('"', "'"):
        start = text.index(event.style, start) + 1
    elif event.style == ">":
        # Block text begins in the line below its header.
        start = text.find("\n", start) + 1
    return spots.text_place(
        place, text, start, event.end_mark.index, event.style or "", event.value
    )


def _block_place(mark: Any, text: str, file: str) -> Place:
    """Where block text itself begins: the line after its header, at its indentation."""
    header_end = text.find("\n", mark.index)
    if header_end < 0:
        return Place(file, mark.line + 1, mark.column + 1)
    for line in text[header_end + 1 : header_end + 2000].split("\n"):
        if line.strip():
            indentation = len(line) - len(line.lstrip(" "))
            return Place(file, mark.line + 2, indentation + 1)
    return Place(file, mark.line + 2, 1)
