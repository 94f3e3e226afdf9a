"""The life of a worker process: take a call, carry it out as a thread would, answer, take the next.

The main thread calls the users' functions, so that a time-out reaches even blocking ones; another listens. When the
process that started the worker is gone, so is the worker.
"""

from __future__ import annotations

import contextvars
import os
import queue
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import TYPE_CHECKING, cast
from uuid import UUID

from headrace.clock import Clock, SystemClock
from headrace.core.messages import described
from headrace.core.states import State
from headrace.core.tracebacks import traceback_of
from headrace.core.walk import found, walk
from headrace.drive import sync
from headrace.drive.guards import Guard, signals, thread_guard
from headrace.drive.world import replace_process_world
from headrace.effects import Call, Cancelled, Outcome, Raised, Returned
from headrace.exceptions import CrashedRun, SimulationError, TimeIsUp
from headrace.runners.pickling import dumps, loads, unsendable
from headrace.runners.pictures import FlowPicture, Loading, TaskPicture
from headrace.runners.relay import RelayStorage, RelayStore, RelayWorld, send_logs
from headrace.runners.wire import Answer, Began, Done, End, Hello, Interrupt, Kind, Pipe, Rung, Time, Work
from headrace.runs.context import TAGS, FlowRunContext, TaskRunContext
from headrace.runs.origins import Origins
from headrace.runs.steps import is_promise, settled
from headrace.settings import temporary_settings
from headrace.store.protocol import Store

if TYPE_CHECKING:
    from headrace.clock.borrowed import BorrowedClock


_NOBODY_FOLLOWS: AbstractContextManager[object] = nullcontext()


class _Over(BaseException):
    """Ends what still waits on virtual time when there is no more work."""


def main(reading: int, writing: int) -> None:
    """Work until there is no more work."""
    for fd in (reading, writing):
        os.set_inheritable(fd, False)  # what users start from here must not keep the line open
    pipe = Pipe(reading, writing)
    hello: Hello = pipe.receive()
    sys.path[:], sys.argv[:] = hello.path, hello.arguments
    with temporary_settings(hello.settings):
        Worker(pipe, hello).work()


