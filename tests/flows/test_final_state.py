"""How a run ends: of what its function returned or raised."""

import asyncio
from typing import Any

import pytest

from headrace import State, flow, task
from headrace.exceptions import CancelledRun, CrashedRun, FailedRun, PausedRun, UnfinishedRun
from headrace.states import Cancelled, Completed, Crashed, Failed, Paused, Pending, Running, StateType
from headrace.store.protocol import Store
from headrace.utilities.annotations import quote


@task
def one() -> int:
    return 1


@task
def boom() -> int:
    raise ValueError("boom")


def ended(decorate: Any, is_async: bool, value: Any) -> Any:
    """Return the state of a run whose function returns this."""

    def sync_fn() -> Any:
        return value

    async def async_fn() -> Any:
        return value

    if is_async:
        return asyncio.run(decorate(async_fn)(return_state=True))
    return decorate(sync_fn)(return_state=True)


both = pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
kinds = pytest.mark.parametrize("decorate", [flow, task], ids=["flow", "task"])


@both
@kinds
@pytest.mark.parametrize("value", [None, 0, "", [], {}, (), "text", [1, 2], {"a": 1}, ValueError("returned")], ids=repr)
def test_a_value_completes_the_run(decorate: Any, is_async: bool, value: Any) -> None:
    """With it as the result."""
    state = ended(decorate, is_async, value)
    assert state.is_completed()
    assert state.result() is value
    assert state.message is None


@both
@kinds
@pytest.mark.parametrize(
    "given",
    [
        Completed(message="mine", data=3),
        Failed(message="mine"),
        Crashed(message="mine"),
        Cancelled(message="mine"),
        Completed(name="Happy"),
    ],
    ids=str,
)
def test_a_state_of_the_users_is_used_as_it_is(decorate: Any, is_async: bool, given: State) -> None:
    """Type, name, message and data."""
    state = ended(decorate, is_async, given)
    assert (state.type, state.name, state.message, state.data) == (
        given.type,
        given.name,
        given.message,
        given.data,
    )


@both
@kinds
@pytest.mark.parametrize("make", [Pending, Running, Paused])
def test_a_state_of_the_users_that_is_no_end_fails_the_run(decorate: Any, is_async: bool, make: Any) -> None:
    """TypeError, and no endless loop."""
    state = ended(decorate, is_async, make())
    assert state.is_failed()
    assert isinstance(state.result(raise_on_failure=False), TypeError)


@pytest.mark.parametrize(
    ("given", "error"),
    [(Failed(message="x"), FailedRun), (Crashed(message="x"), CrashedRun), (Cancelled(message="x"), CancelledRun)],
)
@both
def test_a_plain_call_raises_what_an_unsuccessful_state_stands_for(
    given: State, error: type[Exception], is_async: bool
) -> None:
    """The flow returned it; its caller hears of it."""

    @flow
    def sync_flow() -> Any:
        return given

    @flow
    async def async_flow() -> Any:
        return given

    with pytest.raises(error, match="x"):
        asyncio.run(async_flow()) if is_async else sync_flow()


def test_a_returned_exception_is_a_value() -> None:
    """It was not raised."""

    @flow
    def my_flow() -> Any:
        return ValueError("returned")

    assert isinstance(my_flow(), ValueError)


@pytest.mark.parametrize("collection", [list, tuple])
def test_futures_and_states_alone_are_summed_up(collection: Any) -> None:
    """All completed: the data is the states."""

    @flow
    def my_flow() -> Any:
        return collection([one.submit(), one(return_state=True)])

    state = my_flow(return_state=True)
    assert (state.type, state.message) == (StateType.COMPLETED, "All states completed.")
    assert [inner.result() for inner in state.data] == [1, 1]
    assert my_flow() == collection([1, 1])


def test_a_set_of_states_is_summed_up() -> None:
    """As a list is."""

    @flow
    def my_flow() -> Any:
        return {one(return_state=True), boom(return_state=True)}

    assert my_flow(return_state=True).message == "1/2 states failed."


@both
def test_one_future_decides(is_async: bool) -> None:
    """Completed with its result, or failed with its error."""

    @flow
    def sync_flow(fail: bool) -> Any:
        return (boom if fail else one).submit()

    @flow
    async def async_flow(fail: bool) -> Any:
        return (boom if fail else one).submit()

    def called(fail: bool, **more: Any) -> Any:
        return asyncio.run(async_flow(fail, **more)) if is_async else sync_flow(fail, **more)

    assert called(False) == 1
    assert called(False, return_state=True).message == "All states completed."
    state = called(True, return_state=True)
    assert (state.type, state.message) == (StateType.FAILED, "1/1 states failed.")
    with pytest.raises(ValueError, match="boom"):
        called(True)


