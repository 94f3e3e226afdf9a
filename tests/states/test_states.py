"""States as users make them, look at them, and ask them for results."""

import asyncio
import datetime
import pickle
from typing import Any

import pytest

from headrace import flow, states
from headrace.exceptions import (
    CancelledRun,
    CrashedRun,
    FailedRun,
    MissingResult,
    PausedRun,
    UnfinishedRun,
)
from headrace.states import (
    AwaitingConcurrencySlot,
    AwaitingRetry,
    Cached,
    Cancelled,
    Cancelling,
    Completed,
    Crashed,
    Failed,
    Late,
    NotReady,
    Paused,
    Pending,
    Resuming,
    Retrying,
    RolledBack,
    Running,
    Scheduled,
    State,
    StateDetails,
    StateGroup,
    StateType,
    Submitting,
    Suspended,
    TimedOut,
    aget_state_exception,
    araise_state_exception,
    exception_to_crashed_state,
    exception_to_failed_state,
    format_exception,
    get_state_exception,
    get_state_result,
    is_state_iterable,
    raise_state_exception,
    return_value_to_state,
)

UTC = datetime.UTC
MOMENT = datetime.datetime(2026, 3, 1, tzinfo=UTC)

CONSTRUCTORS = [
    (Scheduled, "Scheduled", StateType.SCHEDULED),
    (Late, "Late", StateType.SCHEDULED),
    (AwaitingRetry, "AwaitingRetry", StateType.SCHEDULED),
    (AwaitingConcurrencySlot, "AwaitingConcurrencySlot", StateType.SCHEDULED),
    (Resuming, "Resuming", StateType.SCHEDULED),
    (Pending, "Pending", StateType.PENDING),
    (NotReady, "NotReady", StateType.PENDING),
    (Submitting, "Submitting", StateType.PENDING),
    (Running, "Running", StateType.RUNNING),
    (Retrying, "Retrying", StateType.RUNNING),
    (Paused, "Paused", StateType.PAUSED),
    (Suspended, "Suspended", StateType.PAUSED),
    (Cancelling, "Cancelling", StateType.CANCELLING),
    (Completed, "Completed", StateType.COMPLETED),
    (Cached, "Cached", StateType.COMPLETED),
    (RolledBack, "RolledBack", StateType.COMPLETED),
    (Failed, "Failed", StateType.FAILED),
    (TimedOut, "TimedOut", StateType.FAILED),
    (Crashed, "Crashed", StateType.CRASHED),
    (Cancelled, "Cancelled", StateType.CANCELLED),
]
NOT_FINAL = [Scheduled, Late, AwaitingRetry, Pending, Running, Retrying, Cancelling]
UNSUCCESSFUL = [(Failed, FailedRun), (Crashed, CrashedRun), (Cancelled, CancelledRun)]


@pytest.mark.parametrize(("make", "name", "type_"), CONSTRUCTORS)
def test_a_constructor_gives_name_type_and_moment(make: Any, name: str, type_: StateType) -> None:
    """And nothing else that was not asked for."""
    state = make()
    assert (state.name, state.type, state.message, state.data) == (name, type_, None, None)
    assert state.timestamp.tzinfo is not None
    assert isinstance(state, State)


@pytest.mark.parametrize(("make", "name", "type_"), CONSTRUCTORS)
def test_a_constructor_takes_the_fields_of_a_state(make: Any, name: str, type_: StateType) -> None:
    """Name, message, data, details, timestamp."""
    details = StateDetails(cache_key="abc")
    state = make(name="Mine", message="hello", data=3, state_details=details, timestamp=MOMENT)
    assert (state.name, state.type, state.message, state.data) == ("Mine", type_, "hello", 3)
    assert (state.state_details.cache_key, state.timestamp) == ("abc", MOMENT)
    assert make(state_details={"cache_key": "abc"}).state_details.cache_key == "abc"


def test_a_constructor_refuses_what_no_state_has() -> None:
    """A slip of the pen is no silent argument."""
    with pytest.raises(TypeError, match="mesage"):
        Completed(mesage="hello")


@pytest.mark.parametrize("make", [Scheduled, Late, AwaitingRetry, AwaitingConcurrencySlot])
def test_a_scheduled_state_says_when(make: Any) -> None:
    """`scheduled_time`, now by default, and in one place only."""
    assert make(scheduled_time=MOMENT).state_details.scheduled_time == MOMENT
    assert make(MOMENT).state_details.scheduled_time == MOMENT
    assert make(state_details={"scheduled_time": MOMENT}).state_details.scheduled_time == MOMENT
    assert make().state_details.scheduled_time is not None
    with pytest.raises(ValueError, match="scheduled_time"):
        make(scheduled_time=MOMENT, state_details={"scheduled_time": MOMENT})


