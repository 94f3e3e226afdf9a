"""What is done to a store elsewhere, and told it later: runs that were made and moved, and lines of their logs.

A process that reports to a server decides for itself how its runs go on, and tells the server in batches. So what it
tells is news, not a question, and may come late: what stands in the store may have changed meanwhile, because somebody
asked for a cancellation, say. Two rules hold then:

* a state that may follow the one that stands, by the table of transitions, is appended to it, whatever stood when the
  run's process recorded it: counters and times of the run follow from its states, and are worked out anew;
* a state that may not is refused, and so is what is told of a run that the store does not have. The rest of the batch
  is taken all the same, and the answer says what was refused, and what stands.

Told *strictly*, a move is as `Store.transition` does it: it happens only if nobody else was quicker.

What comes from a spool has a number there, and is taken once, however often it is delivered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from uuid import UUID

from headrace.core.records import LogRecord, Run, TaskRun
from headrace.core.states import State
from headrace.core.transitions import allowed
from headrace.exceptions import ObjectAlreadyExists
from headrace.store.wanted import RunKind

if TYPE_CHECKING:
    from headrace.core.things import ArtifactRecord

_NO_TIME = timedelta(0)


class Created(NamedTuple):
    """A new run that has entered no state yet, and its first states; with a queue, to be claimed from there."""

    run: Run
    states: Sequence[State]
    queue: str | None = None
    call: bytes = b""


class Moved(NamedTuple):
    """States that a run entered when its history had `expected` entries.

    `written` are the columns that change with it, by name; what the run was given is among them until it is settled.
    """

    kind: RunKind
    run_id: UUID
    expected: int
    states: Sequence[State]
    written: Mapping[str, Any]


class Logged(NamedTuple):
    """Lines of a log."""

    records: Sequence[LogRecord]


class Dismissed(NamedTuple):
    """The run that is held under this claim has ended."""

    claim: UUID


class Released(NamedTuple):
    """A ticket gives its slots back."""

    ticket: UUID


class Left(NamedTuple):
    """An artifact that a run, or nobody, left."""

    artifact: ArtifactRecord


class Unreadable(NamedTuple):
    """What can't be understood, and why."""

    why: str


Operation = Created | Moved | Logged | Dismissed | Released | Left | Unreadable


class Delivery(NamedTuple):
    """Where operations come from: the lines after `after` of a spool, up to and including `until`."""

    spool: UUID
    after: int
    until: int


class Refusal(NamedTuple):
    """An operation, by its place in the batch, that was not done; `standing` is the run's state, if there is one."""

    place: int
    code: str
    detail: str
    run_id: UUID | None = None
    standing: State | None = None
    history_length: int = 0


class Ingested(NamedTuple):
    """How far a spool is known now (0 where there is none), and what was refused."""

    line: int
    refusals: Sequence[Refusal] = ()


class Desk(Protocol):
    """What a back end does for this, within one transaction. It may put off what it is told to until `finish`."""

    def expect(self, runs: Sequence[Run]) -> None:
        """Be told beforehand which runs there will be to create."""
        ...

    def finish(self) -> None:
        """Do what was put off."""
        ...

    def create(self, run: Run, states: Sequence[State]) -> None:
        """Record a new run. Raises ObjectAlreadyExists, with nothing done."""
        ...

    def put_in_queue(self, run: TaskRun, queue: str, call: bytes) -> None:
        """Schedule a run that was just made."""
        ...

    def find(self, kind: RunKind, run_id: UUID) -> Run | None:
        """Return a run of its own, None where there is none."""
        ...

    def transition(self, run: Run, states: Sequence[State]) -> bool:
        """Record states that a run has entered; False where others have been quicker."""
        ...

    def append_logs(self, records: Sequence[LogRecord]) -> None:
        """Append lines."""
        ...

    def dismiss(self, claim: UUID) -> None:
        """Forget what a claim holds."""
        ...

    def release(self, ticket: UUID) -> None:
        """Forget a ticket."""
        ...

    def keep(self, artifact: ArtifactRecord) -> None:
        """Keep an artifact. Raises ObjectAlreadyExists, with nothing done."""
        ...