def test_one_failure_fails_all() -> None:
    """The message counts, and a plain call raises the first."""

    @flow
    def my_flow() -> Any:
        return [one.submit(), boom.submit(), boom.submit()]

    state = my_flow(return_state=True)
    assert (state.type, state.message) == (StateType.FAILED, "2/3 states failed.")
    with pytest.raises(ValueError, match="boom"):
        my_flow()
    with pytest.raises(ValueError, match="boom"):
        state.result()
    assert [inner.type for inner in state.result(raise_on_failure=False)] == ["COMPLETED", "FAILED", "FAILED"]


def test_a_cancelled_run_among_them_cancels() -> None:
    """Before failures."""

    @task
    def cancelled() -> Any:
        return Cancelled()

    @flow
    def my_flow() -> Any:
        return [one.submit(), cancelled.submit(), boom.submit()]

    state = my_flow(return_state=True)
    assert (state.type, state.message) == (StateType.CANCELLED, "1/3 states cancelled.")


def test_a_mixture_is_a_value() -> None:
    """Futures among other things are waited for, and a plain call gives their results in their place."""

    @flow
    def my_flow() -> Any:
        return {"future": one.submit(), "state": one(return_state=True), "list": [one.submit(), 5]}

    assert my_flow(return_state=True).is_completed()
    assert my_flow() == {"future": 1, "state": 1, "list": [1, 5]}


@kinds
def test_the_state_of_a_mixture_holds_states_where_there_were_futures(decorate: Any) -> None:
    """As it does where futures are all there is; what else is in it is as it was."""
    other = object()

    @decorate(name="mixture")
    def mixture() -> Any:
        return {"a": one.submit(), "b": [boom.submit(), other]}

    @flow
    def around() -> Any:
        data = mixture(return_state=True).data
        assert (data["a"].result(), data["b"][0].is_failed(), data["b"][1]) == (1, True, other)

    around()


def test_futures_in_a_state_of_the_users_are_waited_for() -> None:
    """They would be cancelled else, if they had not begun."""

    @flow
    def my_flow() -> Any:
        return Completed(message="mine", data=[one.submit()])

    state = my_flow(return_state=True)
    assert (state.message, state.data[0].result(), my_flow()) == ("mine", 1, [1])


def test_a_long_chain_of_runs_that_returned_futures_gives_the_last_result() -> None:
    """However long: the results are not unpacked one inside the other."""

    @task
    def down(n: int) -> Any:
        return down.submit(n - 1) if n else "end"

    @flow
    def my_flow() -> Any:
        return down.submit(400)

    assert my_flow() == "end"


def test_a_failure_inside_a_mixture_is_raised_by_a_plain_call() -> None:
    """The run completed, but there is no value to give."""

    @flow
    def my_flow() -> Any:
        return [boom.submit(), 5]

    assert my_flow(return_state=True).is_completed()
    with pytest.raises(ValueError, match="boom"):
        my_flow()


def test_the_futures_of_a_map_are_summed_up() -> None:
    """They are a list."""

    @task
    def double(x: int) -> int:
        return 2 * x

    @flow
    def my_flow() -> Any:
        return double.map([1, 2, 3])

    assert my_flow() == [2, 4, 6]
    assert my_flow(return_state=True).message == "All states completed."


@both
@kinds
def test_a_raised_exception_fails_the_run(decorate: Any, is_async: bool) -> None:
    """It is raised by a plain call, the very object; the message names it."""
    error = ValueError("boom")

    def sync_fn() -> Any:
        raise error

    async def async_fn() -> Any:
        raise error

    def called(**more: Any) -> Any:
        return asyncio.run(decorate(async_fn)(**more)) if is_async else decorate(sync_fn)(**more)

    with pytest.raises(ValueError, match="boom") as raised:
        called()
    assert raised.value is error
    state = called(return_state=True)
    kind = "Flow" if decorate is flow else "Task"
    assert state.message == f"{kind} run encountered an exception: ValueError: boom"
    assert state.result(raise_on_failure=False) is error


@pytest.mark.parametrize("error", [StopIteration, StopAsyncIteration, GeneratorExit("x"), AssertionError, TimeoutError])
@kinds
def test_exceptions_that_mean_something_to_python_stay_the_users(decorate: Any, error: Any) -> None:
    """A StopIteration of the user's is no end of anything of ours."""

    @decorate
    def fn() -> Any:
        raise error

    with pytest.raises(type(error) if isinstance(error, BaseException) else error):
        fn()


def test_a_failed_task_that_was_caught_does_not_fail_the_flow(run_store: Store) -> None:
    """What is returned or raised decides."""

    @flow
    def caught() -> str:
        try:
            boom()
        except ValueError:
            return "fine"
        return "not reached"

    @flow
    def passed_over() -> str:
        boom.submit()
        boom(return_state=True)
        return "fine"

    assert (caught(), passed_over()) == ("fine", "fine")
    assert [run.state.name for run in run_store.flow_runs()] == ["Completed", "Completed"]  # type: ignore[union-attr]
    assert {run.state.name for run in run_store.task_runs()} == {"Failed"}  # type: ignore[union-attr]