@pytest.mark.parametrize("make", [Paused, Suspended])
def test_a_paused_state_says_until_when(make: Any) -> None:
    """By moment or by seconds, not both; with a key."""
    assert make(pause_expiration_time=MOMENT).state_details.pause_timeout == MOMENT
    assert make(timeout_seconds=60).state_details.pause_timeout > MOMENT
    assert make(pause_key="k").state_details.pause_key == "k"
    assert make().state_details.pause_timeout is None
    with pytest.raises(ValueError, match="not both"):
        make(pause_expiration_time=MOMENT, timeout_seconds=1)
    assert Paused(reschedule=True).state_details.pause_reschedule is True
    assert Suspended().state_details.pause_reschedule is True


@pytest.mark.parametrize(("make", "name", "type_"), CONSTRUCTORS)
def test_the_predicates_agree_with_the_type(make: Any, name: str, type_: StateType) -> None:
    """One `is_…` for each type, and `is_final` for the ends."""
    state = make()
    for other in StateType:
        assert getattr(state, f"is_{other.value.lower()}")() is (other is type_)
    assert state.is_final() is (type_.value in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED"))


def test_a_type_makes_a_state_of_its_usual_name() -> None:
    """`State(type=...)`, by member or by word."""
    assert State(type=StateType.COMPLETED).name == "Completed"
    assert State(type="RUNNING").type is StateType.RUNNING  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="DONE"):
        State(type="DONE")  # type: ignore[arg-type]


STRINGS = [
    (Completed(), "Completed()"),
    (Failed(message="msg"), "Failed('msg')"),
    (Completed(name="Cached"), "Cached(type=COMPLETED)"),
    (Completed(name="Cached", message="hi"), "Cached('hi', type=COMPLETED)"),
    (Retrying(), "Retrying(type=RUNNING)"),
    (Cancelled(message=""), "Cancelled()"),
]


@pytest.mark.parametrize(("state", "text"), STRINGS)
def test_str_is_short(state: State, text: str) -> None:
    """The name, the message if there is one, the type where the name does not tell it."""
    assert str(state) == text


def test_repr_tells_the_result() -> None:
    """Message, type and data."""
    assert repr(Completed(data=3)) == "Completed(message=None, type=COMPLETED, result=3)"
    assert repr(Failed(message="m", name="TimedOut")) == "TimedOut(message='m', type=FAILED, result=None)"


def test_states_are_equal_when_all_that_they_say_is() -> None:
    """Data and details included; and they can be hashed, copied and pickled."""
    one = Completed(data=[1], timestamp=MOMENT)
    assert one == Completed(data=[1], timestamp=MOMENT)
    assert one != Completed(data=[2], timestamp=MOMENT)
    assert one != Completed(data=[1], timestamp=MOMENT, message="m")
    assert one != "Completed"
    assert len({one, Completed(data=[1], timestamp=MOMENT)}) == 1
    assert pickle.loads(pickle.dumps(one)) == one


def test_a_state_cannot_be_changed() -> None:
    """It is what was; `replace` gives another."""
    state = Completed()
    with pytest.raises(AttributeError):
        state.message = "new"  # type: ignore[misc]
    assert state.replace(message="new").message == "new"


# results -----------------------------------------------------------------------------------------------------


def test_the_result_of_a_completed_state_is_its_data() -> None:
    """Whatever that is."""
    assert Completed(data="x").result() == "x"
    assert Completed(data=ValueError("returned")).result().args == ("returned",)
    assert asyncio.run(Completed(data="x").aresult()) == "x"


def test_a_completed_state_made_without_data_has_no_result() -> None:
    """MissingResult; but a run that returned it, or None, has the result None."""
    with pytest.raises(MissingResult, match="Completed"):
        Completed().result()
    for returned in (Completed(), None):
        made = flow(lambda returned=returned: returned)
        assert made(return_state=True).result() is None
        assert made() is None


def test_results_may_be_awaited_by_async_code() -> None:
    """As Prefect wants it; and they need not be."""
    failed = Failed(data=[Completed(data=1), Failed(data=ValueError("inner"))])

    async def awaits() -> Any:
        found = [await Completed(data="x").result(), Completed(data="y").result(), await Completed(data="z").aresult()]
        with pytest.raises(ValueError, match="inner"):
            await failed.result()
        with pytest.raises(ValueError, match="inner"):
            await raise_state_exception(failed)
        with pytest.raises(ValueError, match="inner"):
            raise_state_exception(failed)
        assert (await failed.result(raise_on_failure=False)) is failed.data
        assert await raise_state_exception(Completed()) is None
        assert isinstance(await get_state_exception(failed), ValueError)
        assert isinstance(await aget_state_exception(failed), ValueError)
        with pytest.raises(ValueError):  # noqa: PT011 - the very one
            await araise_state_exception(failed)
        assert isinstance(get_state_exception(failed), ValueError)
        assert (await return_value_to_state(3)).is_completed()
        assert (await exception_to_failed_state(ValueError())).is_failed()
        assert (await exception_to_crashed_state(KeyboardInterrupt())).is_crashed()
        return found

    assert asyncio.run(awaits()) == ["x", "y", "z"]


