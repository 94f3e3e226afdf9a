"""The states of a run; which may follow which is in `transitions`.

A run is born PENDING (or SCHEDULED, if it is to begin later). From there it goes to RUNNING, and from RUNNING to one
of four ends: COMPLETED, FAILED, CRASHED or CANCELLED. On the way it may

* wait: for a retry (AwaitingRetry), a concurrency slot (AwaitingConcurrencySlot) or a date (Scheduled, Late): all
  SCHEDULED;
* run again: Retrying, from Running at once or from AwaitingRetry after its delay;
* stop for a person: PAUSED, and back;
* be asked to stop: CANCELLING, then CANCELLED;
* never begin, because an upstream run did not complete: NotReady, a PENDING state in which it stays.

FAILED is for what the user's function did (it raised, or returned a failure, or took too long); CRASHED is for what
happened to it from outside (a signal, an interrupt, a killed process); both may come before the body has run, when
parameters do not validate or a name can't be formed. An end is final, with two exceptions: a flow run that has ended
may be asked to run again, and is then AwaitingRetry; and a completed run may be rolled back, which is recorded as the
COMPLETED state RolledBack.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, ClassVar, NoReturn, Self, cast
from uuid import UUID

from headrace.core.awaiting import awaitable_too
from headrace.core.kept import NOT_KEPT, Kept
from headrace.core.models import Model
from headrace.core.state_details import NO_DETAILS, StateDetails, as_details, as_id, as_moment
from headrace.core.state_types import CA, CG, CO, CR, NAMES, PA, TERMINAL, F, P, R, S, StateType
from headrace.core.wording import kind_of
from headrace.exceptions import CancelledRun, CrashedRun, FailedRun, MissingResult, PausedRun, UnfinishedRun
from headrace.ids import state_id


class State(Model):
    """One state of one run; it can't be changed.

    `name` defaults to the usual one of its type, `timestamp` (made aware, UTC) and `scheduled_time` of a SCHEDULED
    state to now. `data` is what the run returned or raised. A run that enters the state gives it an id of its own, and
    a later time if need be. Two states are equal when all that they say is equal, whichever ids they have.
    """

    __slots__ = ("_id", "data", "message", "name", "state_details", "timestamp", "type")
    __match_args__ = ("type", "name", "timestamp", "message", "data", "state_details", "id")
    FIELDS = ("id", "type", "name", "timestamp", "message", "data", "state_details")
    DEFAULTS: ClassVar[Mapping[str, Any]] = {"message": None, "data": None}

    #: What time it is, and the next id, for states that users make. Whoever knows the world puts itself here.
    now: ClassVar[Callable[[], datetime | None]] = staticmethod(lambda: None)
    new_id: ClassVar[Callable[[], UUID | None]] = staticmethod(lambda: None)

    type: StateType
    name: str
    timestamp: datetime | None
    message: str | None
    data: Any
    state_details: StateDetails
    _id: UUID | tuple[UUID, int] | None

    def __init__(
        self,
        type: StateType | str,  # noqa: A002 - the field's name
        name: str | None = None,
        timestamp: datetime | str | None = None,
        message: str | None = None,
        data: Any = None,
        state_details: StateDetails | Mapping[str, Any] | None = None,
        id: UUID | str | None = None,  # noqa: A002 - the field's name
    ) -> None:
        type = StateType(type)  # noqa: A001
        at = as_moment(timestamp) if timestamp is not None else State.now()
        details = as_details(state_details)
        if type is S and details.scheduled_time is None:
            details = details._replace(scheduled_time=at)
        _type(self, type)
        _name(self, name or NAMES[type][0])
        _timestamp(self, at)
        _message(self, message)
        _data(self, data)
        _state_details(self, details)
        _id(self, as_id(id) if id is not None else State.new_id())

    @property
    def id(self) -> UUID | None:
        """The id of the state: of one that a run entered, its place in the run's history."""
        made_of = self._id
        return state_id(*made_of) if isinstance(made_of, tuple) else made_of

    @property
    def is_recorded(self) -> bool:
        """Whether a run has entered it: its details then say which."""
        details = self.state_details
        return details.flow_run_id is not None or details.task_run_id is not None

    def replace(self, **changes: Any) -> Self:
        """Return this state with some fields changed. Raises TypeError for a name that is no field."""
        return self.changed(changes)

    def changed(self, changes: Mapping[str, Any]) -> Self:
        """Do as `replace`, given a mapping."""
        unknown = [name for name in changes if name not in State.FIELDS]
        if unknown:
            raise TypeError(f"A state has no {unknown[0]!r}. It has: {', '.join(State.FIELDS)}.")
        given = {name: _READ[name](value) if name in _READ else value for name, value in changes.items()}
        kept = {name: getattr(self, name) for name in State.__match_args__[:-1] if name not in changes}
        changed = unstamped(**{"id": self._id, **kept, **given}, kind=type(self))
        return cast("Self", changed)

    def fresh_copy(self) -> Self:
        """Return a copy with another id, and the time that it is now."""
        return self.replace(id=State.new_id(), timestamp=State.now() or self.timestamp)

    def is_scheduled(self) -> bool:
        """Say whether the run waits for a moment, a retry or a slot."""
        return self.type is S

    def is_pending(self) -> bool:
        """Say whether the run has not begun."""
        return self.type is P

    def is_running(self) -> bool:
        """Say whether the user's function is being run."""
        return self.type is R

    def is_paused(self) -> bool:
        """Say whether the run waits for somebody to resume it."""
        return self.type is PA

    def is_cancelling(self) -> bool:
        """Say whether the run was asked to stop and has not yet."""
        return self.type is CG

    def is_completed(self) -> bool:
        """Say whether the run ended well."""
        return self.type is CO

    def is_failed(self) -> bool:
        """Say whether the user's function raised, returned a failure or timed out."""
        return self.type is F

    def is_crashed(self) -> bool:
        """Say whether the run was ended from outside."""
        return self.type is CR

    def is_cancelled(self) -> bool:
        """Say whether the run was cancelled."""
        return self.type is CA

    def is_final(self) -> bool:
        """Say whether nothing more will happen to the run."""
        return self.type in TERMINAL

    @awaitable_too
    def result(self, raise_on_failure: bool = True) -> Any:
        """Return what the run returned, or raise what it raised. May be awaited.

        Raises UnfinishedRun and PausedRun where there is no result yet, MissingResult where it was not kept, and where
        a completed state was made by hand without data. With `raise_on_failure=False` a failure's exception (or its
        data) is returned instead.
        """
        if self.type is PA:
            raise PausedRun("The run is paused; its result is known when it has been resumed and has ended.")
        if self.type not in TERMINAL:
            raise UnfinishedRun(f"The run is {self.name}, not finished; wait for it before asking for its result.")
        if self.type is not CO:
            if raise_on_failure:
                raise exception_of(self)
            return self.data if self.data is not None and type(self.data) is not Kept else exception_of(self)
        if self.data is None and not self.is_recorded:
            raise MissingResult("The state was made without data: write Completed(data=...) to give it a result.")
        return value_of(self)

    async def aresult(self, raise_on_failure: bool = True) -> Any:
        """Do as `result`, for async code; it waits for nothing."""
        return self.result(raise_on_failure)

    def __class_getitem__(cls, _: object) -> Any:
        # Users annotate with State[int]; what the data is can't be said here.
        return cls

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"A state can't be changed; make another one: state.replace({name}={value!r}).")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"A state can't be changed; make another one: state.replace({name}=None).")

    def __reduce__(self) -> Any:
        return unstamped, (*[getattr(self, name) for name in State.__match_args__[:-1]], self._id, type(self))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, State):
            return NotImplemented
        mine = (self.type, self.name, self.timestamp, self.message, self.state_details)
        return mine == (other.type, other.name, other.timestamp, other.message, other.state_details) and (
            self.data is other.data or bool(self.data == other.data)
        )

    def __hash__(self) -> int:
        return hash((self.type, self.name, self.timestamp, self.message))

    def __str__(self) -> str:
        return f"{self.name}({', '.join(self._described())})"

    def _described(self) -> Iterable[str]:
        if self.message:
            yield repr(self.message)
        if self.name.lower() != self.type.lower():
            yield f"type={self.type}"

    def __repr__(self) -> str:
        return f"{self.name}(message={self.message!r}, type={self.type}, result={self.data!r})"


