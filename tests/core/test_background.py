"""What whoever claims a run makes of the state that it is in."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from headrace.core.background import end_of_claimed, has_ended, seconds_to_look_again, seconds_to_wait
from headrace.core.records import TaskRun
from headrace.core.state_details import StateDetails
from headrace.core.state_types import StateType
from headrace.core.states import unstamped

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(seconds=30)


def run(*states: tuple[StateType, str]) -> TaskRun:
    """Return a run that has entered these states; AwaitingRetry is until half a minute later."""
    made = TaskRun(id=UUID(int=1), name="r", created=NOW, task_name="t", task_key="t-1")
    for type_, name in states:
        details = StateDetails(scheduled_time=LATER if name == "AwaitingRetry" else NOW)
        made.enter(unstamped(type_, name, state_details=details), NOW)
    return made


S, P, R = StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING
BEGUN = [(S, "Scheduled"), (P, "Pending"), (R, "Running")]


@pytest.mark.parametrize(
    ("states", "end"),
    [
        (BEGUN[:1], None),
        (BEGUN[:2], None),
        ([*BEGUN[:2], (S, "AwaitingConcurrencySlot")], None),
        (BEGUN, StateType.CRASHED),
        ([*BEGUN, (S, "AwaitingRetry")], None),
        ([*BEGUN, (S, "AwaitingRetry"), (R, "Retrying")], StateType.CRASHED),
        ([*BEGUN[:1], (StateType.CANCELLING, "Cancelling")], StateType.CANCELLED),
        ([*BEGUN, (StateType.CANCELLING, "Cancelling")], StateType.CANCELLED),
    ],
)
def test_only_what_was_at_work_is_lost(states: list[tuple[StateType, str]], end: StateType | None) -> None:
    """All else goes on from where it is."""
    found = end_of_claimed(run(*states))
    assert (found.type if found is not None else None) is end


def test_a_run_waits_for_its_retry_and_for_nothing_else() -> None:
    """The moment at which it was scheduled first has come already."""
    assert seconds_to_wait(run(*BEGUN, (S, "AwaitingRetry")), NOW) == 30
    assert seconds_to_wait(run(*BEGUN, (S, "AwaitingRetry")), LATER) == 0
    assert seconds_to_wait(run(*BEGUN[:1]), NOW - timedelta(seconds=5)) == 0


def test_a_run_that_will_never_begin_has_ended() -> None:
    """NotReady is no final state, but nothing follows it."""
    assert has_ended(unstamped(P, "NotReady"))
    assert has_ended(unstamped(StateType.COMPLETED))
    assert not has_ended(unstamped(P))


@pytest.mark.parametrize(
    ("retry_at", "poll", "seconds"),
    [(None, None, None), (None, 0.1, 0.1), (LATER, None, 30), (LATER, 0.1, 0.1), (NOW - timedelta(1), 0.1, 0)],
)
def test_a_store_is_looked_at_again_when_something_may_have_changed(
    retry_at: datetime | None, poll: float | None, seconds: float | None
) -> None:
    """A lease has run out, or another process may have written."""
    assert seconds_to_look_again(retry_at, NOW, poll) == seconds
