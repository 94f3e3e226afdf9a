"""What `map` spreads: futures that failed, runners on their own, and where the items came from."""

from typing import Any

import pytest

from headrace import allow_failure, flow, task, unmapped
from headrace.task_runners import TaskRunner, ThreadPoolTaskRunner
from headrace.utilities.annotations import quote


@task
def numbers() -> list[int]:
    return [1, 2, 3]


@task
def fails() -> list[int]:
    raise ValueError("boom")


@task
def pair(x: Any, y: Any = None) -> Any:
    return x, y


@pytest.mark.parametrize("annotate", [allow_failure, lambda x: unmapped(allow_failure(x))])
def test_a_failed_future_within_allow_failure_is_the_same_exception_in_every_call(annotate: Any) -> None:
    """It is not iterable, so each call is passed it."""

    @flow
    def my_flow() -> list[Any]:
        return pair.map([1, 2], annotate(fails.submit())).result()

    assert [(x, str(y)) for x, y in my_flow()] == [(1, "boom"), (2, "boom")]


def test_a_failed_future_that_is_to_be_spread_raises_what_its_run_raised() -> None:
    """How many calls there would be can't be known."""

    @flow
    def my_flow() -> list[Any]:
        return pair.map(fails.submit()).result()

    with pytest.raises(ValueError, match="boom"):
        my_flow()


def test_a_quoted_future_is_passed_to_every_call() -> None:
    """What is quoted is not looked into, so it is not waited for either."""

    @task
    def kind(x: int, future: Any) -> str:
        return type(future).__name__

    @flow
    def my_flow() -> list[str]:
        return kind.map([1, 2], quote(numbers.submit())).result()

    assert my_flow() == ["RunFuture", "RunFuture"]


@pytest.mark.parametrize(
    "source",
    [
        lambda: numbers.submit(),
        lambda: numbers(return_state=True),
        lambda: numbers(),
        lambda: allow_failure(numbers.submit()),
    ],
    ids=["future", "state", "result", "allow_failure"],
)
def test_every_call_depends_on_the_run_that_made_what_is_spread(source: Any, runs: Any) -> None:
    """Small numbers are shared by the interpreter: the items themselves could not tell."""

    @flow
    def my_flow() -> None:
        pair.map(source(), y=0).wait()

    my_flow()
    assert [[run.definition_name for run in view.upstream] for view in runs.tasks("pair")] == [["numbers"]] * 3


def test_calls_depend_on_the_futures_in_a_list_one_by_one(runs: Any) -> None:
    """The list is not a run's."""

    @flow
    def my_flow() -> None:
        pair.map([numbers.submit(), 2], y=0).wait()

    my_flow()
    assert [len(view.upstream) for view in runs.tasks("pair")] == [1, 0]


def test_a_runner_maps_outside_a_flow() -> None:
    """It is enough that it was entered."""
    with ThreadPoolTaskRunner(max_workers=2) as runner:
        assert runner.map(pair, {"x": [1, 2], "y": unmapped([3])}).result() == [(1, [3]), (2, [3])]
        assert runner.map(pair, {"x": [1, 2]}).result() == [(1, None), (2, None)]


def test_map_goes_through_the_map_of_the_flows_runner() -> None:
    """A runner of the user's may do it in its own way."""
    seen = []

    class Counting(ThreadPoolTaskRunner):
        def map(self, task: Any, parameters: dict[str, Any], wait_for: Any = None) -> Any:
            seen.append((task.name, sorted(parameters)))
            return super().map(task, parameters, wait_for)

    @flow(task_runner=Counting())
    def my_flow() -> list[Any]:
        return pair.map([1], y=2).result()

    assert my_flow() == [(1, 2)]
    assert seen == [("pair", ["x", "y"])]
    assert issubclass(Counting, TaskRunner)
