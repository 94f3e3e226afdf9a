"""What a story may ask of the world, and the values in which the world answers.

A story is a coroutine that awaits effects and nothing else. Each effect is one atomic unit. A driver carries it out
and sends the answer back in; it never throws into a story. What user code did comes back as a value: `Returned`,
`Raised` (an Exception) or `Cancelled` (anything else that ended it: an interrupt, a signal, a cancellation).

These are plain classes, not dataclasses: there are twenty of them, and generating their methods would take longer than
all else that `import headrace` does.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Sequence
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar
from uuid import UUID

from headrace.core.records import Run
from headrace.core.states import State
from headrace.exceptions import TimeIsUp

T = TypeVar("T")

Flavour = Literal["sync", "async", "generator", "async generator"]

# --- answers ---------------------------------------------------------------------------------------------------


class Returned:
    """The user's function returned."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


class Closed(Returned):
    """The user's generator was closed before its end; the value is what it had yielded."""

    __slots__ = ()


class Raised:
    """The user's function raised an Exception."""

    __slots__ = ("error",)

    def __init__(self, error: Exception) -> None:
        self.error = error


class Cancelled:
    """A call or a wait was ended from outside; `reason` says by what."""

    __slots__ = ("reason",)

    def __init__(self, reason: BaseException) -> None:
        self.reason = reason


Outcome = Returned | Raised | Cancelled


class Promise:
    """The state in which a run will end, known once and then for ever.

    Callbacks are called once, in the thread that settles the promise, or at once where it is settled already.
    """

    __slots__ = ("__weakref__", "_callbacks", "_lock", "run", "settled_state")

    def __init__(self, run: Run) -> None:
        self.run = run
        self.settled_state: State | None = None
        self._callbacks: list[Callable[[], object]] = []
        self._lock = threading.Lock()

    def done(self) -> bool:
        """Say whether the run has ended."""
        return self.settled_state is not None

    def awaited(self) -> str:
        """Say what somebody waits for who waits for this."""
        return f"{self.run.kind} run {self.run.name!r} ({self.run.state})"

    def settle(self, state: State) -> None:
        """Make the end known. Does nothing where it is known already."""
        with self._lock:
            if self.settled_state is not None:
                return
            self.settled_state = state
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()

    def when_done(self, callback: Callable[[], object]) -> None:
        """Call back once the run has ended."""
        with self._lock:
            if self.settled_state is None:
                self._callbacks.append(callback)
                return
        callback()


# --- effects ---------------------------------------------------------------------------------------------------


class Effect(Generic[T]):
    """One thing asked of the world; awaiting it gives the answer."""

    __slots__: tuple[str, ...] = ()

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__slots__)
        return f"{type(self).__name__}({fields})"

    def __await__(self) -> Generator[Effect[T], T, T]:
        return (yield self)


class Now(Effect[datetime]):
    """Read the clock."""

    __slots__ = ()


class Draw(Effect[float]):
    """Draw a number, uniform in [0, 1), from the seeded source."""

    __slots__ = ()


class NewId(Effect[UUID]):
    """Get a fresh time-ordered id."""

    __slots__ = ()


class Record(Effect["State | None"]):
    """Let the run enter these states and write them down, durably, before the story goes on.

    The first Record of a run creates it. Answers None; or, where somebody else has moved the run meanwhile, the state
    that now stands, with nothing written and `run` brought up to date.
    """

    __slots__ = ("run", "states")

    def __init__(self, run: Run, states: tuple[State, ...]) -> None:
        self.run = run
        self.states = states


class Say(Effect[None]):
    """Write a line to the run's log."""

    __slots__ = ("error", "level", "message", "run")

    def __init__(self, run: Run, level: int, message: str, error: BaseException | None = None) -> None:
        self.run = run
        self.level = level
        self.message = message
        self.error = error


class Sleep(Effect["Cancelled | None"]):
    """Wait for a number of seconds."""

    __slots__ = ("seconds",)

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds


class Call(Effect[Outcome]):
    """Call the user's function, inside `context` (what `headrace.runtime` and loggers look at).

    After `seconds` (None: no limit) `expired` is raised inside it; its error is then the outcome. `prints`: turn its
    `print`s into log lines.
    `body` is False for hooks, name callables and the like. `runner` may carry the call out elsewhere.
    """

    __slots__ = (
        "args",
        "body",
        "context",
        "expired",
        "flavour",
        "fn",
        "kwargs",
        "prints",
        "runner",
        "seconds",
    )

    def __init__(
        self,
        fn: Callable[..., Any],
        args: Sequence[Any],
        kwargs: dict[str, Any],
        context: Any,
        flavour: Flavour = "sync",
        seconds: float | None = None,
        expired: TimeIsUp | None = None,
        prints: bool = False,
        body: bool = False,
        runner: Any = None,
    ) -> None:
        self.fn = fn
        self.args = args
        self.kwargs = kwargs
        self.context = context
        self.flavour = flavour
        self.seconds = seconds
        self.expired = expired
        self.prints = prints
        self.body = body
        self.runner = runner

    def of(self, fn: Callable[..., Any]) -> Call:
        """Return the same call of another function."""
        return Call(
            fn,
            self.args,
            self.kwargs,
            self.context,
            self.flavour,
            self.seconds,
            self.expired,
            self.prints,
            self.body,
            self.runner,
        )

    def step(self, fn: Callable[..., Any], args: Sequence[Any], flavour: Flavour) -> Call:
        """Return one step of this call's generator: another function, under the same conditions.

        It is no body: what it gives is an item, and not what the run ends with.
        """
        return Call(fn, args, {}, self.context, flavour, self.seconds, self.expired, self.prints)

    def spend(self, nanoseconds: int) -> None:
        """Take the time of a step off what is left: the limit is for all steps together."""
        if self.seconds is not None:
            self.seconds = max(self.seconds - nanoseconds / 1e9, 1e-6)


class WaitFor(Effect["Cancelled | None"]):
    """Wait until all of these runs have ended."""

    __slots__ = ("promises",)

    def __init__(self, promises: Sequence[Promise]) -> None:
        self.promises = promises


class RequestSlots(Effect[Any]):
    """Ask the store for concurrency slots; answers what the store answers, and how many releases came before it."""

    __slots__ = ("request",)

    def __init__(self, request: Any) -> None:
        self.request = request


class WaitForSlots(Effect["Cancelled | None"]):
    """Wait until slots were given back after the `seen`-th release, at most `seconds` (None: as long as it takes).

    `limit` is the name of the limit that is in the way.
    """

    __slots__ = ("limit", "seconds", "seen")

    def __init__(self, limit: str, seen: int, seconds: float | None) -> None:
        self.limit = limit
        self.seen = seen
        self.seconds = seconds


class ReleaseSlots(Effect[None]):
    """Give back the slots, or the place in the queue, of a ticket."""

    __slots__ = ("ticket",)

    def __init__(self, ticket: UUID) -> None:
        self.ticket = ticket


class OpenRunner(Effect[None]):
    """Begin to take submissions for a flow run's attempt."""

    __slots__ = ("context",)

    def __init__(self, context: Any) -> None:
        self.context = context


class CloseRunner(Effect["Cancelled | None"]):
    """Take no more submissions; cancel what has not begun, and wait for what has.

    `reason`: tell what has begun to end as well, because of this. Where the wait is interrupted the runner stays open,
    to be closed once more, with a reason; then it is left to itself.
    """

    __slots__ = ("context", "reason")

    def __init__(self, context: Any, reason: BaseException | None = None) -> None:
        self.context = context
        self.reason = reason
