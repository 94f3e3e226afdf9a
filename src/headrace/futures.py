"""Futures of submitted task runs."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID

from headrace.clock import Event
from headrace.core.awaiting import awaitable_too
from headrace.core.background import has_ended
from headrace.core.final import first_failure, plain_result
from headrace.core.messages import shown
from headrace.core.records import TaskRun
from headrace.core.states import State
from headrace.core.walk import walk
from headrace.drive.sync import block
from headrace.drive.world import current_world
from headrace.effects import Promise
from headrace.exceptions import ObjectNotFound
from headrace.runs.steps import settled

R = TypeVar("R")

__all__ = [
    "DistributedFuture",
    "DoneAndNotDoneFutures",
    "RunFuture",
    "RunFutureList",
    "as_completed",
    "resolve_futures_to_results",
    "resolve_futures_to_states",
    "wait",
]


class RunFuture(Promise, Generic[R]):
    """A task run that goes on elsewhere. Await it in async code, or call `wait` and `result`."""

    __slots__ = ()

    run: TaskRun

    @property
    def task_run_id(self) -> UUID:
        """The id of the task run."""
        return self.run.id

    @property
    def state(self) -> State:
        """The state of the task run now: the last one once it has ended."""
        state = self.settled_state or self.run.state
        assert state is not None, "a submitted run is recorded before its future is handed out"
        return state

    @awaitable_too
    def wait(self, timeout: float | None = None) -> None:
        """Wait at most `timeout` seconds (None: as long as it takes) for the run to end; never raises for its sake."""
        if not self.done():
            _wait_until_done(self, timeout)

    @awaitable_too
    def result(self, timeout: float | None = None, raise_on_failure: bool = True) -> R:
        """Wait, and return what the run returned, or raise what it raised.

        Raises TimeoutError if it has not ended after `timeout` seconds. With `raise_on_failure=False` the exception of
        a failed run is returned.
        """
        self.wait(timeout)
        if not self.done():
            raise TimeoutError(f"Task run {self.run.name!r} did not complete within {timeout} seconds")
        return _result_of(self.state, raise_on_failure)  # type: ignore[no-any-return]

    def add_done_callback(self, fn: Callable[[RunFuture[R]], object]) -> None:
        """Call `fn` with this future once the run has ended, at once if it has already; one that raises is logged."""
        logs = current_world().logs

        def call() -> None:
            try:
                fn(self)
            except Exception as error:  # noqa: BLE001 - others wait for the same run, and it is not theirs
                name = getattr(fn, "__name__", repr(fn))
                logs.say(self.run, logging.ERROR, f"The callback {name!r} of a future raised {shown(error)}", error)

        self.when_done(call)

    def __await__(self) -> Generator[Any, Any, R]:
        return self._awaited().__await__()

    async def _awaited(self) -> R:
        if not self.done():
            from headrace.drive.asyncio import settled as settled_in_loop  # slow to import; only async code awaits

            await settled_in_loop(self)
        return self.result()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of task run {self.run.name!r}: {self.state}>"


class DistributedFuture(RunFuture[R]):
    """A task run in the background, which any process may run, and any wait for: all that it takes is its id.

    `Task.delay` gives one; ``DistributedFuture(task_run_id)`` is another for the same run, as is one made from the run
    as it was read. It can be pickled and passed to tasks, which wait for it. Results, and what failed runs raised, come
    from where they are kept. Raises ObjectNotFound where there is no such run.
    """

    __slots__ = ("_background",)

    def __init__(self, task_run_id: UUID | TaskRun) -> None:
        world = current_world()
        known = task_run_id if isinstance(task_run_id, TaskRun) else world.store.task_run(task_run_id)
        super().__init__(known)
        self._background = world.background

    @property
    def state(self) -> State:
        """The state of the task run now, as the store has it."""
        state = self.settled_state or self._background.look(self)
        if state is None:
            raise ObjectNotFound(f"The task run {self.run.name!r} ({self.run.id}) was deleted.")
        return state

    def done(self) -> bool:
        """Say whether the run has ended."""
        return self.settled_state is not None or has_ended(self.state)

    def when_done(self, callback: Callable[[], object]) -> None:
        """Call back once the run has ended."""
        super().when_done(callback)
        if self.settled_state is None:
            self._background.watch(self)

    def awaited(self) -> str:
        """Say what somebody waits for who waits for this."""
        return f"task run {self.run.name!r} ({self.state}), which a task worker is to run"

    def __reduce__(self) -> Any:
        return DistributedFuture, (self.run.id,)


def _wait_until_done(future: RunFuture[Any], timeout: float | None) -> None:
    event = current_world().clock.event(future.awaited)
    future.when_done(event.set)
    block(event, timeout)


def _result_of(state: State, raise_on_failure: bool = True) -> Any:
    """Return an ended run's result, futures and states inside replaced by theirs; or raise or return its failure."""
    if state.is_completed():
        return plain_result(state, settled)
    if state.is_final() and not raise_on_failure:
        return state.result(raise_on_failure=False)
    failure = first_failure(state)
    if raise_on_failure:
        raise failure
    return failure


