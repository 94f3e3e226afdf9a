"""What `@flow` takes, and what it makes of it."""

import functools
import inspect
import re
from collections.abc import Callable
from typing import Any

import pytest

from headrace import Flow, flow, task
from headrace.core.states import State
from headrace.exceptions import InvalidNameError, ReservedArgumentError
from headrace.task_runners import ProcessPoolTaskRunner, ThreadPoolTaskRunner


def test_a_bare_decorator_takes_everything_from_the_function() -> None:
    """Name with dashes, description from the docstring, the function itself."""

    @flow
    def my_flow(x: int) -> int:
        """Do it."""
        return x

    assert isinstance(my_flow, Flow)
    assert my_flow.name == "my-flow"
    assert my_flow.description == "Do it."
    assert my_flow.fn(3) == 3
    assert my_flow.__name__ == "my_flow"
    assert my_flow.__doc__ == "Do it."
    assert my_flow.__wrapped__ is my_flow.fn
    assert list(inspect.signature(my_flow).parameters) == ["x"]
    assert not my_flow.isasync
    assert not my_flow.isgenerator


def test_arguments_of_the_decorator_are_attributes_of_the_flow() -> None:
    """What is given is what is there."""

    def hook(flow: Any, flow_run: Any, state: Any) -> None: ...

    @flow(
        name="Ours",
        version="A",
        description="B",
        flow_run_name="hi-{x}",
        retries=3,
        retry_delay_seconds=20,
        timeout_seconds=30,
        validate_parameters=False,
        log_prints=True,
        task_runner=ThreadPoolTaskRunner(max_workers=2),
        on_completion=[hook],
        on_failure=[hook],
        on_cancellation=[hook],
        on_crashed=[hook],
        on_running=[hook],
    )
    def my_flow(x: int) -> None: ...

    assert (my_flow.name, my_flow.version, my_flow.description) == ("Ours", "A", "B")
    assert (my_flow.flow_run_name, my_flow.retries, my_flow.retry_delay_seconds) == ("hi-{x}", 3, 20)
    assert my_flow.timeout_seconds == 30.0
    assert isinstance(my_flow.timeout_seconds, float)
    assert my_flow.should_validate_parameters is False
    assert my_flow.log_prints is True
    assert my_flow.task_runner == ThreadPoolTaskRunner(max_workers=2)
    assert my_flow.on_completion_hooks == [hook]
    assert my_flow.on_failure_hooks == [hook]
    assert my_flow.on_cancellation_hooks == [hook]
    assert my_flow.on_crashed_hooks == [hook]
    assert my_flow.on_running_hooks == [hook]


def test_defaults_are_those_of_the_interface() -> None:
    """No retries, no time-out, threads, validation."""

    @flow
    def my_flow() -> None: ...

    assert (my_flow.retries, my_flow.timeout_seconds, my_flow.log_prints) == (0, None, None)
    assert my_flow.retry_delay_seconds in (0, None)
    assert my_flow.should_validate_parameters is True
    assert isinstance(my_flow.task_runner, ThreadPoolTaskRunner)
    assert my_flow.description is None
    assert my_flow.flow_run_name is None
    assert my_flow.cache_result_in_memory is True


def test_the_version_is_a_hash_of_the_defining_file() -> None:
    """Two flows of one file have one version; a function without a file has none."""

    @flow
    def one() -> None: ...

    @flow
    def two() -> None: ...

    space: dict[str, Any] = {}
    exec("def typed_at_a_prompt(): ...", space)
    assert one.version == two.version
    assert re.fullmatch("[0-9a-f]+", one.version or "")
    assert flow(space["typed_at_a_prompt"]).version is None


def test_a_flow_is_made_of_a_callable_only() -> None:
    """Anything else is refused at once."""
    with pytest.raises(TypeError, match="must be callable"):
        Flow(fn={}, name="test")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["my/flow", "my%flow", "my<flow", "my>flow", "my&flow"])
def test_a_name_with_forbidden_characters_is_refused(name: str) -> None:
    """They mean something in paths, URLs and pages; the error is a ValueError too."""
    with pytest.raises(InvalidNameError, match="can't contain"):
        flow(name=name)(lambda: 1)
    with pytest.raises(ValueError, match=re.escape(name)):
        Flow(lambda: 1, name=name)


