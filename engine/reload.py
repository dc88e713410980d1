"""Changed flow files are checked and swapped whole while the server runs; broken ones change nothing.

Files are read once a second and compared by content: times and sizes can stay the same, and the
reading of a few kilobytes costs nothing.
"""

from __future__ import annotations

import hashlib
import logging
import pathlib
import threading
from collections.abc import Callable

from engine.check import check
from engine.editor import refresh
from engine.errors import ActionflowError, Place, Problem
from engine.load import Loaded, flow_files, load_folder
from engine.projectfile import PROJECT_FILE

log = logging.getLogger("actionflow.reload")

LOOK_EVERY = 1.0


class Reloader:
    """Watches one project folder. `take` is given what was checked, and says why it cannot be taken."""

    def __init__(self, folder: pathlib.Path, take: Callable[[Loaded], Problem | None]) -> None:
        self.problems: list[Problem] = []
        """Why the files as they are now are not what runs; empty when they are."""
        self._folder = folder
        self._take = take
        self._running = self._seen = self._digest()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="actionflow-reload", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def look(self) -> bool:
        """Look once; True when other flows run now. A file still being written waits for the next
        look: what changed since the last one may change on."""
        digest = self._digest()
        settled = digest == self._seen
        self._seen = digest
        if not settled or digest == self._running:
            return False
        self._running = digest
        return self._reload()

    def _reload(self) -> bool:
        try:
            loaded = load_folder(self._folder)
            self._refresh(loaded)
            problems = [one for one in check(loaded) if one.severity == "error"]
        except ActionflowError as error:
            place = Place(str(self._folder / PROJECT_FILE))
            problems = [Problem("reload.unread", place, str(error), "Bring the files back.")]
        if not problems:
            refused = self._take(loaded)
            problems = [refused] if refused else []
        self.problems = problems
        for problem in problems:
            told = " ".join(line.strip() for line in str(problem).splitlines())
            log.error("the flows that run stay as they were: %s", told)
        if not problems:
            log.info("flows reloaded: %s", ", ".join(loaded.flows))
        return not problems

    def _refresh(self, loaded: Loaded) -> None:
        """The schemas of the builder's editor; a server that may not write them does without."""
        try:
            refresh(loaded)
        except OSError as error:
            log.debug("the schemas of editors are old: %s", error)

    def _digest(self) -> bytes:
        """Of every file a reload would read. One that cannot be read counts as empty."""
        found = hashlib.blake2b()
        for path in (self._folder / PROJECT_FILE, *flow_files(self._folder)):
            try:
                text = path.read_bytes()
            except OSError:
                text = b""
            found.update(f"{path.name}\0{len(text)}\0".encode() + text)
        return found.digest()

    def _work(self) -> None:
        while not self._stopping.wait(LOOK_EVERY):
            try:
                self.look()
            except Exception:
                log.exception("changed files could not be looked at")
