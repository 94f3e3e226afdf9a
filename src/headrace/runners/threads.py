"""A pool of threads that keeps its bound, and never waits for itself.

At most `max_workers` threads are at work at a time. A worker that waits, in the engine, for another run is not at work:
its place is given to another thread, so a task that submits tasks and waits for them can't stall the pool. When it goes
on it is at work again, and no further job begins until the number is below the bound.
"""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from headrace.clock import Clock
from headrace.drive.sync import THREAD
from headrace.runners.jobs import Job


class WorkerPool:
    """Run jobs in threads, first come first served. `max_workers` None: as many threads as there are jobs."""

    def __init__(self, clock: Clock, max_workers: int | None, name: str) -> None:
        self._clock = clock
        self._bound = max_workers
        self._name = name
        self._lock = threading.Lock()
        self._work = threading.Condition(self._lock)
        self._queue: deque[Job] = deque()
        self._active = 0
        self._idle = 0
        self._called = 0
        self._threads = 0
        self._closed = False

    def submit(self, job: Job) -> None:
        """Let a job run as soon as there is a worker for it."""
        with self._lock:
            self._queue.append(job)
            self._call_worker()

    def _call_worker(self) -> None:
        """Wake or start a thread, if there is a job that may begin. The lock is held."""
        if not self._queue or (self._bound is not None and self._active + self._called >= self._bound):
            return
        self._clock.expect_participant()
        self._called += 1
        if self._idle > 0:
            self._idle -= 1
            self._work.notify()
        else:
            self._threads += 1
            thread = threading.Thread(target=self._work_off, name=f"headrace-{self._name}-{self._threads}", daemon=True)
            thread.start()

    def _work_off(self) -> None:
        """The life of a worker."""
        THREAD.blocked = self._blocked
        try:
            while True:
                with self._clock.adopt_participant():
                    with self._lock:
                        self._called -= 1
                        self._active += 1
                    self._run_jobs()
                with self._lock:
                    if not self._closed:
                        self._idle += 1
                        self._work.wait()
                    if self._closed and not self._called:
                        return
        finally:
            _close_loop()

    def _run_jobs(self) -> None:
        """Run jobs while there are any, and count as active meanwhile."""
        while True:
            with self._lock:
                if not self._queue or (self._bound is not None and self._active > self._bound):
                    self._active -= 1
                    return
                job = self._queue.popleft()
            job.run()
            del job

    @contextmanager
    def _blocked(self) -> Iterator[None]:
        """Be counted as waiting, and let another work meanwhile; once, however many coroutines here wait."""
        with self._lock:
            THREAD.waits += 1
            if THREAD.waits == 1:
                self._active -= 1
                self._call_worker()
        try:
            yield
        finally:
            with self._lock:
                THREAD.waits -= 1
                if THREAD.waits == 0:
                    self._active += 1

    def drain(self) -> list[Job]:
        """Take the jobs that have not begun out of the queue, and return them.

        Without a bound what was submitted counts as begun: each job has a thread on its way.
        """
        return self.take_back() if self._bound is not None else []

    def take_back(self) -> list[Job]:
        """Take the jobs that no thread has taken up out of the queue, bound or not."""
        with self._lock:
            waiting = list(self._queue)
            self._queue.clear()
            return waiting

    def close(self) -> None:
        """Let idle threads end, and the others as soon as they have nothing to do."""
        with self._lock:
            self._closed = True
            self._work.notify_all()


def _close_loop() -> None:
    bridge = sys.modules.get("headrace.drive.bridge")  # where no loop was ever made there is none to close
    if bridge is not None:
        bridge.close_thread_loop()
