"""Threads of a pool end with it."""

from __future__ import annotations

import threading

from headrace.clock.virtual import VirtualClock
from headrace.runners.threads import WorkerPool


class NothingToDo:
    """A job that is over at once."""

    def run(self) -> None: ...


def test_no_worker_outlives_a_pool_that_was_closed_while_it_was_called() -> None:
    """Two workers that see the last call of a closed pool share it out, instead of spinning for ever."""
    for _ in range(300):
        pool = WorkerPool(VirtualClock(), 2, "closing")
        for _ in range(3):
            pool.submit(NothingToDo())  # type: ignore[arg-type]
        pool.close()
    workers = [thread for thread in threading.enumerate() if thread.name.startswith("headrace-closing")]
    for worker in workers:
        worker.join(30)
    assert not [worker for worker in workers if worker.is_alive()]
