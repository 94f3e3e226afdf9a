"""The table of transitions: what every story, store and page relies on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.core.looks import LOOKS
from headrace.core.state_details import StateDetails
from headrace.core.state_types import NAMES, TERMINAL, TYPE_OF_NAME, StateType
from headrace.core.states import State
from headrace.core.transitions import TRANSITIONS, allowed

types = st.sampled_from(StateType)
names = st.sampled_from([(type_, name) for type_, listed in NAMES.items() for name in listed])


def test_every_type_has_a_row_and_a_usual_name() -> None:
    """Nothing is left undecided."""
    assert set(TRANSITIONS) == {None, *StateType}
    assert set(NAMES) == set(StateType)
    assert all(State(type_).name == NAMES[type_][0] for type_ in StateType)


def test_a_name_belongs_to_one_type() -> None:
    """So a state can be told by its name."""
    assert len(TYPE_OF_NAME) == sum(len(listed) for listed in NAMES.values())


def test_the_ends_are_those_that_semantics_names() -> None:
    """Four, and `is_final` says so."""
    assert {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"} == TERMINAL
    assert all(State(type_).is_final() == (type_ in TERMINAL) for type_ in StateType)


def test_a_run_begins_pending_or_scheduled() -> None:
    """And in no other way."""
    assert {type_ for type_ in StateType if allowed(None, State(type_), "flow")} == {
        StateType.PENDING,
        StateType.SCHEDULED,
    }


@given(names, names)
def test_nothing_follows_an_end_but_a_retry_of_a_flow_run_and_a_roll_back(
    before: tuple[StateType, str], after: tuple[StateType, str]
) -> None:
    """Whoever ended may be run again, if it is a flow run; what completed may be rolled back, once."""
    old, new = State(*before), State(*after)
    if old.is_final():
        rolled_back = old.is_completed() and new.name == "RolledBack" and old.name != "RolledBack"
        assert allowed(old, new, "task") == rolled_back
        assert allowed(old, new, "flow") == rolled_back
        asked = new.replace(state_details=StateDetails(retriable=True))
        assert allowed(old, asked, "task") == rolled_back
        assert allowed(old, asked, "flow") == (rolled_back or new.name == "AwaitingRetry")


@pytest.mark.parametrize("type_", [type_ for type_ in StateType if type_ not in TERMINAL])
def test_every_state_that_is_no_end_can_reach_every_end(type_: StateType) -> None:
    """A run can complete, fail, crash or be cancelled from wherever it is."""
    assert TRANSITIONS[type_] >= TERMINAL


def test_every_type_can_be_reached_from_the_beginning() -> None:
    """No row of the table is dead."""
    reached: set[StateType] = set()
    frontier = set(TRANSITIONS[None])
    while frontier:
        reached |= frontier
        frontier = {after for type_ in frontier for after in TRANSITIONS[type_]} - reached
    assert reached == set(StateType)


def test_a_run_that_is_asked_to_stop_only_stops() -> None:
    """It is neither retried nor paused."""
    assert TRANSITIONS[StateType.CANCELLING] == TERMINAL


@pytest.mark.parametrize(
    "history",
    [
        ["Pending", "Running", "Completed"],
        ["Pending", "Running", "AwaitingRetry", "Retrying", "AwaitingRetry", "Retrying", "Completed"],
        ["Pending", "Running", "Retrying", "Retrying", "Failed"],
        ["Pending", "Running", "TimedOut"],
        ["Pending", "Running", "Crashed"],
        ["Pending", "Running", "Completed", "RolledBack"],
        ["Pending", "Running", "Cancelling", "Cancelled"],
        ["Pending", "Cached", "RolledBack"],
        ["Pending", "Cancelled"],
        ["Pending", "Failed"],
        ["Pending", "NotReady"],
        ["Pending", "AwaitingConcurrencySlot", "Running", "Completed"],
        ["Pending", "Running", "Failed", "AwaitingRetry", "Retrying", "Completed"],
        ["Scheduled", "Late", "Pending", "Running", "Paused", "Resuming", "Running", "Completed"],
    ],
    ids=" ".join,
)
def test_the_histories_of_semantics_are_legal(history: list[str]) -> None:
    """Each line of the table of what is recorded."""
    before = None
    for name in history:
        after = State(TYPE_OF_NAME[name], name, state_details=StateDetails(retriable=True))
        assert allowed(before, after, "flow"), f"{before} -> {after}"
        before = after


@given(types)
def test_a_state_can_be_made_from_the_name_of_its_type(type_: StateType) -> None:
    """Stores and the API give strings."""
    assert State(type_.value).type is type_  # type: ignore[arg-type]


def test_every_type_of_state_has_a_look() -> None:
    """A sign, a style and a colour of its own; only what is asked to stop looks like what was stopped."""
    assert set(LOOKS) == set(StateType)
    alike = {StateType.CANCELLING, StateType.CANCELLED}
    assert LOOKS[StateType.CANCELLING] == LOOKS[StateType.CANCELLED]
    assert len(set(LOOKS.values())) == len(LOOKS) - 1
    for part in zip(*(look for type_, look in LOOKS.items() if type_ not in alike), strict=True):
        assert len(set(part)) == len(part)