class Worker:
    """This process's end of the line."""

    def __init__(self, pipe: Pipe, hello: Hello) -> None:
        self._pipe, self._hello = pipe, hello
        self._name = hello.name or str(os.getpid())
        self._store = RelayStore(pipe, hello.location)
        self._borrowed = _borrowed(pipe, hello.start_ns)
        self._clock: Clock = self._borrowed or SystemClock()
        self._follow: Callable[..., AbstractContextManager[object]] | None = None
        self._world = RelayWorld(cast(Store, self._store), clock=self._clock, seed=hello.seed)
        replace_process_world(self._world)
        if hello.location == "memory":
            self._world.shelf.memory = RelayStorage(self._store)
        send_logs(pipe)
        self._work: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._guard: Guard = thread_guard()
        self._is_told = False  # to end; this is then the last call
        self._flow: tuple[UUID | None, FlowRunContext | None] = (None, None)
        threading.Thread(target=self._listen, name="headrace-line", daemon=True).start()

    def work(self) -> None:
        """Take calls, and answer them."""
        while (work := self._work.get()) is not None:
            with self._clock.participant("worker"):
                self._heard(work.time_ns)
                done = contextvars.copy_context().run(self._done, work)
            for stream in (sys.stdout, sys.stderr):
                if stream is not None and not stream.closed:
                    stream.flush()
            self._pipe.send(done)
        if self._borrowed is not None:
            self._borrowed.turns.dismiss(_Over)

    def _heard(self, time_ns: int | None = None) -> None:
        """Note that what was told has been acted on, so that the other process knows whether we still wait."""
        if self._borrowed is not None:
            self._borrowed.heard(time_ns)

    def _listen(self) -> None:
        try:
            while True:
                message = self._pipe.receive()
                if isinstance(message, Work):
                    self._work.put(message)
                elif isinstance(message, Answer):
                    self._store.take(message)
                    self._heard()
                elif isinstance(message, Rung):
                    self._world.slots.ring()
                    self._heard()
                elif isinstance(message, Time):
                    self._heard(message.time_ns)
                elif isinstance(message, Interrupt):
                    with self._lock:
                        self._is_told = True
                        self._guard.interrupt(loads(message.reason))
                    self._heard()
                elif isinstance(message, End):
                    self._work.put(None)
                    return
        except EOFError:
            pass  # nobody waits for what is being done here
        except BaseException:  # noqa: BLE001 - a worker that hears nothing would hang
            traceback.print_exc()
        os._exit(1)

    def _done(self, work: Work) -> Done:
        with self._following():
            return self._carried_out(work)

    def _carried_out(self, work: Work) -> Done:
        Loading.now = True
        try:
            picture, context = self._opened(work)
        except BaseException as error:  # noqa: BLE001 - modules are imported here, and may do anything
            what = "The worker process could not load the task"
            return _done(Raised(unsendable(what, error, "Make what it needs importable by its name")), "", None)
        finally:
            Loading.now = False
        return _done(self._outcome(picture, context), picture.run.task_name, picture.expired)

    def _following(self) -> AbstractContextManager[object]:
        """Let users' code follow the clock, in the block, where it does so in the other process."""
        if self._hello.follow is None:
            return _NOBODY_FOLLOWS
        self._follow = self._follow or loads(self._hello.follow)
        return self._follow(self._world, self._clock)

    def _opened(self, work: Work) -> tuple[TaskPicture, TaskRunContext]:
        if work.flow is not None:
            flow: FlowPicture = loads(work.flow)
            self._flow = (work.flow_run_id, flow.context())
        flow_context = self._flow[1] if work.flow_run_id == self._flow[0] else None
        picture: TaskPicture = loads(work.task)
        TAGS.set(picture.tags)
        if flow_context is not None:
            flow_context.task_runner, flow_context.origins = picture.nested_runner, Origins()
        context = TaskRunContext(
            run=picture.run,
            definition=picture.definition,
            parameters=dict(picture.run.parameters),
            parent=flow_context,
            log_prints=picture.prints,
            within=flow_context,
            persist_result=picture.persist_result,
            kept_by=picture.kept_by,
        )
        return picture, context

    def _outcome(self, picture: TaskPicture, context: TaskRunContext) -> Outcome:
        """Call the function; runs that it submitted are part of it, and end before it does."""
        runner = picture.nested_runner
        with runner:
            outcome = self._called(picture, context)
            self._decide(context, outcome)
            reason = outcome.reason if isinstance(outcome, Cancelled) else None
            waiting = sync.wait_for_all(runner.finish(reason), self._world, thread_guard())
        if waiting is not None:
            return waiting
        if isinstance(outcome, Returned) and found(outcome.value, is_promise):
            return Returned(walk(outcome.value, lambda leaf: settled(leaf) or leaf))
        return outcome

    def _decide(self, context: TaskRunContext, outcome: Outcome) -> None:
        """Commit, or roll back, what the function did inside its own transaction: it does not travel."""
        if context.transaction is not None:
            from headrace.runs.transactions import commit, rollback  # most tasks do nothing of the kind

            failed = not isinstance(outcome, Returned) or (
                isinstance(outcome.value, State) and not outcome.value.is_completed()
            )
            sync.drive((rollback if failed else commit)(context.transaction), self._world)

    def _called(self, picture: TaskPicture, context: TaskRunContext) -> Outcome:
        effect = Call(
            picture.fn,
            picture.args,
            picture.kwargs,
            context,
            picture.flavour,
            picture.seconds,
            picture.expired,
            prints=picture.prints,
            body=True,
        )
        self._world.sent = effect
        self._pipe.send(Began())
        if picture.flavour in ("async", "async generator"):
            from headrace.drive.bridge import thread_loop  # asyncio is slow to import

            awaited: Outcome = thread_loop(self._world).run(self._awaited(effect))
            return awaited
        context.guard = guard = thread_guard()
        with signals(guard, self._world.clock):
            outcome = sync.call(effect, self._world, guard)
        reason = outcome.reason if isinstance(outcome, Cancelled) else None
        if (
            reason is not None
            and reason is guard.delivered
            and not (self._is_told or isinstance(reason, SimulationError))
        ):
            # It is not for the process that waits for the result to be interrupted because this one was.
            return Cancelled(CrashedRun(f"The worker process {self._name} that ran it was interrupted by SIGINT."))
        return outcome

    async def _awaited(self, effect: Call) -> Outcome:
        from headrace.drive import asyncio

        effect.context.guard = guard = asyncio.task_guard()
        with self._lock:
            self._guard = guard
        early = thread_guard().take_pending()
        if early is not None:
            guard.interrupt(early)
        try:
            return await asyncio.call(effect, self._world, guard)
        finally:
            with self._lock:
                self._guard = thread_guard()


def _borrowed(pipe: Pipe, start_ns: int | None) -> BorrowedClock | None:
    """Return the clock of the other process where that is virtual, None where it is the system's."""
    if start_ns is None:
        return None
    from headrace.clock.borrowed import BorrowedClock  # in tests only
    from headrace.clock.participants import Waits

    waits: queue.SimpleQueue[Waits] = queue.SimpleQueue()

    def tell() -> None:
        with suppress(OSError):  # there is no other process any more
            while True:
                pipe.send(waits.get())

    # Not in the thread that begins to wait: an interrupt that came meanwhile would be raised in the middle of that.
    threading.Thread(target=tell, name="headrace-teller", daemon=True).start()
    return BorrowedClock(start_ns, waits.put)


def _done(outcome: Outcome, task_name: str, expired: TimeIsUp | None) -> Done:
    """Say an outcome in pickles."""
    if isinstance(outcome, Returned):
        try:
            return Done("returned", dumps(outcome.value))
        except Exception as why:  # noqa: BLE001 - users' objects raise what they like
            what = f"The result of task {task_name!r} can't be sent back from its worker process"
            instead = "Return something that can be pickled (a path, an id, plain data)"
            outcome = Raised(unsendable(what, why, instead))
    error = outcome.error if isinstance(outcome, Raised) else outcome.reason
    kind: Kind = "raised" if isinstance(outcome, Raised) else "cancelled"
    if expired is not None and error is expired.error:
        kind = "expired"
    return Done(kind, _pickled(error), described(error), _users_traceback(error))


def _users_traceback(error: BaseException) -> str:
    """Return an exception's traceback; empty where it would show no line of anybody's."""
    shown = traceback_of(error)
    return shown if shown.startswith("Traceback") else ""


def _pickled(error: BaseException) -> bytes | None:
    """Pickle an exception, None where that can't be done; many can be pickled and not be loaded again."""
    try:
        payload = dumps(error)
        loads(payload)
    except Exception:  # noqa: BLE001 - as above
        return None
    return payload
