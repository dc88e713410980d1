"""Code blocks outside the writer's turn: the writer never waits for the sandbox.

A block is a pure function of its inputs (no clock, no chance, no files), so its result can be worked
out beside the transaction. A run that meets a block without a known result is undone and run again
when the result is there; nothing of it was kept meanwhile.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping

import orjson

from engine.model import Value
from engine.sandbox import Block, CodeFailed

Key = tuple[int, bytes]


class ResultNeeded(BaseException):
    """Undo this run and run it again when the result is known.

    No Exception: neither a flow nor an action may take it for a failure.
    """

    def __init__(self, block: Block, inputs: Mapping[str, Value], key: Key) -> None:
        super().__init__("the result of a code block is needed")
        self.block = block
        self.inputs = inputs
        self.key = key


class Results:
    """What the code blocks of one piece of work gave, over its repeated runs."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[Key, tuple[Block, Value | CodeFailed]] = {}

    def of(self, block: Block, inputs: Mapping[str, Value]) -> Value:
        """The result. Raises CodeFailed, and ResultNeeded while it is not known."""
        key = (id(block), orjson.dumps(inputs, option=orjson.OPT_SORT_KEYS))
        if key not in self._known:
            raise ResultNeeded(block, inputs, key)
        result = self._known[key][1]
        if isinstance(result, CodeFailed):
            raise result
        return result

    def find(self, needed: ResultNeeded) -> None:
        """Work a result out, in the calling thread; half a second at most."""
        try:
            found: Value | CodeFailed = needed.block.run(needed.inputs)
        except CodeFailed as error:
            found = error
        except Exception as error:
            # Without a result the work would come back here for ever.
            found = CodeFailed(f"the sandbox cannot run it: {error}")
        # The block is kept too: its id is its own only while it lives.
        self._known[needed.key] = (needed.block, found)


_here = threading.local()
"""`results` is what this thread takes results from; it has none where it runs the blocks itself."""


def take_from(results: Results) -> None:
    """From now on this thread runs no code blocks: their results are these."""
    _here.results = results


def result(block: Block, inputs: Mapping[str, Value]) -> Value:
    """What the block gives for these inputs. Raises CodeFailed, ResultNeeded."""
    results: Results | None = getattr(_here, "results", None)
    return block.run(inputs) if results is None else results.of(block, inputs)
