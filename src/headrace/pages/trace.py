"""What a trace tells: the runs of one test, each thing with its place in the order in which all of it happened.

A *position* is a place in that order. Every state that was entered, and every stroke of a stub or fault, has a position
of its own; a line of a log shares the position before it where no time has passed since. So a page can show how things
stood at any position: what came later has a greater one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from headrace.core.state_types import StateType
from headrace.core.timeline import Row
from headrace.pages.timeline import Axis, Mark


class Position(NamedTuple):
    """One place in the order of things: at which second, of which row (None: of no run), and what happened."""

    at: float
    row: int | None
    said: str


class Entered(NamedTuple):
    """A state that a run entered. `attempt` is the number of the attempt that it began, 0 for other states."""

    position: int
    at: float
    type: StateType
    name: str
    attempt: int
    because: str


class Line(NamedTuple):
    """Something that was said at a position: a line of a log, a stroke of a fault, a traceback. `head` says whose."""

    position: int
    at: float
    head: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What there is to tell of one run beside its row. `upstream` are names, each with its row where there is one."""

    definition: str
    tags: Sequence[str] = ()
    upstream: Sequence[tuple[str, int | None]] = ()
    inputs: Mapping[str, str] = field(default_factory=dict)
    states: Sequence[Entered] = ()
    output: Line | None = None
    tracebacks: Sequence[Line] = ()
    log: Sequence[Line] = ()
    log_left_out: int = 0
    faults: Sequence[Line] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One world of a test: a simulation, or the test's own. `runs` are in the order of `rows`.

    `trouble` says why its runs can't be shown; `runs_left_out` how many are too many. `tables` are what belongs to no
    single run: faults, waits for slots, the log of all.
    """

    headline: str
    program: str
    began: datetime | None = None
    trouble: str = ""
    axis: Axis = field(default_factory=lambda: Axis(0.0))
    rows: Sequence[Row] = ()
    runs: Sequence[Told] = ()
    marks: Mapping[UUID, Sequence[Mark]] = field(default_factory=dict)
    positions: Sequence[Position] = ()
    tables: Sequence[tuple[str, Sequence[Line]]] = ()
    runs_left_out: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """A test, and the worlds that it lived in, the one to look at first before the others."""

    test: str
    outcome: str
    error: str
    command: str
    acts: Sequence[Act]
