"""Finding the schedule under which a test fails."""

from __future__ import annotations

import threading

import pytest

from headrace import flow, get_run_logger, task
from headrace.exceptions import DeadlockError
from headrace.testing import Hold, ScheduleFailure, explore, simulate


class Account:
    """A balance that is read in one step and written in another."""

    def __init__(self) -> None:
        self.balance = 0


@task(task_run_name="deposit-{amount}")
def deposit(account, amount):
    before = account.balance
    get_run_logger().info("had %s", before)
    account.balance = before + amount


@task(task_run_name="audit")
def audit(account):
    return account.balance


def deposits_add_up():
    @flow
    def deposits():
        account = Account()
        futures = [deposit.submit(account, amount) for amount in (1, 2)]
        for future in futures:
            future.result()
        return account.balance

    assert deposits() == 3


def the_audit_comes_last():
    """It does when everybody is first come, first served."""

    @flow
    def audited():
        account = Account()
        futures = [deposit.submit(account, 1), audit.submit(account)]
        return futures[1].result()

    assert audited() == 1


def locks_are_taken_in_order():
    @task(task_run_name="{name}")
    def taking(name, one, other):
        with one, other:
            pass

    @flow
    def crossing():
        first, second = threading.Lock(), threading.Lock()
        futures = [taking.submit("a", first, second), taking.submit("b", second, first)]
        for future in futures:
            future.result()

    crossing()


def test_a_lost_update_is_found_and_told_in_a_sentence():
    """First come, first served does not show it."""
    with simulate():
        deposits_add_up()
    with pytest.raises(ScheduleFailure) as caught:
        explore(deposits_add_up)
    failure = caught.value
    assert len(failure.schedule) == 1
    assert failure.schedule[0].participant == "deposit-1"
    assert failure.sentence.startswith("fails only when `deposit-1` is held before its ")
    assert failure.sentence in str(failure)
    assert "assert 1 == 3" in str(failure.__cause__) or "assert 2 == 3" in str(failure.__cause__)


def test_the_program_repeats_the_failure():
    """As it stands in the message."""
    with pytest.raises(ScheduleFailure) as caught:
        explore(the_audit_comes_last)
    assert f"from {__name__} import the_audit_comes_last" in caught.value.program
    assert "until `audit` is " in caught.value.sentence
    namespace = {}
    with pytest.raises(AssertionError, match="assert 0 == 1"):
        exec(caught.value.program, namespace)


def test_a_hold_is_no_longer_than_it_must_be():
    """One step less, and the test passes."""
    with pytest.raises(ScheduleFailure) as caught:
        explore(the_audit_comes_last)
    (hold,) = caught.value.schedule
    with simulate(schedule=Hold(hold.participant, hold.step, max(hold.for_steps - 1, 1))):
        if hold.for_steps > 1:
            the_audit_comes_last()


def test_a_deadlock_that_needs_a_certain_order_is_found():
    """Each takes its first lock before either takes its second."""
    with simulate():
        locks_are_taken_in_order()
    with pytest.raises(ScheduleFailure) as caught:
        explore(locks_are_taken_in_order)
    assert isinstance(caught.value.__cause__, DeadlockError)


def test_what_does_not_fail_is_explored_to_the_end():
    """And it is told how much was tried."""

    def each_to_its_own(simulation):
        accounts = [Account(), Account()]

        @flow
        def deposits():
            for future in [deposit.submit(account, 1) for account in accounts]:
                future.result()

        deposits()
        assert [account.balance for account in accounts] == [1, 1]
        assert len(simulation.runs.tasks("deposit")) == 2

    explored = explore(each_to_its_own, schedules=50)
    assert explored.schedules == 50
    assert explored.orders > 1


async def fails_always():
    """Fail."""
    raise ValueError("always")


def test_what_fails_in_any_order_says_so():
    """No hold is blamed for it."""

    with pytest.raises(ScheduleFailure, match="first come, first served is enough") as caught:
        explore(fails_always)
    assert caught.value.schedule == ()
    assert caught.value.tried == 1
    assert "asyncio.run(fails_always())" in caught.value.program


@pytest.mark.parametrize("schedules", [0, -1, True, "many"])
def test_a_wrong_number_of_schedules_is_refused(schedules):
    """With what was given."""
    with pytest.raises(ValueError, match="at least one schedule"):
        explore(deposits_add_up, schedules=schedules)


def test_a_program_says_what_it_can_not_name():
    """A function in a function, or without a name: its call would be no Python."""

    def fails():
        raise AssertionError

    for test in (fails, lambda: fails()):
        with pytest.raises(ScheduleFailure) as caught:
            explore(test, schedules=1)
        compile(caught.value.program, "program", "exec")
        assert "...  # what test_a_program_says_what_it_can_not_name." in caught.value.program


def test_nobody_is_interrupted_where_the_engine_takes_a_lock():
    """It may hold another, which somebody else waits for: a wait that no schedule knows of."""
    steps = []
    with simulate(schedule=[]) as simulation:
        simulation.clock.turns.on_step = lambda actor, what: steps.append(what)
        deposits_add_up()
    assert "deposit-1 Completed" in steps
    assert "takes a lock" not in steps