# What `__setattr__` forbids, and quicker than `object.__setattr__`, which looks the slot up by its name.
_type, _name, _timestamp, _message, _data, _state_details, _id = (
    State.__dict__[name].__set__ for name in (*State.__match_args__[:-1], "_id")
)
_new = object.__new__


def unstamped(
    type: StateType,  # noqa: A002 - the field's name
    name: str | None = None,
    timestamp: datetime | None = None,
    message: str | None = None,
    data: Any = None,
    state_details: StateDetails = NO_DETAILS,
    id: UUID | tuple[UUID, int] | None = None,  # noqa: A002 - the field's name
    kind: type[State] = State,
) -> State:
    """Make a state as the engine does: of values that need no checks, with no time and no id until a run enters it.

    An `id` may be what it is made of: the run's, and the position in its history. Several states are made for each run,
    so this is written for speed.
    """
    made = _new(kind)
    _type(made, type)
    _name(made, name or NAMES[type][0])
    _timestamp(made, timestamp)
    _message(made, message)
    _data(made, data)
    _state_details(made, state_details)
    _id(made, id)
    return made


#: How a field is read that is to be changed.
_READ: Mapping[str, Callable[[Any], Any]] = {
    "type": StateType,
    "timestamp": lambda value: None if value is None else as_moment(value),
    "state_details": as_details,
    "id": lambda value: as_id(value) if isinstance(value, str) else value,
}