def test_only_an_await_of_the_result_itself_gives_a_coroutine() -> None:
    """Whatever else the line awaits, and whoever else is async: the value."""

    async def same(value: Any) -> Any:
        return value

    def sync_helper() -> Any:
        return Completed(data="helped").result()

    waiting = Completed(data=same("awaited"))

    async def looks() -> Any:
        results = [state.result() for state in (Completed(data=1), Completed(data=2))]
        return [await same(Completed(data="x").result()), sync_helper(), *results, await waiting.result()]

    assert asyncio.run(looks()) == ["x", "helped", 1, 2, "awaited"]


@pytest.mark.parametrize("make", NOT_FINAL)
@pytest.mark.parametrize("raise_on_failure", [True, False])
def test_a_state_that_is_no_end_has_no_result(make: Any, raise_on_failure: bool) -> None:
    """UnfinishedRun."""
    with pytest.raises(UnfinishedRun):
        make(data=3).result(raise_on_failure=raise_on_failure)


@pytest.mark.parametrize("make", [Paused, Suspended])
def test_a_paused_state_has_no_result(make: Any) -> None:
    """PausedRun."""
    with pytest.raises(PausedRun):
        make().result()


def test_a_result_that_was_not_kept_is_missing(run_store: Any) -> None:
    """MissingResult: the run completed, its data is no longer there."""
    from headrace.core.kept import NOT_KEPT

    with pytest.raises(MissingResult):
        State(StateType.COMPLETED, data=NOT_KEPT).result()


@pytest.mark.parametrize(("make", "error"), UNSUCCESSFUL)
def test_a_string_or_a_message_is_raised_in_a_wrapper(make: Any, error: type[Exception]) -> None:
    """FailedRun, CrashedRun, CancelledRun, by the type of the state."""
    with pytest.raises(error, match="the data"):
        make(data="the data", message="the message").result()
    with pytest.raises(error, match="the message"):
        make(message="the message").result()
    with pytest.raises(error, match="Run"):
        make().result()


def test_a_failed_state_without_anything_says_run_failed() -> None:
    """The words are part of the interface."""
    with pytest.raises(FailedRun, match=r"^Run failed\.$"):
        Failed().result()


@pytest.mark.parametrize(("make", "_"), UNSUCCESSFUL)
def test_an_exception_is_raised_as_it_is(make: Any, _: Any) -> None:
    """The very object."""
    error = ValueError("boom")
    with pytest.raises(ValueError, match="boom") as raised:
        make(data=error).result()
    assert raised.value is error
    assert make(data=error).result(raise_on_failure=False) is error


def test_without_raising_the_data_or_an_exception_is_given() -> None:
    """Whatever there is."""
    assert Failed(data="text").result(raise_on_failure=False) == "text"
    given = Failed(message="m").result(raise_on_failure=False)
    assert isinstance(given, FailedRun)
    assert str(given) == "m"
    inner = [Failed(message="a")]
    assert Failed(data=inner).result(raise_on_failure=False) is inner


def test_a_state_in_a_state_is_asked_in_turn() -> None:
    """However deep."""
    with pytest.raises(ValueError, match="deep"):
        Failed(data=Failed(data=Crashed(data=ValueError("deep")))).result()


@pytest.mark.parametrize("kind", [list, tuple])
def test_of_several_states_the_first_that_did_not_succeed_is_raised(kind: Any) -> None:
    """In their order."""
    several = kind([Completed(data=1), Failed(message="first"), Crashed(message="second")])
    with pytest.raises(FailedRun, match="first"):
        Failed(data=several).result()
    with pytest.raises(CancelledRun, match="c"):
        Failed(data=kind([Completed(), Cancelled(message="c")])).result()


def test_a_failure_over_states_that_go_on_says_so() -> None:
    """There is no exception yet: UnfinishedRun, or PausedRun."""
    assert isinstance(get_state_exception(Failed(data=[Completed(), Pending()])), UnfinishedRun)
    assert isinstance(get_state_exception(Failed(data=Pending())), UnfinishedRun)
    assert isinstance(get_state_exception(Failed(data=[Completed(), Paused()])), PausedRun)


def test_a_failure_over_successes_is_its_own() -> None:
    """Nobody else to blame: the message of the state itself."""
    assert str(get_state_exception(Failed(data=[Completed()], message="mine"))) == "mine"
    assert isinstance(get_state_exception(Failed(data=Completed())), FailedRun)


