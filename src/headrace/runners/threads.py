"""A pool of threads that keeps its bound, and never waits for itself.

At most `max_workers` threads are at work at a time. A worker that waits, in the engine, for another run is not at work:
its place is given to another thread, so a task that submits tasks and waits for them can't stall the pool. When it goes
on it is at work again, and no further job begins until the number is below the bound.

A thread for every job would be the simplest, and the slowest: most of a short run is the engine's own work, for which
threads get into each other's way, twice as slow with ten of them as with one. So on real time a thread is added only
where the others do not get on: as long as they take jobs out of the queue within a millisecond they are enough; where
they do not, because users' functions take their time, threads are added, each time twice as many. Nothing waits for
another's function for longer than that. On virtual time there is a thread for each job at once, as no time may pass.
"""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from headrace.clock import Clock, SystemClock
from headrace.clock.protocol import Over
from headrace.drive.sync import THREAD
from headrace.runners.jobs import Job

#: For how long, in seconds, the queue may stand still before threads are added.
PATIENCE_SECONDS = 0.001
#: How many are added at once at most.
MOST_AT_ONCE = 64


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
        self._at_work = 0
        self._idle = 0
        self._calls: deque[object] = deque()
        self._threads = 0
        self._taken = 0
        self._patient = isinstance(clock, SystemClock)
        self._watched = False
        self._closed = False
        #: Called, with the lock held, when a job has ended or waits: there may be room for another.
        self.when_room: Callable[[], object] | None = None

    @property
    def room(self) -> int | None:
        """How many jobs could begin at once; None: any number."""
        with self._lock:
            return None if self._bound is None else max(self._bound - self._at_work - len(self._queue), 0)

    def submit(self, job: Job) -> None:
        """Let a job run as soon as there is a worker for it."""
        with self._lock:
            self._queue.append(job)
            if not self._patient or (not self._calls and (self._idle or not self._active)):
                self._call_worker()
            elif not self._watched:
                self._watched = True
                threading.Thread(target=self._watch, name=f"headrace-{self._name}-watch", daemon=True).start()

    def _call_worker(self) -> None:
        """Wake or start a thread, if there is a job that may begin. The lock is held."""
        if not self._queue or (self._bound is not None and self._active + len(self._calls) >= self._bound):
            return
        self._calls.append(self._clock.expect_participant(f"{self._name} worker"))
        if self._idle > 0:
            self._idle -= 1
            self._work.notify()
        else:
            self._threads += 1
            thread = threading.Thread(target=self._work_off, name=f"headrace-{self._name}-{self._threads}", daemon=True)
            thread.start()

    def _watch(self) -> None:
        """Add threads where the queue stands still, until it is empty."""
        more, called, taken = 1, 0, self._taken
        while True:
            self._clock.sleep(PATIENCE_SECONDS)
            with self._lock:
                if not self._queue:
                    self._watched = False
                    return
                got_on = self._taken - taken > called  # by more than the jobs of those that were just added
                more = 1 if got_on else min(more * 2, MOST_AT_ONCE)
                called = 0 if got_on else more
                for _ in range(called):
                    self._call_worker()
                taken = self._taken

    def _work_off(self) -> None:
        """The life of a worker."""
        THREAD.blocked = self._blocked
        new = True
        try:
            while call := self._next_call(new):
                new = False
                with suppress(Over), self._clock.adopt_participant(call[0]):
                    self._run_jobs()
        finally:
            _close_loop()

    def _next_call(self, new: bool) -> tuple[object] | None:
        """Wait to be called, and be active from then on; None: the pool is closed, and nobody calls.

        One step under the lock: two workers that both saw the last call before either took it would never end.
        """
        with self._lock:
            if not new and not self._closed:
                self._idle += 1
                self._work.wait()
            if not self._calls:
                return None
            self._active += 1
            return (self._calls.popleft(),)

    def _run_jobs(self) -> None:
        """Run jobs while there are any, and count as active meanwhile."""
        has_run = False
        while True:
            with self._lock:
                if has_run:
                    self._at_work -= 1
                    if self.when_room is not None:
                        self.when_room()
                if not self._queue or (self._bound is not None and self._active > self._bound):
                    self._active -= 1
                    return
                job = self._queue.popleft()
                self._taken += 1
                self._at_work += 1
            job.run()
            has_run = True
            del job

    @contextmanager
    def _blocked(self) -> Iterator[None]:
        """Be counted as waiting, and let another work meanwhile; once, however many coroutines here wait."""
        with self._lock:
            THREAD.waits += 1
            if THREAD.waits == 1:
                self._active -= 1
                self._at_work -= 1
                self._call_worker()
                if self.when_room is not None:
                    self.when_room()
        try:
            yield
        finally:
            with self._lock:
                THREAD.waits -= 1
                if THREAD.waits == 0:
                    self._active += 1
                    self._at_work += 1

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
