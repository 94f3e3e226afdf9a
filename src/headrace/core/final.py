"""How a run ends: from what its function returned or raised to its final state, and back to a value.

What is returned decides. A state that the user made is taken at its word; states and futures that came from
runs are summed up; anything else is a value. A raised exception is a failure; one that is no Exception is a
crash.

States that are made here have no timestamp: they get one when they are recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from headrace.core import messages
from headrace.core.messages import Kind
from headrace.core.state_types import StateType
from headrace.core.states import State, exception_of, is_state_iterable, unstamped, value_of
from headrace.core.walk import SCALARS, rebuilt, walk
from headrace.exceptions import CancelRequested, PausedRun, TimeIsUp, UnfinishedRun

#: Given anything: the final state of the run, if it is a future (its run has ended by then); else None.
Settled = Callable[[object], "State | None"]


def engine_made(state: State) -> bool:
    """Say whether a state was recorded for a run: not made by hand."""
    return state.is_recorded


def state_of_return(
    value: object,
    settled: Settled,
    made_by_engine: Callable[[State], bool] = engine_made,
    kind: Kind = "flow",
) -> State:
    """Return the final state of a run whose function returned this value."""
    if type(value) in SCALARS:
        return unstamped(StateType.COMPLETED, data=value)
    if isinstance(value, State) and not made_by_engine(value):
        return value if value.is_final() else _not_an_end(value, kind)
    single = _state_in(value, settled)
    if single is not None:
        return aggregate([single], data=single)
    states = _all_states(value, settled)
    if states:
        return aggregate(states, data=rebuilt(value, states))
    return unstamped(StateType.COMPLETED, data=value)


def aggregate(states: list[State], data: object) -> State:
    """Sum up states: completed if all are, else cancelled or paused if any is, else failed."""
    total = len(states)
    if all(state.is_completed() for state in states):
        return unstamped(StateType.COMPLETED, message="All states completed.", data=data)
    for type_, word in _ANY:
        count = sum(state.type is type_ for state in states)
        if count:
            return unstamped(type_, message=f"{count}/{total} states {word}.", data=data)
    unfinished = sum(not state.is_final() for state in states)
    if unfinished:
        return unstamped(StateType.FAILED, message=f"{unfinished}/{total} states are not final.", data=data)
    count = sum(not state.is_completed() for state in states)
    return unstamped(StateType.FAILED, message=f"{count}/{total} states failed.", data=data)


_ANY = ((StateType.CANCELLED, "cancelled"), (StateType.PAUSED, "paused"))


def failed(exc: BaseException, kind: Kind) -> State:
    """Return the state of a run whose function raised."""
    return unstamped(StateType.FAILED, message=messages.encountered(kind, exc), data=exc)


def crashed(exc: BaseException) -> State:
    """Return the state of a run that was ended from outside; where the time of another was up, by that one's error."""
    exc = exc.error if isinstance(exc, TimeIsUp) else exc
    return unstamped(StateType.CRASHED, message=messages.crash_message(exc), data=exc)


def ended_from_outside(reason: BaseException) -> State:
    """Return the state of a run that this ended: cancelled where somebody asked for that, else crashed."""
    if isinstance(reason, CancelRequested):
        return unstamped(StateType.CANCELLED, message=messages.cancelled_by_request)
    return crashed(reason)


def timed_out(exc: BaseException, kind: Kind, seconds: float | None) -> State:
    """Return the state of a run that took too long; `seconds` None: user code raised the TimeoutError."""
    message = messages.encountered(kind, exc) if seconds is None else messages.exceeded(kind, seconds)
    return unstamped(StateType.FAILED, "TimedOut", message=message, data=exc)


def plain_result(state: State, settled: Settled) -> Any:
    """Return what a plain call gives whose run ended in this state, or raise the first failure."""
    while state.is_completed():  # one after another: of runs that returned each other's futures there may be many
        value = value_of(state)
        inner = _state_in(value, settled)
        if inner is None:
            return plain(value, settled)
        state = inner
    raise first_failure(state)


def plain(value: Any, settled: Settled) -> Any:
    """Return the value with futures and states inside replaced by their results; raise the first failure."""
    if type(value) in SCALARS:
        return value

    def resolve(leaf: Any) -> Any:
        inner = _state_in(leaf, settled)
        return leaf if inner is None else plain_result(inner, settled)

    return walk(value, resolve, unwrap=False)


def first_failure(state: State) -> BaseException:
    """Return the exception of a run that did not complete: its own, or that of the first run it sums up."""
    data = state.data
    children: Iterable[Any] = data if isinstance(data, list | tuple | set) else (data,)
    for child in children:
        if isinstance(child, State) and not child.is_completed():
            return first_failure(child)
    if state.is_final():
        only_good = isinstance(data, State) or is_state_iterable(data)
        return exception_of(state.replace(data=None) if only_good else state)
    if state.is_paused():
        return PausedRun("The run is paused; its result is known when it has been resumed and has ended.")
    reason = f": {state.message}" if state.message else "; wait for it before asking for its result."
    return UnfinishedRun(f"The run is {state.name}, not finished{reason}")


def _state_in(value: Any, settled: Settled) -> State | None:
    return value if isinstance(value, State) else settled(value)


def _all_states(value: object, settled: Settled) -> list[State] | None:
    """Return the states of a list, tuple or set that holds nothing but states and futures; else None."""
    if not isinstance(value, list | tuple | set):
        return None
    states = []
    for item in value:
        state = None if type(item) in SCALARS else _state_in(item, settled)
        if state is None:
            return None
        states.append(state)
    return states


def _not_an_end(state: State, kind: Kind) -> State:
    error = TypeError(messages.returned_unfinished(kind, state))
    return unstamped(StateType.FAILED, message=messages.encountered(kind, error), data=error)
