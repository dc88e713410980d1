"""Code blocks run here: Python in pydantic-monty's worker processes, shut off from the machine.

A block sees only its inputs, has no files, network, imports or clock, and works under limits of
time and memory. The same inputs always give the same outputs, so a retried event repeats itself.
"""

from __future__ import annotations

import ast
import atexit
import datetime
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from engine.errors import ActionflowError
from engine.model import Value

if TYPE_CHECKING:
    from pydantic_monty import Monty, MontyRuntimeError

TIME_LIMIT = 0.5
"""Seconds one block may compute."""
MEMORY_LIMIT = 32 * 1024 * 1024
"""Bytes one block may hold."""
DEPTH_LIMIT = 200
"""How deep calls may be in one another."""

_LIMITS = {
    "max_feed_duration_secs": TIME_LIMIT,
    "max_memory": MEMORY_LIMIT,
    "max_recursion_depth": DEPTH_LIMIT,
}
_FROZEN = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)


class CodeFailed(ActionflowError):
    """A code block failed. `line` counts from 1 within the block, 0 where it is not known."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.line = line


class CodeRefused(CodeFailed):
    """A code block uses something the sandbox does not offer."""


class Block:
    """One code block, checked once and run many times."""

    def __init__(self, code: str, inputs: Sequence[str]) -> None:
        """Raises CodeRefused for a syntax error, an import, or a block that never returns."""
        tree = check(code)
        body = _indented(code, tree)
        loops = [node.lineno for node in ast.walk(tree) if isinstance(node, ast.While | ast.For)]
        self._loop = loops[0] if len(loops) == 1 else 0
        names = ", ".join(inputs)
        self._source = f"def block({names}):\n{body}\n\nblock({names})"

    def run(self, inputs: Mapping[str, Value]) -> Value:
        """What the block returns for these inputs. Raises CodeFailed."""
        from pydantic_monty import MontyCrashedError, MontyError, MontyRuntimeError

        try:
            with _pool().checkout(
                limits=_LIMITS,  # type: ignore[arg-type]
                os_policy={
                    "datetime": _FROZEN,
                    "sleep": "zero",
                    "random_start": {"seed": 0},
                },
            ) as session:
                return session.feed_run(
                    self._source, inputs=dict(inputs), print_callback=lambda _stream, _text: None
                )
        except MontyRuntimeError as error:
            # One line up: the block stands below the `def` line we put above it.
            lines = [frame.line - 1 for frame in error.traceback() if frame.function_name]
            # A limit of time is met anywhere, so it has no line; most often it is met in a loop.
            raise CodeFailed(_told(error), lines[-1] if lines else self._loop) from error
        except MontyCrashedError as error:
            raise CodeFailed(f"the sandbox stopped: {error}") from error
        except MontyError as error:
            raise CodeFailed(str(error)) from error


def _told(error: MontyRuntimeError) -> str:
    """What went wrong in a block, the sandbox's own limits in a builder's words."""
    raised = error.exception()
    if isinstance(raised, TimeoutError) and not error.traceback():
        return (
            f"it did not end within {TIME_LIMIT} seconds, the time limit of a code block, and was "
            "stopped. See that its loops end, or give it less to do."
        )
    if isinstance(raised, MemoryError):
        return (
            f"it needs more than {MEMORY_LIMIT >> 20} MiB, the memory limit of a code block, and was "
            "stopped. Have it keep less at a time."
        )
    if isinstance(raised, RecursionError):
        return (
            f"its calls go more than {DEPTH_LIMIT} deep, the limit of a code block, and it was stopped. "
            "See that a function which calls itself ends, or write a loop."
        )
    return error.display("type-msg")


def check(code: str) -> ast.Module:
    """Refuse what can never run: bad syntax, imports, `async`, a block without `return`.

    Gives the parsed block. Raises CodeRefused with the line within the block.
    """
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None) or 1
        message = getattr(error, "msg", None) or "it cannot be read"
        raise CodeRefused(f"not valid Python: {message}", line) from error
    returns = False
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 1)
        if isinstance(node, ast.Import | ast.ImportFrom):
            raise CodeRefused("code blocks cannot import; they see only their inputs", line)
        if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.Yield | ast.YieldFrom):
            raise CodeRefused("code blocks cannot wait or yield; return a dict of outputs", line)
        returns = returns or (isinstance(node, ast.Return) and node.value is not None)
    if not returns:
        raise CodeRefused("the block never returns; end it with `return {...}`", 1)
    return tree


def _indented(code: str, tree: ast.Module) -> str:
    """The block as a function's body; the inner lines of long texts stay as they are."""
    inside: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant | ast.JoinedStr) and node.end_lineno is not None:
            inside.update(range(node.lineno + 1, node.end_lineno + 1))
    lines = code.split("\n")
    return "\n".join(
        line if number in inside else f"    {line}" for number, line in enumerate(lines, 1)
    )


_lock = threading.Lock()
_running: Monty | None = None


def _pool() -> Monty:
    """The worker processes, started at the first block that runs."""
    global _running
    with _lock:
        if _running is None:
            from pydantic_monty import Monty

            _running = Monty(min_processes=1, request_timeout=10 * TIME_LIMIT)
            _running.__enter__()
            atexit.register(close)
        return _running


def close() -> None:
    """Stop the worker processes; the next block starts them again."""
    global _running
    with _lock:
        if _running is not None:
            _running.__exit__(None, None, None)
            _running = None
