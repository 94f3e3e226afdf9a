"""Task runs in the background, as one process sees them: it schedules them, runs those of others, waits for some.

Where several processes use the store, what others do shows by looking again and again; what is done in this process
is told at once.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from logging import getLogger
from typing import TYPE_CHECKING
from uuid import UUID

from headrace.clock import SystemClock
from headrace.core.background import has_ended, seconds_to_look_again
from headrace.core.records import TaskRun
from headrace.core.state_details import StateDetails
from headrace.core.state_types import StateType
from headrace.core.states import State, unstamped
from headrace.drive.bells import Bell
from headrace.drive.leases import Leases
from headrace.effects import Promise
from headrace.exceptions import StoreError
from headrace.store.protocol import Claimed

if TYPE_CHECKING:
    from headrace.drive.surroundings import Surroundings
    from headrace.store.protocol import Idle

_LOGGER = getLogger("headrace.task_worker")

#: For how long a run is its claimer's without sign of life, in seconds.
LEASE_SECONDS = 30.0
#: How often a store that other processes use is looked at, in seconds.
POLL_SECONDS = 0.1


class Background:
    """What one world has to do with runs in the background. `bell` rings when there may be something to do."""

    def __init__(self, world: Surroundings) -> None:
        self._world = world
        self._leases = Leases(world, lambda: world.store.renew_claims, _warn_of_loss)
        self.bell = Bell()
        self._lock = threading.Lock()
        self._watched: dict[UUID, list[Promise]] = {}
        self._watch: threading.Thread | None = None
        self._workers = 0

    # scheduling and running ----------------------------------------------------------------------------------------

    def schedule(self, run: TaskRun, queue: str, call: bytes) -> None:
        """Record a run as Scheduled, for whoever serves the queue."""
        now = self._world.clock.now()
        scheduled = unstamped(StateType.SCHEDULED, state_details=StateDetails(scheduled_time=now))
        self._world.store.schedule(run, [run.enter(scheduled, now)], queue, call)
        self.bell.ring()

    def claim(self, queues: Sequence[str], claim: UUID) -> Claimed | Idle:
        """Take the next run of these queues, and keep it until it is dismissed or abandoned."""
        seconds = self._leases.length(LEASE_SECONDS)
        answer = self._world.store.claim(queues, claim, seconds, self._world.clock.now())
        if isinstance(answer, Claimed):
            self._leases.keep(claim, seconds)
        return answer

    def dismiss(self, claim: UUID) -> None:
        """Forget a run that has ended."""
        self._leases.let_go(claim)
        self._world.store.dismiss(claim)

    def abandon(self, claim: UUID, seconds: float = LEASE_SECONDS) -> None:
        """Leave a run to whoever claims it next, after some seconds: its lease runs out then."""
        self._leases.let_go(claim)
        self._world.store.renew_claims([claim], seconds, self._world.clock.now())

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Count as a worker in the block."""
        with self._lock:
            self._workers += 1
        try:
            yield
        finally:
            with self._lock:
                self._workers -= 1

    def patience(self, idle: Idle | None) -> float | None:
        """Return for how many seconds to wait at most for the bell before looking again; None: as long as it takes."""
        now = self._world.clock.now()
        retry_at = self._leases.end(idle.retry_at, now) if idle is not None else None
        poll = POLL_SECONDS if self._world.store_is_shared and idle is not None else None
        return seconds_to_look_again(retry_at, now, poll)

    # waiting -------------------------------------------------------------------------------------------------------

    def watch(self, promise: Promise) -> None:
        """Settle a promise when its run has ended, wherever it runs."""
        with self._lock:
            self._watched.setdefault(promise.run.id, []).append(promise)
            if self._watch is None and self._world.store_is_shared:
                self._watch = threading.Thread(target=self._look_on, name="headrace-futures", daemon=True)
                self._watch.start()
        self.look(promise)
        if promise.settled_state is None and self._waits_in_vain:
            _LOGGER.warning(
                "Waiting for task run %r, though no task worker is at work in this process, and no other process can "
                "see its store: call serve(...) in a thread, or serve(..., until_idle=True) before.", promise.run.name,
            )  # fmt: skip

    @property
    def _waits_in_vain(self) -> bool:
        """Say whether nobody is there who could end a wait; a virtual clock tells of that itself."""
        return not self._workers and not self._world.store_is_shared and isinstance(self._world.clock, SystemClock)

    def close(self) -> None:
        """Wait for nothing any more."""
        with self._lock:
            self._watched.clear()

    def look(self, promise: Promise) -> State | None:
        """Return the state that the store has of a promise's run, having settled the promise if that is its end."""
        states = self._world.store.current_states([promise.run.id], "task")
        state = states.get(promise.run.id)
        if state is not None and has_ended(state):
            self.ended(promise.run.id, state)
            promise.settle(state)
        return state

    def ended(self, run_id: UUID, state: State) -> None:
        """Settle all promises of a run."""
        with self._lock:
            promises = self._watched.pop(run_id, ())
        for promise in promises:
            promise.settle(state)

    def _look_on(self) -> None:
        while watched := self._still_watched():
            try:
                states = self._world.store.current_states(watched, "task")
            except StoreError:
                states = {}  # it is looked again in a moment
            for run_id, state in states.items():
                if has_ended(state):
                    self.ended(run_id, state)
            self._world.clock.sleep(POLL_SECONDS)

    def _still_watched(self) -> tuple[UUID, ...]:
        with self._lock:
            if not self._watched:
                self._watch = None  # under the lock: who waits from here on begins another
            return tuple(self._watched)


def _warn_of_loss() -> None:
    _LOGGER.warning(
        "The lease of a run could not be renewed in time: it goes on, and another worker may call it crashed."
    )
