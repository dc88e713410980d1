"""Jobs through transactions: all of a batch in one, which is run again where others were in its way;
each job alone where one of them spoils it for all."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from engine import aside
from engine.batch import Batch
from engine.jobs import Delivery, Job
from engine.metrics import Metrics
from engine.receive import Receiver
from engine.settle import Settlement
from engine.store.again import MOST_RUNS
from engine.store.base import Store, StoreBusy, StoreConflict, WriteFailedLate

log = logging.getLogger("actionflow.writer")


class Committer:
    """Commits jobs to one store. In the writer's thread."""

    def __init__(
        self,
        store: Store,
        receiver: Callable[[], Receiver],
        metrics: Metrics,
        *,
        settle: Callable[[Settlement], None],
        put_aside: Callable[[Job, aside.ResultNeeded], None],
        give_up: Callable[[Sequence[Job], Exception], None],
    ) -> None:
        """`settle` is given what was committed, `put_aside` a job that comes again when a code block
        has its result, `give_up` jobs of which nothing could be kept, and why."""
        self._store = store
        self._receiver = receiver
        self._metrics = metrics
        self._settle = settle
        self._put_aside = put_aside
        self._give_up = give_up

    def work_through(self, jobs: list[Job]) -> None:
        """Run jobs in one transaction, and have them settled."""
        careful = False
        for run in range(1, MOST_RUNS + 1):
            try:
                self._settle(self.commit(jobs, careful=careful or run == MOST_RUNS))
                return
            except StoreConflict as conflict:
                careful = isinstance(conflict, WriteFailedLate)
                if run == MOST_RUNS:
                    self._give_up(jobs, conflict)
            except StoreBusy as error:
                self._give_up(jobs, error)
                return
            except Exception as error:
                if len(jobs) == 1:
                    self._give_up(jobs, error)
                else:
                    log.error("a batch of %d failed, each is run alone: %s", len(jobs), error)
                    for job in jobs:
                        self.work_through([job])
                return

    def commit(self, jobs: list[Job], *, careful: bool) -> Settlement:
        """Run jobs in one transaction: those that are done, to be settled. Raises what the store does,
        and then nothing of it was kept; one job's failure is its `outcome`."""
        done: list[Job] = []
        needed: list[tuple[Job, aside.ResultNeeded]] = []
        with self._store.transaction(careful=careful, ahead=True) as tx:
            batch = Batch(
                self._receiver(), tx, [job.event for job in jobs if isinstance(job, Delivery)]
            )
            for job in jobs:
                aside.take_from(job.results)
                try:
                    job.outcome = job.run(batch)
                except aside.ResultNeeded as signal:
                    needed.append((job, signal))
                    continue
                except StoreBusy:
                    raise
                except Exception as error:
                    job.outcome = error
                done.append(job)
            batch.write()
        for job, asked in needed:
            self._put_aside(job, asked)
        self._metrics.batches.add(len(jobs))
        return Settlement(done, batch, tx.pending)