def value_of(completed: State) -> Any:
    """Return what a completed run gives to who waited for it. Raises MissingResult if that was not kept."""
    if completed.data is NOT_KEPT and completed.name == "RolledBack":
        raise MissingResult("The run was rolled back, and its result with it.")
    if completed.data is NOT_KEPT:
        raise MissingResult(
            "The run completed, but its result was not kept: it was in the memory of the process that ran it. To have "
            "results read elsewhere or later, run the task or flow with persist_result=True."
        )
    return completed.data.load() if type(completed.data) is Kept else completed.data


def is_state_iterable(value: object) -> bool:
    """Say whether this is a non-empty list, tuple or set of states and nothing else."""
    return isinstance(value, list | tuple | set) and bool(value) and all(isinstance(item, State) for item in value)


def exception_of(state: State) -> BaseException:
    """Return the exception that an unsuccessful state stands for.

    Its data decides: an exception is returned as it is, a string becomes the message, a state is asked in turn, and of
    several states the first that did not succeed. Without data the state's own message is used, and where an exception
    that was kept can't be read.
    Raises ValueError for a state that is not unsuccessful, TypeError for data of any other kind.
    """
    if state.type not in _EXCEPTION_OF_TYPE:
        raise ValueError(f"Only a failed, crashed or cancelled state stands for an exception, not {state}.")
    wrapper = _EXCEPTION_OF_TYPE[state.type]
    data = _loaded(state.data)
    if data is None or data is NOT_KEPT:
        return wrapper(state.message or _DEFAULT_MESSAGE[state.type])
    if isinstance(data, BaseException):
        return data
    if isinstance(data, str):
        return wrapper(data)
    if isinstance(data, State):
        return _first_exception([data], state)
    if is_state_iterable(data):
        return _first_exception(data, state)
    raise TypeError(f"The data of {state} is {kind_of(data)}, which stands for no exception: {data!r}")


def _loaded(data: Any) -> Any:
    if type(data) is not Kept:
        return data
    try:
        return data.load()
    except MissingResult:
        return None


def _first_exception(children: Collection[State], parent: State) -> BaseException:
    """Return the exception of the first that did not succeed; of the parent's own message where all did or go on."""
    for child in children:
        if child.type in _EXCEPTION_OF_TYPE:
            return exception_of(child)
    for child in children:
        if child.type is PA:
            return PausedRun("The run is paused; its result is known when it has been resumed and has ended.")
        if not child.is_final():
            return UnfinishedRun(f"The run is {child.name}, not finished; wait for it before asking for its result.")
    return exception_of(parent.replace(data=None))


_EXCEPTION_OF_TYPE: Mapping[StateType, type[Exception]] = {F: FailedRun, CR: CrashedRun, CA: CancelledRun}
_DEFAULT_MESSAGE: Mapping[StateType, str] = {F: "Run failed.", CR: "Run crashed.", CA: "Run cancelled."}