@pytest.mark.parametrize("name", [1, 1.5, b"name", ["a"], True])
def test_a_name_that_is_no_string_is_refused(name: Any) -> None:
    """TypeError, naming what was given."""
    with pytest.raises(TypeError, match="must be a string"):
        Flow(lambda: 1, name=name)


def test_lambdas_partials_and_callable_objects_may_be_flows() -> None:
    """Each runs, and has a name that may be one."""

    class Adder:
        def __init__(self) -> None:
            self.fn = "my own attribute"

        def __call__(self, x: int, y: int = 1) -> int:
            return x + y

    def add(x: int, y: int) -> int:
        return x + y

    assert flow(lambda x: x + 1)(2) == 3
    assert flow(functools.partial(add, y=2))(1) == 3
    assert flow(functools.partial(add, 5))(1) == 6
    assert flow(Adder())(1) == 2
    assert flow(Adder()).name == "Adder"
    assert flow(functools.partial(add, y=2)).name == "add"


@pytest.mark.parametrize("reserved", ["return_state", "wait_for"])
@pytest.mark.parametrize("decorate", [flow, task])
def test_reserved_keywords_may_not_be_parameters(decorate: Any, reserved: str) -> None:
    """ReservedArgumentError, a TypeError, at decoration."""
    space: dict[str, Any] = {}
    exec(f"def fn({reserved}): ...", space)
    with pytest.raises(ReservedArgumentError, match=reserved):
        decorate(space["fn"])
    with pytest.raises(TypeError, match=reserved):
        decorate(name="x")(space["fn"])


HOOKS = ["on_completion", "on_failure", "on_cancellation", "on_crashed", "on_running"]


@pytest.mark.parametrize("name", HOOKS)
def test_hooks_come_in_an_iterable_of_callables(name: str) -> None:
    """TypeError names the hook, for a single function and for what can't be called."""

    def hook(flow: Any, flow_run: Any, state: Any) -> None: ...

    with pytest.raises(TypeError, match=f"Expected iterable for '{name}'"):
        flow(**{name: hook})(lambda: 1)
    with pytest.raises(TypeError, match=f"Expected callables in '{name}'"):
        flow(**{name: ["not callable"]})(lambda: 1)
    with pytest.raises(TypeError, match=f"Expected iterable for '{name}'"):
        flow(**{name: 3})(lambda: 1)


@pytest.mark.parametrize("name", HOOKS)
def test_hooks_may_be_added_by_decorator(name: str) -> None:
    """The decorator gives the function back, and keeps the order."""

    def first(flow: Any, flow_run: Any, state: Any) -> None: ...

    decorated: Any = flow(**{name: [first]})(lambda: 1)

    def second(flow: Any, flow_run: Any, state: Any) -> None: ...

    assert getattr(decorated, name)(second) is second
    assert list(getattr(decorated, f"{name}_hooks")) == [first, second]


def test_a_runner_is_a_class_or_an_instance() -> None:
    """Anything else is a TypeError."""
    assert flow(task_runner=ThreadPoolTaskRunner)(lambda: 1).task_runner == ThreadPoolTaskRunner()
    assert isinstance(flow(task_runner=ProcessPoolTaskRunner)(lambda: 1).task_runner, ProcessPoolTaskRunner)
    with pytest.raises(TypeError, match="task_runner"):
        flow(task_runner="threads")(lambda: 1)


def test_a_timeout_of_zero_is_none() -> None:
    """0 means no limit."""
    assert flow(timeout_seconds=0)(lambda: 1).timeout_seconds is None


@pytest.mark.parametrize("wrong", ["1", True, [1]])
def test_a_timeout_is_a_number(wrong: Any) -> None:
    """TypeError otherwise."""
    with pytest.raises(TypeError, match="timeout_seconds"):
        flow(timeout_seconds=wrong)(lambda: 1)


def test_retries_are_checked() -> None:
    """Their number, and the delays; a list and a callable are delays too."""
    assert flow(retries=2, retry_delay_seconds=[1, 2])(lambda: 1).retry_delay_seconds == [1, 2]
    assert flow(retries=2, retry_delay_seconds=lambda n: [1.0] * n)(lambda: 1).retry_delay_seconds == [1, 1]
    with pytest.raises(TypeError, match="retry_delay_seconds"):
        flow(retries=1, retry_delay_seconds="1")(lambda: 1)
    with pytest.raises(ValueError, match="-1"):
        flow(retries=-1)(lambda: 1)