class Clerk:
    """Does operations at a desk, one after the other, and remembers what was refused."""

    def __init__(self, desk: Desk, *, strict: bool = False) -> None:
        self._desk, self._strict = desk, strict
        self._runs: dict[UUID, Run] = {}
        self._place = 0
        self.refusals: list[Refusal] = []

    def do(self, operations: Sequence[Operation], start: int = 0) -> None:
        """Do the operations from a place on."""
        self._desk.expect([one.run for one in operations[start:] if type(one) is Created])
        for place in range(start, len(operations)):
            self._place = place
            operation = operations[place]
            _DONE[type(operation)](self, operation)
        self._desk.finish()

    def _refuse(self, code: str, detail: str, run_id: UUID | None = None, run: Run | None = None) -> None:
        standing, length = (run.state, run.history_length) if run is not None else (None, 0)
        self.refusals.append(Refusal(self._place, code, detail, run_id, standing, length))

    def _create(self, operation: Created) -> None:
        run = operation.run
        if not operation.states or not _is_path(run.kind, None, operation.states):
            self._refuse("illegal_transition", _illegal(run.kind, run.id, None, operation.states), run.id)
            return
        run.state, run.history_length, run.run_count = None, 0, 0  # a transaction may be done twice
        run.start_time, run.end_time, run.total_run_time = None, None, _NO_TIME
        entered = _enter(run, operation.states)
        try:
            self._desk.create(run, entered)
        except ObjectAlreadyExists as error:
            self._refuse("already_exists", str(error), run.id, self._desk.find(run.kind, run.id))
            return
        self._runs[run.id] = run
        if operation.queue is not None and isinstance(run, TaskRun):
            self._desk.put_in_queue(run, operation.queue, operation.call)

    def _move(self, moved: Moved) -> None:
        while True:
            run = self._runs.pop(moved.run_id, None) or self._desk.find(moved.kind, moved.run_id)
            if run is None or run.kind != moved.kind:
                said = f"There is no {moved.kind} run {moved.run_id} in the store."
                return self._refuse("not_found", said, moved.run_id)
            if run.history_length != moved.expected and (self._strict or not moved.states):
                return self._refuse("conflict", _conflict(run), run.id, run)
            if run.history_length != moved.expected and _is_there(run.state, moved.states[-1]):
                return None  # it was told before, strictly, and the answer was lost on its way
            if not _is_path(run.kind, run.state, moved.states):
                said = _illegal(run.kind, run.id, run.state, moved.states)
                return self._refuse("illegal_transition", said, run.id, run)
            for name, value in moved.written.items():
                setattr(run, name, value)
            if self._desk.transition(run, _enter(run, moved.states)):
                self._runs[run.id] = run
                return None

    def _log(self, logged: Logged) -> None:
        self._desk.append_logs(logged.records)

    def _dismiss(self, dismissed: Dismissed) -> None:
        self._desk.dismiss(dismissed.claim)

    def _release(self, released: Released) -> None:
        self._desk.release(released.ticket)

    def _keep(self, left: Left) -> None:
        try:
            self._desk.keep(left.artifact)
        except ObjectAlreadyExists as error:
            self._refuse("already_exists", str(error))

    def _pass_over(self, unreadable: Unreadable) -> None:
        self._refuse("unreadable", unreadable.why)


_DONE: Mapping[type, Any] = {
    Created: Clerk._create,
    Moved: Clerk._move,
    Logged: Clerk._log,
    Dismissed: Clerk._dismiss,
    Released: Clerk._release,
    Left: Clerk._keep,
    Unreadable: Clerk._pass_over,
}


def _is_there(standing: State | None, told: State) -> bool:
    return standing is not None and (standing.type, standing.name, standing.timestamp) == (
        told.type,
        told.name,
        told.timestamp,
    )


def _enter(run: Run, states: Sequence[State]) -> list[State]:
    return [run.enter(state, _moment(state, run)) for state in states]


def _moment(state: State, run: Run) -> datetime:
    return state.timestamp or run.created


def _is_path(kind: RunKind, before: State | None, states: Sequence[State]) -> bool:
    for state in states:
        if not allowed(before, state, kind):
            return False
        before = state
    return True


def _illegal(kind: RunKind, run_id: UUID, standing: State | None, states: Sequence[State]) -> str:
    told = ", ".join(state.name for state in states) or "no state at all"
    if standing is None:
        return f"The {kind} run {run_id} can't begin with {told}."
    return f"The {kind} run {run_id} is {standing.name}, and can't enter {told}."


def _conflict(run: Run) -> str:
    assert run.state is not None
    return f"The {run.kind} run {run.id} is {run.state.name} by now, which whoever moved it did not know."
