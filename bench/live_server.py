"""`actionflow serve` on a copy of flows/, which also writes: `python -m bench.live_server FOLDER PORT`.

A line of JSON on its standard input, `{"rows": n, "seconds": s, "rate": r, "version": v, "to": file}`,
has it change rows at that rate through its own writer, and write down when each change was
committed. Its clock is the one the subscribers read too (CLOCK_MONOTONIC).
"""

from __future__ import annotations

import json
import pathlib
import random
import sys
import threading
import time
from concurrent.futures import Future
from typing import Any

from engine.cli.serve import listening, many_files, serving
from engine.project import Project
from engine.store.base import Transaction
from engine.web.service import Service
from server import create_app


class Changes:
    """Changes rows, one transaction's work each, and keeps `(row, version, nanoseconds)` of commits."""

    def __init__(self, service: Service, version: int) -> None:
        self.service = service
        self.version = version
        self.made: list[tuple[int, int, int]] = []

    def change(self, row: int) -> Future[Any]:
        self.version += 1
        version = self.version

        def work(tx: Transaction) -> None:
            tx.update("order", {"id": row}, {"amount": version})

        def committed(done: Future[Any]) -> None:
            done.result()
            self.made.append((row, version, time.perf_counter_ns()))

        done = self.service.writer.submit(work)
        done.add_done_callback(committed)
        return done

    def run(self, rows: int, seconds: float, rate: float) -> None:
        """At a fixed rate, whether or not the subscribers keep up."""
        began = time.perf_counter()
        last = None
        for count in range(int(seconds * rate)):
            while (left := began + count / rate - time.perf_counter()) > 0:
                time.sleep(left)
            last = self.change(random.randint(1, rows))
        if last is not None:
            last.result()


def obey(app: Any) -> None:
    """Do what the lines of standard input ask for."""
    for line in sys.stdin:
        asked = json.loads(line)
        changes = Changes(app.state.service, asked["version"])
        changes.run(asked["rows"], asked["seconds"], asked["rate"])
        made = json.dumps({"version": changes.version, "made": changes.made})
        pathlib.Path(asked["to"]).write_text(made)
        print("done", flush=True)


def main() -> None:
    folder, port = sys.argv[1:]
    many_files()
    app = create_app(Project.open(pathlib.Path(folder)))
    threading.Thread(target=obey, args=(app,), daemon=True).start()
    with listening("127.0.0.1", int(port)) as listener:
        serving(app).run(sockets=[listener])


if __name__ == "__main__":
    main()
