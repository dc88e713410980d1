"""Functions made of Python text while the program runs: what is known beforehand costs nothing per call.

Names go into the text by `repr` or not at all; whatever else a function needs is given to it by name.
"""

from __future__ import annotations

import linecache
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import CodeType
from typing import Any

MOST_TEXTS = 2048
"""Compiled texts that are remembered: every store of a project needs the same."""


def function(name: str, text: str, given: Mapping[str, Any], about: str) -> Callable[..., Any]:
    """The function `name` that this text defines, with `given` as its globals.

    A traceback and a debugger show the text; `about` says there where it comes from.
    """
    names = dict(given)
    exec(_compiled(text, f"<generated: {about}>"), names)
    made: Callable[..., Any] = names[name]
    return made


@lru_cache(MOST_TEXTS)
def _compiled(text: str, file: str) -> CodeType:
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    return compile(text, file, "exec")