@pytest.mark.parametrize("data", [3, {"a": 1}, [1, 2], [], object()])
def test_other_data_stands_for_no_exception(data: Any) -> None:
    """TypeError, naming the type."""
    with pytest.raises(TypeError, match=type(data).__name__):
        Failed(data=data).result()


def test_raise_state_exception_passes_over_what_did_not_fail() -> None:
    """Nothing to raise for a completed, running or pending state."""
    for state in (Completed(data=1), Running(), Pending(), Scheduled()):
        raise_state_exception(state)  # raises nothing
    with pytest.raises(ValueError, match="boom"):
        raise_state_exception(Failed(data=ValueError("boom")))


def test_get_state_exception_is_for_failures_only() -> None:
    """ValueError for a success."""
    with pytest.raises(ValueError, match="Completed"):
        get_state_exception(Completed())
    error = KeyError("x")
    assert get_state_exception(Crashed(data=error)) is error


# helpers -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [list, tuple, set])
def test_an_iterable_of_states_is_told_from_others(kind: Any) -> None:
    """Not empty, and nothing else inside."""
    assert is_state_iterable(kind([Completed(timestamp=MOMENT)]))
    assert not is_state_iterable(kind())
    assert not is_state_iterable(kind([Completed(), 1]))
    assert not is_state_iterable({"a": Completed()})
    assert not is_state_iterable(Completed())


def test_a_group_counts_its_states() -> None:
    """By what became of them."""
    group = StateGroup([Completed(), Failed(), Cancelled(), Running(), Paused(), Crashed()])
    assert (group.total_count, group.final_count, group.not_final_count) == (6, 4, 2)
    assert (group.cancelled_count, group.paused_count) == (1, 1)
    assert group.any_cancelled()
    assert group.any_failed()
    assert group.any_paused()
    assert not group.all_completed()
    assert not group.all_final()
    assert group.type_counts[StateType.CRASHED] == 1
    assert group.type_counts[StateType.PENDING] == 0
    assert repr(StateGroup([Failed()])) == "StateGroup<total=1, 'FAILED'=1>"
    assert StateGroup([Completed(), Failed(), Running()]).counts_message() == (
        "total=3, not_final=1, 'COMPLETED'=1, 'FAILED'=1, 'RUNNING'=1"
    )


def test_a_group_of_completed_states_is_completed() -> None:
    """And final."""
    group = StateGroup([Completed(), Completed(name="Cached")])
    assert group.all_completed()
    assert group.all_final()
    assert not group.any_failed()


def test_a_crash_counts_as_a_failure() -> None:
    """A cancellation does not."""
    assert (StateGroup([Completed(), Crashed()]).fail_count, StateGroup([Crashed()]).any_failed()) == (1, True)
    assert not StateGroup([Cancelled()]).any_failed()


def test_return_values_become_states() -> None:
    """As at the end of a run."""
    assert return_value_to_state(3).result() == 3
    failed = Failed(message="x")
    assert return_value_to_state(failed) is failed


def test_exceptions_become_states() -> None:
    """Failed for what user code raised, Crashed for what came from outside."""
    error = ValueError("boom")
    failed = exception_to_failed_state(error)
    assert (failed.type, failed.data, failed.message) == (StateType.FAILED, error, "ValueError: boom")
    with pytest.raises(ValueError, match="exception"):
        exception_to_failed_state()
    crashed = exception_to_crashed_state(KeyboardInterrupt())
    assert (crashed.type, crashed.message) == (
        StateType.CRASHED,
        "Execution was aborted by an interrupt signal.",
    )


def test_the_exception_at_hand_becomes_a_failed_state() -> None:
    """Inside an `except` none needs to be passed."""
    state, at_hand = None, ValueError("at hand")
    try:
        raise at_hand
    except ValueError:
        state = exception_to_failed_state()
    assert state.data is at_hand


def test_an_exception_is_formatted_with_its_traceback() -> None:
    """As text."""
    with pytest.raises(ValueError, match="boom") as raised:
        raise ValueError("boom")
    text = format_exception(raised.value)
    assert "Traceback" in text
    assert text.rstrip().endswith("ValueError: boom")


def test_there_is_a_constructor_for_every_name_that_the_engine_gives() -> None:
    """With the type that the table says."""
    from headrace.core.state_types import TYPE_OF_NAME

    assert {name: getattr(states, name)().type for name in TYPE_OF_NAME} == dict(TYPE_OF_NAME)


def test_every_name_of_the_module_is_there() -> None:
    """What is promised can be imported."""
    assert all(hasattr(states, name) for name in states.__all__)


def test_the_result_of_a_state_is_had_by_a_function_too() -> None:
    """As by the method."""
    assert get_state_result(Completed(data=3)) == 3
    error = ValueError("no")
    assert get_state_result(Failed(data=error), raise_on_failure=False) is error
    with pytest.raises(ValueError, match="no"):
        get_state_result(Failed(data=error))
