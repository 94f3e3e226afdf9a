"""One worker process, seen from the process that started it.

It is started as a program of its own, not as a copy of this one, so that a script needs no main guard; it is a process
group of its own, so that Ctrl-C reaches this process alone, which then decides what becomes of the workers.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any
from uuid import UUID

from headrace.clock import Clock, Event, SystemClock
from headrace.clock.participants import Waits
from headrace.drive import sync
from headrace.drive.guards import Guard
from headrace.drive.logs import ELSEWHERE
from headrace.drive.world import World
from headrace.effects import Call, Cancelled, Outcome, Raised, Returned
from headrace.exceptions import CrashedRun, SerializationError
from headrace.runners.pickling import dumps, loads
from headrace.runners.relay import Tickets, answer, log
from headrace.runners.wire import Answer, Ask, Began, Done, End, Hello, Interrupt, Line, Pipe, Rung, Time, Work

if TYPE_CHECKING:
    from headrace.clock.virtual import VirtualClock

#: How long after a time-out, or after it was told to end, a worker that does not answer is killed, in seconds.
PATIENCE_SECONDS = 5.0
#: How long to wait, in seconds, for a process that has closed its end of the line to be dead.
DEATH_SECONDS = 2.0

#: Processes live in real time, whatever clock the runs have.
REAL = SystemClock()
_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def virtual(clock: Clock) -> VirtualClock | None:
    """Return a clock if it is virtual, so that its time can be lent to workers; None if it is real."""
    if isinstance(clock, SystemClock):
        return None
    from headrace.clock.virtual import VirtualClock  # in tests only

    return clock if isinstance(clock, VirtualClock) else None


class WorkerDied(Exception):
    """A worker process ended in the middle of a call."""


class WorkerLate(Exception):
    """A worker process did not answer in time, and was killed."""


class WorkerProcess:
    """One worker process, seen from here. One thread at a time has a call in it."""

    def __init__(self, hello: Hello) -> None:
        #: The flow run that the worker has a picture of.
        self.knows: UUID | None = None
        self.is_usable = True
        #: How many things the worker was told so far.
        self.told = 0
        self._tickets = Tickets()
        self._bell, self._ringer = os.pipe()
        theirs, ours = os.pipe()
        mine, yours = os.pipe()
        code = (
            f"import sys; sys.path.insert(0, {_ROOT!r}); "
            f"from headrace.runners.worker import main; main({theirs}, {yours})"
        )
        flags = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
        self._process = subprocess.Popen(
            [sys.executable, *flags, "-P", "-c", code],
            stdin=subprocess.DEVNULL,
            pass_fds=(theirs, yours),
            process_group=0,
        )
        os.close(theirs)
        os.close(yours)
        #: What people call it: its number where runs are to be the same every time, else its process id.
        self.name = hello.name or str(self._process.pid)
        self._pipe = Pipe(mine, ours)
        self._lock = threading.Lock()
        self._gone = False
        self._death = os.pidfd_open(self.pid) if hasattr(os, "pidfd_open") else None
        with contextlib.suppress(OSError):  # it is dead already; the first call finds out how
            self._pipe.send(hello)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def is_alive(self) -> bool:
        """Say whether the process can take a call."""
        return self.is_usable and self._process.poll() is None

    def call(self, effect: Call, work: Work, world: World, guard: Guard) -> Outcome:
        """Let the worker call a function, serve it meanwhile, and return what came of it."""
        call = _Conversation(self, effect, world, guard)
        try:
            with world.clock.delegating(f"the worker process {self.name}"):
                self.tell(work)
                done = call.until_done()
        except (WorkerDied, OSError):
            self.is_usable = False
            return Cancelled(call.interrupted_by or CrashedRun(self._obituary()))
        except WorkerLate:
            self.is_usable = False
            self.kill()
            return call.given_up()
        except BaseException:
            self.is_usable = False  # its process is dead in the simulation, say: it is in the middle of something
            raise
        finally:
            guard.wake = None
            if not self.is_usable:
                self._tickets.give_back(world)
        if call.interrupted_by is not None:
            self.is_usable = False  # it may be told once more, too late, and end the next call
        return self._outcome(done, effect, call.interrupted_by)

    def _outcome(self, done: Done, effect: Call, interrupted_by: BaseException | None) -> Outcome:
        try:
            value: Any = loads(done.payload) if done.payload is not None else None
        except Exception as error:  # noqa: BLE001 - users' objects raise what they like
            done, value = done._replace(kind="raised", described=f"a result that can't be loaded: {error!r}"), None
        if done.kind == "returned":
            return Returned(value)
        if done.kind == "expired":
            assert effect.expired is not None, "only what has a time limit expires"
            value = effect.expired.error
        elif value is None:
            task = effect.context.run.task_name
            value = SerializationError(
                f"The task {task!r} ended in its worker process with {done.described}, which can't be pickled."
            )
        if done.traceback and isinstance(value, BaseException):
            _note(value, f"{ELSEWHERE}{self.name}:\n{done.traceback}")
        if done.kind == "cancelled":
            return Cancelled(interrupted_by or value)
        return Raised(value)

    def tell(self, message: tuple[Any, ...]) -> None:
        """Tell the worker something that it acts on."""
        self.told += 1
        self._pipe.send(message)

    def ring(self) -> None:
        """Let the thread that has a call here look whether it was interrupted."""
        with self._lock:
            if not self._gone:
                os.write(self._ringer, b"!")

    def _obituary(self) -> str:
        """Wait until the process is dead, and say how it died."""
        self._wait(REAL.monotonic_ns() + int(DEATH_SECONDS * 1e9))
        self.kill()
        code = self._process.returncode
        try:
            how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        except ValueError:
            how = f"was killed by signal {-code}"
        return f"The worker process {self.name} that ran it {how}."

    def tell_to_end(self) -> None:
        """Say that there is no more work."""
        with contextlib.suppress(OSError):  # it is dead already
            self._pipe.send(End())

    def wait_until_gone(self, deadline_ns: int) -> None:
        """Wait until the process has exited; kill it, and what it has started, at the deadline."""
        self._wait(deadline_ns)
        self.kill()

    def _wait(self, deadline_ns: int) -> None:
        if self._process.poll() is None:
            poll = select.poll()
            poll.register(self._pipe.reading if self._death is None else self._death, select.POLLIN)
            poll.poll(_milliseconds_until(deadline_ns))

    def kill(self) -> None:
        """Make sure that the process is gone, with what it has started, and let go of the line. May be called twice."""
        with self._lock:
            if self._gone:
                return
            self._gone, self.is_usable = True, False
            if self._process.poll() is None:
                try:
                    os.killpg(self.pid, signal.SIGKILL)
                except ProcessLookupError:
                    self._process.kill()
            self._process.wait()
            self._pipe.close()
            for fd in (self._bell, self._ringer, self._death):
                if fd is not None:
                    os.close(fd)


class _Conversation:
    """One call: what the worker says meanwhile, and who interrupts it."""

    def __init__(self, worker: WorkerProcess, effect: Call, world: World, guard: Guard) -> None:
        self._worker = worker
        self._pipe = worker._pipe
        self._effect, self._world, self._guard = effect, world, guard
        self._clock = virtual(world.clock)
        self._deadline_ns: int | None = None
        #: Whether it is to be told of free slots, and has been; what this thread waits for in its place.
        self._listens = self._is_rung = False
        self._parked: Event | None = None
        self.interrupted_by: BaseException | None = None
        self._poll = select.poll()
        for fd in (self._pipe.reading, worker._bell, worker._death):
            if fd is not None:
                self._poll.register(fd, select.POLLIN)
        guard.wake = worker.ring

    def until_done(self) -> Done:
        """Serve the worker until its call has ended. Raises WorkerDied or WorkerLate."""
        self._pass_on(self._guard.take_pending())
        while True:
            ready = {fd for fd, _ in self._poll.poll(self._patience())}
            if self._worker._bell in ready:
                os.read(self._worker._bell, 1)
                self._ring()
                self._pass_on(self._guard.take_pending())
            elif self._pipe.reading in ready:
                message = self._received()
                if isinstance(message, Done):
                    return message
                self._serve(message)
            elif ready:
                raise WorkerDied
            elif self._patience() == 0:
                raise WorkerLate

    def _received(self) -> Any:
        try:
            return self._pipe.receive()
        except EOFError:
            raise WorkerDied from None

    def _serve(self, message: object) -> None:
        if isinstance(message, Ask):
            self._worker.tell(self._answer(message))
        elif isinstance(message, Line):
            log(message, self._world)
        elif isinstance(message, Began):
            if self._effect.seconds is not None and self._deadline_ns is None and self._clock is None:
                self._be_patient(self._effect.seconds + PATIENCE_SECONDS)
        elif isinstance(message, Waits) and self._clock is not None and message.heard == self._worker.told:
            self._wait(self._clock, message)

    def _answer(self, ask: Ask) -> Answer:
        return answer(ask, self._world, self._effect.context, self._worker._tickets, self._listen)

    def _wait(self, clock: VirtualClock, waits: Waits) -> None:
        """Wait in the place of everybody in the worker."""
        where = f"its worker process {self._worker.name}" + (f": {waits.where}" if waits.where else "")
        if waits.is_real:
            clock.set_aside(where)
            return
        seconds = None if waits.deadline_ns is None else (waits.deadline_ns - clock.time_ns()) / 1e9
        self._parked = clock.event(where)
        interrupted = sync.wait(self._parked, seconds, self._guard)
        self._parked, self._guard.wake = None, self._worker.ring
        if interrupted is None:
            self._worker.tell(Time(clock.time_ns()))
            self._ring()
            if self._deadline_ns is not None:
                self._be_patient(PATIENCE_SECONDS)
        else:
            self._pass_on(interrupted.reason)

    def _listen(self, seen: int) -> None:
        """Let the worker know when slots are given back, after they were `seen` times; once, however often it asks."""
        if not self._listens:
            self._listens = True
            self._world.slots.when_released(seen, self._slots_freed)

    def _slots_freed(self) -> None:
        """Be told, by whoever gives slots back, that the worker is to ask again."""
        self._listens, self._is_rung = False, True
        if self._parked is not None:
            self._parked.set()
        else:
            self._worker.ring()

    def _ring(self) -> None:
        if self._is_rung:
            self._is_rung = False
            self._worker.tell(Rung())

    def _pass_on(self, reason: BaseException | None) -> None:
        """Tell the worker to end the call."""
        if reason is not None and self.interrupted_by is None:
            self.interrupted_by = reason
            self._worker.tell(Interrupt(dumps(reason)))
            self._be_patient(PATIENCE_SECONDS)

    def _be_patient(self, seconds: float) -> None:
        self._deadline_ns = REAL.monotonic_ns() + int(seconds * 1e9)

    def _patience(self) -> int | None:
        return _milliseconds_until(self._deadline_ns) if self._deadline_ns is not None else None

    def given_up(self) -> Outcome:
        """Return the outcome of a call whose worker had to be killed."""
        if self.interrupted_by is not None:
            return Cancelled(self.interrupted_by)
        assert self._effect.expired is not None, "only what has a time limit is given up"
        return Raised(self._effect.expired.error)


def _milliseconds_until(deadline_ns: int) -> int:
    return max(-((REAL.monotonic_ns() - deadline_ns) // 1_000_000), 0)


def _note(error: BaseException, text: str) -> None:
    try:
        error.add_note(text)
    except Exception:  # noqa: BLE001 - an exception of the user's that can't be changed has no note
        return
