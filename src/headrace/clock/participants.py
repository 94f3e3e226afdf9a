"""Who takes part in virtual time: a thread of a runner, an event loop, a thread of the user's, the test itself."""

from __future__ import annotations

import threading
from collections.abc import Callable
from enum import Enum
from typing import NamedTuple, Protocol


class Doing(Enum):
    """What a participant is at."""

    EXPECTED = "about to start"
    READY = "ready"
    RUNNING = "running"
    WAITING = "waiting"
    ASIDE = "in a real wait"


class Limit(NamedTuple):
    """A time limit of one participant; the deadline is in virtual nanoseconds."""

    deadline: int
    ring: Callable[[], object]


#: The subject of who goes by the name of whichever run it records first.
FIRST = object()


class Actor:
    """Who makes steps: a participant, or a task of its event loop.

    `steps` is the number of the step that it is about to make. `asked` is the last before which a schedule was asked
    already, and need not be asked again. `subject` is the run whose name it goes by, where that may yet change.
    """

    __slots__ = ("asked", "name", "steps", "subject")

    def __init__(self, name: str) -> None:
        self.name = name
        self.steps = 1
        self.asked = 0
        self.subject: object = None


class Line(Protocol):
    """Who is ready in an event loop where a schedule chooses among its tasks; see `strands`."""

    def acting(self, here: Participant) -> Actor:
        """Return which of its tasks runs, else the loop; the participant where it runs no more."""


class Participant(Actor):
    """One of those who take turns.

    A `background` participant (a daemon thread of the user's, a server say) does not hold time while it is in a real
    wait: it waits for work. One that `outlives` the simulation (a thread of an executor) goes on in real time after it.
    `within` is the run that a thread of the user's was begun in. One that has `delegated` what it does waits for
    another process, which takes part in its place, keeps its turn, and says itself where it is in a real wait. One that
    waits in a `loop` waits for whatever the tasks of that event loop wait for. One that is `midway` was about to make a
    step when another went first: that is the step that it goes on with.
    """

    __slots__ = (
        "background",
        "delegated",
        "depth",
        "dismissal",
        "doing",
        "gate",
        "line",
        "loop",
        "midway",
        "native_id",
        "outlives",
        "parking",
        "since",
        "thread_id",
        "why",
        "within",
    )

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.doing = Doing.EXPECTED
        self.depth = 0
        self.background = False
        self.delegated = False
        self.outlives = False
        self.midway = False
        #: What it is to meet instead of its next turn.
        self.dismissal: BaseException | None = None
        self.line: Line | None = None
        self.loop: object = None
        self.within: object = None
        self.thread_id: int | None = None
        self.native_id: int | None = None
        self.parking: Parking | None = None
        self.since = 0
        self.why: Why = ""
        self.gate = threading.Lock()
        self.gate.acquire()

    @property
    def acting(self) -> Actor:
        """Who makes the next step: a task of its event loop, where a schedule chooses among them, or itself."""
        return self if self.line is None else self.line.acting(self)

    def __repr__(self) -> str:
        return f"<Participant {self.name!r}, {self.doing.value}>"


Why = str | Callable[[], str]


class Waits(NamedTuple):
    """What a process says that takes part in another's time: nobody in it can go on.

    That is so after `heard` things were told, until `deadline_ns` (None: for ever), or because somebody is in a real
    wait. `where` says who waits for what, where that may be asked for.
    """

    heard: int
    deadline_ns: int | None
    is_real: bool
    where: str


class Parking:
    """One wait of one thread. `deadline` is in virtual nanoseconds, None for ever.

    `participant` is None for a thread that takes no part: it has a gate of its own, and runs as soon as it is woken.
    """

    __slots__ = ("deadline", "error", "gate", "participant", "woken")

    def __init__(self, deadline: int | None, participant: Participant | None) -> None:
        self.deadline = deadline
        self.participant = participant
        self.woken = False
        self.error: BaseException | None = None
        self.gate = participant.gate if participant is not None else _closed_gate()


def _closed_gate() -> threading.Lock:
    gate = threading.Lock()
    gate.acquire()
    return gate
