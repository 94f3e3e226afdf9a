"""A pool of worker processes: started when there is work, kept for the next call, gone with their runner."""

from __future__ import annotations

import os
import sys
import threading
from typing import Any
from uuid import UUID

from headrace.clock import Event
from headrace.drive import sync
from headrace.drive.guards import Guard
from headrace.drive.world import World
from headrace.effects import Call, Cancelled, Outcome, Raised
from headrace.exceptions import CrashedRun, SerializationError
from headrace.runners.pickling import dumps
from headrace.runners.pictures import Loading, flow_picture, task_picture
from headrace.runners.wire import Hello, Work
from headrace.runners.worker_process import REAL, WorkerProcess, virtual
from headrace.settings import SETTINGS, current_settings

#: How long the workers may take to exit when there is no more work, in seconds.
EXIT_SECONDS = 2.0

_SPREAD = 0x9E3779B97F4A7C15


class WorkerProcesses:
    """Call functions in at most `count` processes. `nested_runner` runs, in them, what tasks submit."""

    def __init__(self, world: World, count: int, nested_runner: Any) -> None:
        if os.name != "posix":
            raise RuntimeError(f"Worker processes need POSIX pipes, not {os.name!r}. Use ThreadPoolTaskRunner here.")
        if Loading.now:  # each worker would start workers, without end
            raise RuntimeError(
                "A worker process imports the file of the task, and the file calls a flow when it is imported. "
                'Write the call below `if __name__ == "__main__":`.'
            )
        self._world = world
        self._nested_runner = nested_runner
        self._seed = world.random.getrandbits(64)
        self._started = 0
        self._lock = threading.Lock()
        self._workers: set[WorkerProcess] = set()
        self._idle: list[WorkerProcess] = []
        self._places = count
        self._waiting: list[Event] = []
        self._flows: dict[UUID, bytes] = {}
        self._closed = False
        self._clock = virtual(world.clock)

    def call(self, effect: Call, guard: Guard) -> Outcome:
        """Call a function in a worker. Never raises for the function's sake or the worker's."""
        try:
            task = task_picture(effect, self._nested_runner)
        except SerializationError as error:
            return Raised(error)
        worker = self._take(guard)
        if isinstance(worker, Cancelled):
            return worker
        try:
            return worker.call(effect, self._work(effect, task, worker), self._world, guard)
        finally:
            self._give_back(worker)

    def _work(self, effect: Call, task: bytes, worker: WorkerProcess) -> Work:
        time_ns = self._clock.time_ns() if self._clock is not None else None
        flow = effect.context.flow_context
        if flow is None:
            return Work(task, None, None, time_ns)
        if worker.knows == flow.run.id:
            return Work(task, flow.run.id, None, time_ns)
        picture = self._flows.get(flow.run.id)
        if picture is None:
            picture = self._flows[flow.run.id] = flow_picture(flow)
        worker.knows = flow.run.id
        return Work(task, flow.run.id, picture, time_ns)

    def _take(self, guard: Guard) -> WorkerProcess | Cancelled:
        """Return a worker for one call: an idle one, a new one, or the next that becomes free."""
        while True:
            with self._lock:
                while self._idle:
                    worker = self._idle.pop()
                    if worker.is_alive():
                        return worker
                    self._forget(worker)
                if self._places:
                    self._places -= 1
                    self._started += 1
                    number = self._started
                    break
                event = self._world.clock.event("a worker process that is free")
                self._waiting.append(event)
            waiting = sync.wait(event, None, guard)
            if waiting is not None:
                return waiting
        try:
            with self._world.clock.delegating("a worker process to start"):
                worker = WorkerProcess(self._hello(number))
        except OSError as error:
            with self._lock:
                self._places += 1
            return Cancelled(CrashedRun(f"No worker process could be started to run it: {error}."))
        with self._lock:
            self._workers.add(worker)
        return worker

    def _hello(self, number: int) -> Hello:
        settings = current_settings()
        given = {s.field: getattr(settings, s.field) for s in SETTINGS if settings.source_of(s).kind != "default"}
        seed = (self._seed + number * _SPREAD) % (1 << 64)
        clock, follow = self._clock, self._world.follow
        return Hello(
            seed,
            list(sys.path),
            os.getcwd(),
            list(sys.argv),
            given,
            self._world.store.location,
            str(number) if clock is not None else None,
            clock.turns.start if clock is not None else None,
            dumps(follow) if clock is not None and follow is not None else None,
        )

    def _give_back(self, worker: WorkerProcess) -> None:
        with self._lock:
            if worker.is_usable and not self._closed:
                self._idle.append(worker)
            else:
                self._forget(worker)
            waiting, self._waiting = self._waiting, []
        for event in waiting:
            event.set()

    def _forget(self, worker: WorkerProcess) -> None:
        """Let go of a worker, and make room for another. The lock is held."""
        self._workers.discard(worker)
        self._places += 1
        worker.kill()

    def close(self) -> None:
        """End all workers, and wait until they are gone: a moment, or EXIT_SECONDS and a kill."""
        with self._lock:
            self._closed = True
            workers, self._idle = list(self._workers), []
            self._workers.clear()
        for worker in workers:
            worker.tell_to_end()
        deadline = REAL.monotonic_ns() + int(EXIT_SECONDS * 1e9)
        with self._world.clock.delegating("worker processes to end"):
            for worker in workers:
                worker.wait_until_gone(deadline)
