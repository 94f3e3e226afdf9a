"""From what a function returned to the final state, and back to what a plain call gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.core.final import (
    Settled,
    crashed,
    failed,
    first_failure,
    plain,
    plain_result,
    state_of_return,
    timed_out,
)
from headrace.core.kept import NOT_KEPT
from headrace.core.state_details import StateDetails
from headrace.core.state_types import StateType
from headrace.core.states import State
from headrace.exceptions import CancelledRun, CrashedRun, FailedRun, MissingResult, PausedRun, UnfinishedRun

BOOM = ValueError("boom")


@dataclass(eq=False)
class Future:
    """What stands for a run elsewhere: here, only its final state."""

    state: State


class Pair(NamedTuple):
    """A tuple with a name of its own."""

    first: Any
    second: Any


def settled(value: object) -> State | None:
    return value.state if isinstance(value, Future) else None


def made(type_: StateType, data: Any = None, message: str | None = None) -> State:
    """Return a state as the engine records it: of a run."""
    return State(type_, message=message, data=data, state_details=StateDetails(task_run_id=UUID(int=1)))


OK = made(StateType.COMPLETED, 1)
BAD = made(StateType.FAILED, BOOM)
GONE = made(StateType.CANCELLED)
CRASHED = made(StateType.CRASHED, message="killed")
PAUSED = made(StateType.PAUSED)
NOT_READY = made(StateType.PENDING, message="Upstream task run 'a' did not reach a 'COMPLETED' state.")


class TestStatesOfTheUsers:
    @pytest.mark.parametrize("type_", [StateType.COMPLETED, StateType.FAILED, StateType.CRASHED, StateType.CANCELLED])
    def test_a_final_state_is_used_as_it_is(self, type_: StateType) -> None:
        """The user decides, and the state is the very same object."""
        state = State(type_, name="Mine", message="because", data=3)
        assert state_of_return(state, settled) is state

    @pytest.mark.parametrize("type_", [t for t in StateType if not State(t).is_final()])
    def test_a_state_that_is_no_end_fails_the_run(self, type_: StateType) -> None:
        """A TypeError, recorded as the data of a Failed state, tells what to return instead."""
        final = state_of_return(State(type_), settled, kind="task")
        assert final.is_failed()
        assert isinstance(final.data, TypeError)
        assert "Return a final state" in (final.message or "")
        assert (final.message or "").startswith("Task run encountered an exception: TypeError: The task returned")


class TestAggregates:
    @pytest.mark.parametrize(
        ("returned", "type_", "message"),
        [
            ([OK], StateType.COMPLETED, "All states completed."),
            ((OK, OK), StateType.COMPLETED, "All states completed."),
            ([OK, BAD], StateType.FAILED, "1/2 states failed."),
            ([OK, BAD, CRASHED], StateType.FAILED, "2/3 states failed."),
            ([OK, BAD, GONE], StateType.CANCELLED, "1/3 states cancelled."),
            ([GONE, PAUSED], StateType.CANCELLED, "1/2 states cancelled."),
            ([BAD, PAUSED], StateType.PAUSED, "1/2 states paused."),
            ([OK, NOT_READY], StateType.FAILED, "1/2 states are not final."),
            ([State(StateType.COMPLETED), State(StateType.FAILED)], StateType.FAILED, "1/2 states failed."),
            ([OK, State(StateType.FAILED)], StateType.FAILED, "1/2 states failed."),
        ],
    )
    def test_a_collection_of_states_is_summed_up(self, returned: Any, type_: StateType, message: str) -> None:
        """Cancelled goes before paused, paused before failed; whose states they are makes no difference."""
        final = state_of_return(returned, settled)
        assert (final.type, final.message) == (type_, message)
        assert final.data == returned

    @pytest.mark.parametrize(
        ("state", "type_", "message"),
        [
            (OK, StateType.COMPLETED, "All states completed."),
            (BAD, StateType.FAILED, "1/1 states failed."),
            (GONE, StateType.CANCELLED, "1/1 states cancelled."),
            (NOT_READY, StateType.FAILED, "1/1 states are not final."),
        ],
    )
    def test_one_state_or_future_of_a_run_is_summed_up_too(self, state: State, type_: StateType, message: str) -> None:
        """The data is the state itself, whether it was returned or its future was."""
        for returned in (state, Future(state)):
            final = state_of_return(returned, settled)
            assert (final.type, final.message) == (type_, message)
            assert final.data is state

    def test_states_and_futures_may_be_mixed_in_a_set(self) -> None:
        """Only what they hold counts."""
        final = state_of_return({Future(OK), BAD}, settled)
        assert final.message == "1/2 states failed."
        assert {state.type for state in final.data} == {StateType.COMPLETED, StateType.FAILED}

    @pytest.mark.parametrize("returned", [[Future(OK)], (Future(OK), OK), {Future(OK)}, Pair(Future(OK), OK)])
    def test_what_was_returned_keeps_its_kind(self, returned: Any) -> None:
        """A tuple of futures is a tuple of states, and to the caller a tuple of results."""
        final = state_of_return(returned, settled)
        assert type(final.data) is type(returned)
        value = plain_result(final, settled)
        assert type(value) is type(returned)
        assert set(value) == {1}

    def test_who_made_a_state_can_be_told_otherwise(self) -> None:
        """The engine may know better than by the id."""
        final = state_of_return(State(StateType.FAILED), settled, lambda state: True)
        assert final.message == "1/1 states failed."


class TestValues:
    @pytest.mark.parametrize(
        "value", [None, 0, "", [], (), {}, set(), [1, OK], [OK, None], {"a": OK}, object(), "text"]
    )
    def test_anything_else_completes_with_that_data(self, value: object) -> None:
        """Empty collections, mixtures and dicts of states included; the data is the very same object."""
        final = state_of_return(value, settled)
        assert (final.type, final.message) == (StateType.COMPLETED, None)
        assert final.data is value

    @given(st.recursive(st.none() | st.integers() | st.text(), lambda c: st.lists(c) | st.dictionaries(st.text(), c)))
    def test_a_plain_value_comes_back_as_the_very_same_object(self, value: Any) -> None:
        """Whoever calls a flow gets what its function returned."""
        assert plain_result(state_of_return(value, settled), settled) is value

    def test_no_state_made_here_has_a_timestamp(self) -> None:
        """They get one when they are recorded."""
        for final in (
            state_of_return(1, settled),
            state_of_return([OK], settled),
            failed(BOOM, "flow"),
            crashed(BOOM),
        ):
            assert final.timestamp is None
            assert final.id is None


class TestPlainResults:
    def test_futures_and_states_are_replaced_by_their_results(self) -> None:
        """At any depth, in values and in keys."""
        value = {"a": [Future(OK), 2], "b": (OK,), "c": "d"}
        assert plain(value, settled) == {"a": [1, 2], "b": (1,), "c": "d"}

    def test_results_that_hold_futures_are_replaced_in_turn(self) -> None:
        """A run that returned a future gives that future's result."""
        nested = Future(made(StateType.COMPLETED, [Future(OK)]))
        assert plain(nested, settled) == [1]

    @pytest.mark.parametrize("returned", [BAD, Future(BAD), [OK, BAD], [Future(OK), Future(BAD)], {"a": BAD}])
    def test_the_first_failure_is_raised(self, returned: object) -> None:
        """The very exception, wherever it is."""
        with pytest.raises(ValueError, match="boom") as caught:
            plain_result(state_of_return(returned, settled), settled)
        assert caught.value is BOOM

    @pytest.mark.parametrize(
        ("returned", "error", "match"),
        [
            (State(StateType.FAILED, message="no luck"), FailedRun, "no luck"),
            (State(StateType.FAILED), FailedRun, "Run failed."),
            (State(StateType.FAILED, data="text"), FailedRun, "text"),
            (State(StateType.CRASHED), CrashedRun, "Run crashed."),
            ([OK, CRASHED, BAD], CrashedRun, "killed"),
            ([OK, GONE], CancelledRun, "Run cancelled."),
            ([OK, PAUSED], PausedRun, "paused"),
            ([OK, NOT_READY], UnfinishedRun, "NotReady|Pending, not finished: Upstream task run 'a'"),
            (NOT_READY, UnfinishedRun, "Upstream task run 'a' did not reach"),
            (made(StateType.COMPLETED, NOT_KEPT), MissingResult, "not kept"),
            (State(StateType.FAILED, data=42), TypeError, "stands for no exception"),
        ],
    )
    def test_each_way_not_to_complete_has_its_error(self, returned: object, error: type[Exception], match: str) -> None:
        """What the states say is what the caller reads."""
        with pytest.raises(error, match=match):
            plain_result(state_of_return(returned, settled), settled)

    def test_the_failure_that_was_first_is_found_through_aggregates(self) -> None:
        """A flow that summed up a flow that summed up."""
        inner = made(StateType.FAILED, [OK, BAD])
        assert first_failure(made(StateType.FAILED, (OK, inner))) is BOOM

    def test_a_completed_run_among_failures_hides_nothing(self) -> None:
        """A failed state whose data holds only good states speaks for itself."""
        state = State(StateType.FAILED, message="I say so", data=OK)
        with pytest.raises(FailedRun, match="I say so"):
            plain_result(state, settled)


class TestFailures:
    def test_a_raised_exception_fails_the_run(self) -> None:
        """The exception is the data."""
        state = failed(BOOM, "task")
        assert str(state) == "Failed('Task run encountered an exception: ValueError: boom')"
        assert state.data is BOOM

    def test_an_interrupt_crashes_the_run(self) -> None:
        """With a message that says what happened."""
        state = crashed(KeyboardInterrupt())
        assert str(state) == "Crashed('Execution was aborted by an interrupt signal.')"

    def test_a_time_out_says_after_how_long(self) -> None:
        """One of the user's own is told as the exception that it is."""
        state = timed_out(TimeoutError(), "flow", 0.2)
        assert str(state) == "TimedOut('Flow run exceeded timeout of 0.2 second(s)', type=FAILED)"
        own = timed_out(TimeoutError("mine"), "flow", None)
        assert own.message == "Flow run encountered an exception: TimeoutError: mine"


def test_the_callback_has_the_type_that_the_engine_gives() -> None:
    """`Settled` is what `settled` is: checked by mypy, kept by this line."""
    callback: Settled = settled
    assert callback(1) is None
