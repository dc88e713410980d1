"""The log of a server: text for people or one JSON object a line, and never a secret in it."""

from __future__ import annotations

import contextlib
import logging
import re
import sys
import time
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from types import MappingProxyType
from typing import Literal, TextIO

import orjson

from engine.clock import timestamp

said = logging.getLogger("actionflow.flow")

Form = Literal["text", "json"]

SECRET = re.compile(
    r"""
    (?:sk|rk)_(?:live|test)_\w+            # keys; no word's beginning is asked for, as %20 ends in 0
    | whsec_\w+                            # webhook secrets
    | (?:pi|seti)_\w+_secret_\w+           # client secrets
    | (?<![A-Za-z])af_[\w-]+               # API keys of ours
    | \bBearer(?:\s|%20|\+)+[\w.~+/=-]+
    | \b(?:postgres(?:ql)?)://[^\s@/]+@    # passwords in addresses
    | \bv1=[0-9a-f]{16,}                   # signatures
    """,
    re.VERBOSE,
)
CARD = re.compile(r"(?<!\d)(?:\d(?:[ +-]|%20)?){12,18}\d(?!\d)")
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
"""What could begin a line that nobody wrote, or turn a terminal's screen."""
HIDDEN = "[hidden]"
KEPT = (
    "run",
    "event",
    "kind",
    "outcome",
    "flow",
    "digest",
    "action",
    "call",
    "status",
    "reason",
    "us",
)
"""What a record may carry beside its message, by `extra` or by `about`."""
NOTHING: Mapping[str, object] = MappingProxyType({})
ABOUT: ContextVar[Mapping[str, object]] = ContextVar("actionflow_about", default=NOTHING)


class about:
    """Inside, every log line of this thread says what it is about: values of KEPT, and above all the
    `run`: `evt_…/2` is an event's second, `action 7` and `call 3` are theirs."""

    __slots__ = ("_said", "_token")

    def __init__(self, **said: object) -> None:
        self._said = said

    def __enter__(self) -> None:
        self._token = ABOUT.set({**ABOUT.get(), **self._said})

    def __exit__(self, *_: object) -> None:
        ABOUT.reset(self._token)


def masked(text: str) -> str:
    """The text with keys, secrets, tokens and card numbers hidden."""
    text = SECRET.sub(HIDDEN, text)
    return CARD.sub(_card, text)


def _card(found: re.Match[str]) -> str:
    digits = [int(one) for one in found[0].replace("%20", "") if one.isdigit()]
    doubled = [sum(divmod(2 * one, 10)) for one in digits[-2::-2]]
    return HIDDEN if (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0 else found[0]


def say(lines: Iterable[str]) -> None:
    """What the `log` nodes of a run said, as lines of the server's log."""
    for line in lines:
        said.info("%s", line)


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()


class Text(logging.Formatter):
    """`LEVEL message`, the run where the message does not name it, a traceback where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        return masked(super().format(record))

    def formatMessage(self, record: logging.LogRecord) -> str:
        said = CONTROL.sub(_escaped, super().formatMessage(record))
        run = record.__dict__.get("run") or ABOUT.get().get("run")
        return said if run is None or str(run) in said else f"{said} [{run}]"


class Json(logging.Formatter):
    """One JSON object a line: `time` (UTC), `level`, `logger`, `message`, and what the record carries."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": timestamp(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        carried: Mapping[str, object] = {**ABOUT.get(), **record.__dict__}
        line.update({name: carried[name] for name in KEPT if carried.get(name) is not None})
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return masked(orjson.dumps(line, default=str).decode())


class Seldom:
    """Warnings that strangers can cause: a flood of them must not become a flood of the log, which
    would stop the server when nobody reads it fast enough."""

    def __init__(self, log: logging.Logger, most: int = 10, seconds: float = 10.0) -> None:
        """At most so many in so many seconds; then how many more there were."""
        self._log = log
        self._most = most
        self._seconds = seconds
        self._since = -seconds
        self._count = 0

    def warning(self, message: str, *words: object) -> None:
        now = time.monotonic()
        if now - self._since >= self._seconds:
            if self._count > self._most:
                self._log.warning("%d more were refused and not logged", self._count - self._most)
            self._since, self._count = now, 0
        self._count += 1
        if self._count <= self._most:
            self._log.warning(message, *words)


class Handler(logging.StreamHandler[TextIO]):
    """Standard error, for records and for lines that are ready."""

    def write(self, lines: str) -> None:
        """Lines with their ends, masked already."""
        with contextlib.suppress(OSError, ValueError), self.lock or contextlib.nullcontext():
            self.stream.write(lines)
            self.flush()


def only_handler(log: logging.Logger) -> Handler | None:
    """Our handler, where it is the only one that this logger's records go to."""
    handlers = logging.root.handlers
    own = handlers[0] if len(handlers) == 1 else None
    if not isinstance(own, Handler):
        return None
    while log is not logging.root:
        if log.handlers or log.filters or not log.propagate or log.parent is None:
            return None
        log = log.parent
    return own


def set_up(form: Form = "text", level: int = logging.INFO) -> None:
    """Send the log to standard error in this form. Other libraries say warnings only."""
    # Who called, and in which thread, is in no line of ours, and finding out takes half of its time.
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    handler = Handler(sys.stderr)
    handler.setFormatter(Json() if form == "json" else Text("%(levelname)s %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("actionflow").setLevel(level)
