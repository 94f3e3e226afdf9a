"""The wordings that users, log filters and tests rely on."""

from __future__ import annotations

import asyncio
import signal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.core import messages
from headrace.core.state_types import StateType
from headrace.core.states import State
from headrace.core.wording import kind_of
from headrace.exceptions import CancelRequested, TerminationSignal


class Unspeakable(Exception):
    """An exception that can't be shown."""

    def __str__(self) -> str:
        raise RuntimeError("no")

    __repr__ = __str__


def test_a_raised_exception_is_told_with_its_type_and_message() -> None:
    """One line, with a colon only where a message follows."""
    assert messages.encountered("task", ValueError("boom")) == "Task run encountered an exception: ValueError: boom"
    assert messages.encountered("flow", ValueError()) == "Flow run encountered an exception: ValueError"


def test_an_exception_that_can_not_be_shown_is_still_told() -> None:
    """A broken ``__str__`` doesn't hide the failure."""
    assert messages.encountered("task", Unspeakable()).endswith(
        "Unspeakable: <its message can't be shown: RuntimeError>"
    )
    assert "Unspeakable" in messages.exhausted("task", Unspeakable())


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.2, "0.2"),
        (10, "10"),
        (10.0, "10"),
        (1.23456, "1.235"),
        (0.00012345, "0.000123"),
        (1e9, "1000000000"),
    ],
)
def test_seconds_are_whole_where_they_are_whole(seconds: float, text: str) -> None:
    """Jittered delays are told to the millisecond."""
    assert messages.in_seconds(seconds) == f"{text} second(s)"


@pytest.mark.parametrize(("seconds", "text"), [(0.2, "0.2"), (10, "10.0"), (1.23456, "1.235"), (1e9, "1000000000.0")])
def test_a_time_out_is_told_as_the_float_that_it_is(seconds: float, text: str) -> None:
    """Whole ones too."""
    assert messages.exceeded("task", seconds) == f"Task run exceeded timeout of {text} second(s)"


@given(st.floats(0, 1e12))  # what is longer has no milliseconds
def test_every_number_of_seconds_can_be_told(seconds: float) -> None:
    """To within a millisecond, or a hundredth of what is shorter."""
    told = float(messages.in_seconds(seconds).removesuffix(" second(s)"))
    assert told == pytest.approx(seconds, abs=0.0006 if seconds >= 0.001 else 0.01 * seconds)


@pytest.mark.parametrize(
    ("exc", "message"),
    [
        (KeyboardInterrupt(), "Execution was aborted by an interrupt signal."),
        (SystemExit(3), "Execution was aborted by Python system exit call."),
        (asyncio.CancelledError(), "Execution was cancelled by the runtime environment."),
        (TerminationSignal(signal.SIGTERM), "Execution was aborted by a termination signal."),
        (TerminationSignal(signal.SIGINT), "Execution was aborted by a termination signal (SIGINT)."),
        (TerminationSignal(9999), "Execution was aborted by a termination signal (signal 9999)."),
        (CancelRequested(), "Execution was cancelled because somebody asked for it."),
        (GeneratorExit("z"), "Execution was interrupted by an unexpected exception: GeneratorExit: z"),
        (ValueError("x"), "Execution was interrupted by an unexpected exception: ValueError: x"),
    ],
)
def test_a_crash_says_what_ended_the_run(exc: BaseException, message: str) -> None:
    """Each signal has its own sentence; the rest name themselves."""
    assert messages.crash_message(exc) == message


def test_a_retry_is_announced_with_its_number_and_its_delay() -> None:
    """At once reads otherwise than later."""
    error = ValueError("x")
    announced = messages.retry("task", error, 1, 3, 10.0)
    assert announced == "Task run failed with exception: ValueError('x') - Retry 1/3 will start 10 second(s) from now"
    assert messages.retry("flow", error, 3, 3, 0).endswith(" - Retry 3/3 will start immediately")
    assert messages.exhausted("task", error).endswith("ValueError('x') - Retries are exhausted")


def test_a_returned_failure_is_told_as_such() -> None:
    """There is no exception to show then."""
    state = State(StateType.FAILED, message="no luck")
    assert messages.exhausted("flow", state) == (
        "Flow run returned a failed state: Failed('no luck') - Retries are exhausted"
    )


def test_an_upstream_that_did_not_complete_is_named() -> None:
    """The sentence that NotReady carries."""
    expected = "Upstream task run 'a-1f3' did not reach a 'COMPLETED' state."
    assert messages.upstream_not_completed("a-1f3") == expected


@pytest.mark.parametrize(
    ("value", "told"), [(1, "an int"), ("", "a str"), (None, "a NoneType"), (object(), "an object")]
)
def test_a_class_is_told_with_its_article(value: object, told: str) -> None:
    """As one would say it."""
    assert kind_of(value) == told
