"""Who takes part in virtual time: a thread of a runner, an event loop, a thread of the user's, the test itself."""

from __future__ import annotations

import threading
from collections.abc import Callable
from enum import Enum
from typing import NamedTuple


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


class Participant:
    """One of those who take turns. `steps` is the number of the step it is about to make.

    A `background` participant (a daemon thread of the user's, a server say) does not hold time while it is in a real
    wait: it waits for work. One that `outlives` the simulation (a thread of an executor) goes on in real time after it.
    `within` is the run that a thread of the user's was begun in.
    """

    __slots__ = (
        "background",
        "depth",
        "doing",
        "gate",
        "name",
        "outlives",
        "parking",
        "since",
        "steps",
        "subject",
        "thread_id",
        "why",
        "within",
    )

    def __init__(self, name: str) -> None:
        self.name = name
        self.steps = 1
        self.doing = Doing.EXPECTED
        self.depth = 0
        self.background = False
        self.outlives = False
        self.subject: object = None
        self.within: object = None
        self.thread_id: int | None = None
        self.parking: Parking | None = None
        self.since = 0
        self.why: Why = ""
        self.gate = threading.Lock()
        self.gate.acquire()

    def __repr__(self) -> str:
        return f"<Participant {self.name!r}, {self.doing.value}>"


Why = str | Callable[[], str]


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