def test_a_flow_that_returns_nothing_completes_whatever_its_tasks_did() -> None:
    """None is a value."""

    @flow
    def my_flow() -> None:
        boom.submit()

    state = my_flow(return_state=True)
    assert state.is_completed()
    assert state.result() is None


def test_a_task_that_returns_a_state_gives_that_state() -> None:
    """On a plain call."""

    @task
    def my_task() -> Any:
        return Completed(message="mine", data=3)

    given = my_task()
    assert isinstance(given, State)
    assert (given.message, given.data) == ("mine", 3)


def test_a_direct_call_of_a_task_whose_input_failed_names_it() -> None:
    """UnfinishedRun; the task never ran."""

    @task
    def after(x: Any) -> Any:
        return x

    @flow
    def my_flow() -> None:
        failed = boom.submit()
        with pytest.raises(UnfinishedRun, match="boom-"):
            after(failed)
        state = after(failed, return_state=True)
        assert (state.type, state.name) == (StateType.PENDING, "NotReady")
        assert "did not reach a 'COMPLETED' state" in (state.message or "")

    my_flow()


def test_a_paused_state_from_a_run_pauses() -> None:
    """PausedRun on a plain call of the flow that sums it up."""
    from headrace.core.final import aggregate

    state = aggregate([Completed(), Paused()], data=[Completed(), Paused()])
    assert state.message == "1/2 states paused."
    with pytest.raises(PausedRun):
        state.result()


@both
@kinds
def test_what_is_quoted_is_given_back_quoted(decorate: Any, is_async: bool) -> None:
    """So that a function can return states and futures as values, without being judged by them."""
    state = ended(decorate, is_async, quote([Failed(message="only looked at")]))
    assert state.is_completed()
    assert state.result().unquote()[0].is_failed()
    called = decorate(lambda: {"seen": quote(Failed())})()
    assert called["seen"].unquote().is_failed()


def test_states_of_a_run_strictly_increase_in_time(run_store: Store) -> None:
    """Even where the clock stands still."""
    flow(lambda: one())()
    for run in (*run_store.flow_runs(), *run_store.task_runs()):
        moments: list[Any] = [state.timestamp for state in run_store.history(run.id)]
        assert moments == sorted(set(moments))
        assert [state.name for state in run_store.history(run.id)] == ["Pending", "Running", "Completed"]


@both
def test_a_state_says_whose_it_is(run_store: Store, is_async: bool) -> None:
    """Its details name the flow run and the task run."""

    @flow
    def my_flow() -> Any:
        return one(return_state=True)

    state = my_flow(return_state=True)
    (flow_run,), (task_run,) = run_store.flow_runs(), run_store.task_runs()
    assert state.state_details.flow_run_id == flow_run.id
    assert state.data.state_details.task_run_id == task_run.id
    assert state.data.state_details.flow_run_id == flow_run.id


class TestCoroutinesThatASyncFlowReturns:
    """``return ask()``, where `ask` is async: the flow's result is what that gives."""

    def test_they_are_awaited(self, run_store: Store) -> None:
        """Of a task and of a flow; from sync code and where a loop runs already."""

        @task
        async def ask() -> int:
            await asyncio.sleep(0)
            return 1

        @flow
        async def ask_more() -> int:
            return 2

        @flow
        def by_task() -> Any:
            return ask()

        @flow
        def by_flow() -> Any:
            return ask_more()

        async def both_from_a_loop() -> tuple[Any, Any]:
            return by_task(), by_flow()

        assert (by_task(), by_flow()) == (1, 2)
        assert asyncio.run(both_from_a_loop()) == (1, 2)
        assert {run.state_name for run in (*run_store.flow_runs(), *run_store.task_runs())} == {"Completed"}

    def test_their_failure_is_that_of_the_flow(self, run_store: Store) -> None:
        """It is tried again, as for any failure."""
        attempts = []

        @task
        async def ask() -> None:
            attempts.append(1)
            raise ValueError("boom")

        @flow(retries=1)
        def my_flow() -> Any:
            return ask()

        with pytest.raises(ValueError, match="boom"):
            my_flow()
        assert len(attempts) == 2
        (run,) = run_store.flow_runs()
        assert [state.name for state in run_store.history(run.id)] == ["Pending", "Running", "Retrying", "Failed"]

    def test_the_time_out_covers_them(self, fake_clock: Any) -> None:
        """They are the flow's own work."""

        @task
        async def ask() -> None:
            await asyncio.sleep(100)

        @flow(timeout_seconds=3)
        def my_flow() -> Any:
            return ask()

        assert my_flow(return_state=True).name == "TimedOut"
        assert fake_clock == 3