def test_with_options_replaces_what_is_given_and_keeps_the_rest() -> None:
    """The original is untouched."""

    @flow(name="A", description="a", retries=3, retry_delay_seconds=5, timeout_seconds=7, version="1")
    def original(x: int) -> int:
        return x

    changed = original.with_options(name="B", retries=1, task_runner=ThreadPoolTaskRunner(3), log_prints=True)
    assert (changed.name, changed.retries, changed.log_prints) == ("B", 1, True)
    assert changed.task_runner == ThreadPoolTaskRunner(3)
    assert (changed.description, changed.retry_delay_seconds) == ("a", 5)
    assert (changed.timeout_seconds, changed.version) == (7.0, "1")
    assert (original.name, original.retries, original.log_prints) == ("A", 3, None)
    assert changed.fn is original.fn
    assert changed(4) == 4


def test_with_options_replaces_by_nothing_too() -> None:
    """None, 0 and empty values are values."""

    def hook(flow: Any, flow_run: Any, state: Any) -> None: ...

    original = flow(
        retries=3,
        timeout_seconds=5,
        flow_run_name="x",
        log_prints=True,
        on_completion=[hook],
        description="text",
        validate_parameters=True,
    )(lambda: 1)
    changed = original.with_options(
        retries=0,
        retry_delay_seconds=0,
        timeout_seconds=0,
        flow_run_name=None,
        log_prints=None,
        on_completion=[],
        description="",
        validate_parameters=False,
    )
    assert (changed.retries, changed.timeout_seconds, changed.flow_run_name) == (0, None, None)
    assert (changed.log_prints, changed.on_completion_hooks, changed.description) == (None, [], "")
    assert changed.should_validate_parameters is False


def test_with_options_keeps_hooks_that_were_added_by_decorator() -> None:
    """They belong to the flow, and later ones of the original do not reach the copy."""
    original = flow(lambda: 1)

    @original.on_completion
    def hook(flow: Any, flow_run: Any, state: Any) -> None: ...

    changed = original.with_options(name="other")
    original.on_completion(lambda flow, flow_run, state: None)
    assert list(changed.on_completion_hooks) == [hook]


def test_with_options_refuses_what_flow_refuses() -> None:
    """An unknown argument, hooks that are no list."""
    original: Any = flow(lambda: 1)
    with pytest.raises(TypeError, match="retires"):
        original.with_options(retires=3)
    with pytest.raises(TypeError, match="Expected iterable for 'on_failure'"):
        original.with_options(on_failure=print)


@pytest.mark.parametrize(("method", "function"), [(Flow.with_options, flow)])
def test_with_options_takes_what_the_decorator_takes(method: Callable[..., Any], function: Any) -> None:
    """All arguments of `Flow`, and no other."""
    of_class = set(inspect.signature(Flow.__init__).parameters) - {"self", "fn"}
    assert set(inspect.signature(method).parameters) - {"self"} == of_class


def test_a_flow_calls_its_function_with_what_it_is_given() -> None:
    """Positions, keywords, defaults, stars."""

    @flow
    def my_flow(a: Any, b: Any = 2, *rest: Any, c: Any = 4, **more: Any) -> Any:
        return a, b, rest, c, more

    assert my_flow(1) == (1, 2, (), 4, {})
    assert my_flow(1, 3, 5, 6, c=7, d=8) == (1, 3, (5, 6), 7, {"d": 8})
    assert my_flow(a=1, d=8) == (1, 2, (), 4, {"d": 8})


def test_return_state_gives_the_state() -> None:
    """Completed, with the value as its result."""
    state = flow(lambda x: x + 1)(1, return_state=True)
    assert isinstance(state, State)
    assert state.is_completed()
    assert state.result() == 2
    assert state.name == "Completed"


def test_a_flow_is_not_there_to_be_deployed_yet_and_says_so() -> None:
    """What this version leaves out is told by name."""
    for name in ("deploy", "from_source"):
        with pytest.raises(AttributeError, match="not part of this version"):
            getattr(flow(lambda: 1), name)


def test_attributes_may_be_changed_after_decoration() -> None:
    """Runs that begin then follow them, and variants take them over."""
    attempts = []

    @flow
    def flaky() -> int:
        attempts.append(1)
        if len(attempts) < 2:
            raise ValueError("boom")
        return len(attempts)

    flaky.retries, flaky.name, flaky.log_prints = 1, "renamed", True
    assert flaky() == 2
    variant = flaky.with_options(version="2")
    assert (variant.retries, variant.name, variant.log_prints) == (1, "renamed", True)