class RunFutureList(list[RunFuture[R]], Generic[R]):
    """The futures of a `map`, in the order of its calls."""

    @awaitable_too
    def wait(self, timeout: float | None = None) -> None:
        """Wait at most `timeout` seconds for all of them."""
        wait(self, timeout)

    @awaitable_too
    def result(self, timeout: float | None = None, raise_on_failure: bool = True) -> list[R]:
        """Return their results in order; see `RunFuture.result`. `timeout` is for all of them together."""
        clock = current_world().clock
        deadline = None if timeout is None else clock.monotonic_ns() + int(timeout * 1e9)
        results = []
        for future in self:
            left = None if deadline is None else max((deadline - clock.monotonic_ns()) / 1e9, 0.0)
            future.wait(left)
            if not future.done():
                raise TimeoutError(f"Timed out waiting for all futures to complete within {timeout} seconds.")
            results.append(future.result(raise_on_failure=raise_on_failure))
        return results


class DoneAndNotDoneFutures(NamedTuple):
    """What `wait` returns."""

    done: set[RunFuture[Any]]
    not_done: set[RunFuture[Any]]


def wait(futures: Iterable[RunFuture[R]], timeout: float | None = None) -> DoneAndNotDoneFutures:
    """Wait at most `timeout` seconds for all futures; return those that have ended and those that have not."""
    futures = list(futures)
    try:
        for _ in as_completed(futures, timeout):
            pass
    except TimeoutError:
        pass  # the sets below say which
    done = {future for future in futures if future.done()}
    return DoneAndNotDoneFutures(done, set(futures) - done)


def as_completed(futures: Iterable[RunFuture[R]], timeout: float | None = None) -> Iterator[RunFuture[R]]:
    """Yield each future as its run ends. Raises TimeoutError if not all have after `timeout` seconds."""
    pending = dict.fromkeys(futures)
    bell = _Bell()
    for future in pending:
        future.add_done_callback(bell.ring)
    clock = current_world().clock
    deadline = None if timeout is None else clock.monotonic_ns() + int(timeout * 1e9)
    for yielded in range(len(pending)):
        left = None if deadline is None else max((deadline - clock.monotonic_ns()) / 1e9, 0.0)
        ended = bell.next_rung(left)
        if ended is None:
            raise TimeoutError(f"{len(pending) - yielded} (of {len(pending)}) futures unfinished")
        yield ended


class _Bell:
    """Rung by futures as they end; gives them back one by one."""

    def __init__(self) -> None:
        self._rung: deque[RunFuture[Any]] = deque()
        self._event: Event = current_world().clock.event()

    def ring(self, future: RunFuture[Any]) -> None:
        self._rung.append(future)
        self._event.set()

    def next_rung(self, seconds: float | None) -> RunFuture[Any] | None:
        """Return the next future that ended, None if there is none within this time."""
        while not self._rung:
            self._event = event = current_world().clock.event("the next of several task runs to end")
            if not self._rung and not block(event, seconds):  # it may have been rung just before
                return None
        return self._rung.popleft()


def resolve_futures_to_results(expr: Any) -> Any:
    """Replace futures anywhere inside by their results; waits for them."""
    return walk(expr, lambda leaf: leaf.result() if isinstance(leaf, RunFuture) else leaf)


def resolve_futures_to_states(expr: Any) -> Any:
    """Replace futures anywhere inside by the states in which their runs ended; waits for them."""

    def state_of(leaf: Any) -> Any:
        if not isinstance(leaf, RunFuture):
            return leaf
        leaf.wait()
        return leaf.state

    return walk(expr, state_of)
