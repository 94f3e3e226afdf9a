"""What every store promises of runs and their histories."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace.core.records import Run
from headrace.core.state_details import NO_DETAILS, StateDetails
from headrace.core.state_types import StateType
from headrace.core.states import State, unstamped
from headrace.exceptions import ObjectAlreadyExists, ObjectNotFound, StoreError
from headrace.ids import named_id, state_id
from headrace.store.protocol import EVERY_RUN, LogFilter, LogRecord, RunFilter, SeenFlow, Store

from .making import (
    CANCELLING,
    COMPLETED,
    FAILED,
    FLOW_ID,
    PENDING,
    RUNNING,
    T0,
    at,
    enter,
    flow_run,
    names,
    new_id,
    record,
    run_ids,
    task_run,
    told,
    told_state,
)

AT_REST = [
    State(StateType.SCHEDULED),
    State(StateType.SCHEDULED, "Late"),
    State(StateType.SCHEDULED, "AwaitingRetry", state_details=StateDetails(retriable=True)),
]


def test_a_flow_run_is_read_as_it_was_created(store: Store) -> None:
    """Every column of a flow run comes back."""
    run = flow_run(
        flow_version="1.2",
        tags=frozenset({"b", "ä"}),
        parameters={"day": "2026-03-01", "n": 3, "deep": {"x": [1.5, None, True]}},
        parent_task_run_id=new_id(),
        parent_flow_run_id=new_id(),
        root_flow_run_id=new_id(),
        deployment_id=new_id(),
        entrypoint="/flows.py:ingest",
    )
    record(store, run, PENDING, RUNNING)
    assert told(store.flow_run(run.id)) == told(run)


def test_a_task_run_is_read_as_it_was_created(store: Store) -> None:
    """Every column of a task run comes back."""
    run = task_run(
        dynamic_key="7",
        flow_run_id=new_id(),
        flow_run_run_count=2,
        task_inputs={"url": [new_id(), new_id()], "wait_for": []},
        parameters={"url": "a"},
        child_flow_run_id=new_id(),
        cache_key="k",
        tags=frozenset({"x"}),
    )
    record(store, run)
    assert told(store.task_run(run.id)) == told(run)


def test_a_history_is_read_in_order_with_derived_ids(store: Store) -> None:
    """States come back one after the other, each with the id that follows from its position."""
    run = record(store, task_run(), PENDING, RUNNING)
    assert store.transition(run, enter(run, COMPLETED, now=at(5))) is None
    history = store.history(run.id)
    assert names(history) == ["Pending", "Running", "Completed"]
    assert [state.id for state in history] == [state_id(run.id, position) for position in range(3)]
    assert history[2].timestamp == at(5)


@pytest.mark.parametrize(
    "details",
    [
        NO_DETAILS,
        StateDetails(scheduled_time=at(60.000001), retriable=True),
        StateDetails(flow_run_id=FLOW_ID, task_run_id=FLOW_ID, child_flow_run_id=FLOW_ID),
        StateDetails(cache_key="k", cache_expiration=at(1), pause_timeout=at(2), pause_reschedule=True, pause_key="p"),
    ],
)
def test_the_details_of_a_state_are_kept(store: Store, details: StateDetails) -> None:
    """Every field of the details comes back, and none where none was given."""
    scheduled = unstamped(StateType.SCHEDULED, "AwaitingRetry", message="later", state_details=details)
    run = record(store, flow_run(), PENDING, RUNNING, scheduled)
    assert told_state(store.history(run.id)[2]) == told_state(run.state)
    assert store.flow_run(run.id).state.state_details == details


@pytest.mark.parametrize("make", [flow_run, task_run])
def test_states_that_are_read_say_whose_they_are(store: Store, make: Any) -> None:
    """In a history, as the standing state, and where a proposal is answered; beside other details or alone."""
    ids = {"parent_task_run_id": new_id()} if make is flow_run else {"flow_run_id": new_id()}
    scheduled = unstamped(StateType.SCHEDULED, "AwaitingRetry", state_details=StateDetails(scheduled_time=at(60)))
    run = record(store, make(**ids), PENDING, RUNNING, scheduled)
    (stored,) = store.flow_runs() if make is flow_run else store.task_runs()
    late = record_elsewhere(store, run)
    read = [*store.history(run.id), stored.state, store.propose(run.kind, run.id, PENDING), late]
    if make is flow_run:
        read += store.current_states([run.id]).values()
    owners = {(state.state_details.flow_run_id, state.state_details.task_run_id) for state in read}
    assert owners == {run.identity()}
    assert store.history(run.id)[2].state_details.scheduled_time == at(60)


def record_elsewhere(store: Store, run: Run) -> Any:
    """Return what a transition is answered that believes the history to be shorter than it is."""
    run.history_length -= 1
    standing = store.transition(run, [run.state])
    run.history_length += 1
    return standing


def test_a_transition_writes_the_columns_as_they_now_are(store: Store) -> None:
    """Counters, times, cache key and child follow the run."""
    run = record(store, task_run(), PENDING, RUNNING)
    run.cache_key, run.child_flow_run_id = "key", new_id()
    store.transition(run, enter(run, COMPLETED, now=at(3)))
    stored = store.task_run(run.id)
    assert told(stored) == told(run)
    assert stored.end_time == at(3)
    assert stored.total_run_time == timedelta(seconds=3) - timedelta(microseconds=1)


def test_what_a_run_was_given_is_settled_when_it_begins(store: Store) -> None:
    """Name, tags, parameters and inputs are written up to the first RUNNING, and not again."""
    run = record(store, task_run(parameters={"x": "future"}), PENDING)
    run.name = "hello"
    store.transition(run, enter(run, unstamped(StateType.SCHEDULED, "AwaitingConcurrencySlot")))
    assert told(store.task_run(run.id)) == told(run)
    run.name, run.parameters, run.tags, run.task_inputs = "renamed", {"x": 1}, frozenset({"t"}), {"x": [new_id()]}
    store.transition(run, enter(run, RUNNING))
    begun = told(store.task_run(run.id))
    assert begun == told(run)
    run.name, run.parameters, run.tags, run.task_inputs = "late", {"x": 2}, frozenset(), {}
    store.transition(run, enter(run, COMPLETED))
    ended, settled = told(store.task_run(run.id)), ("name", "parameters", "tags", "task_inputs")
    assert [ended[name] for name in settled] == [begun[name] for name in settled]


def test_the_live_run_does_not_reach_into_the_store(store: Store) -> None:
    """What is done to a run, or to a copy that was read, after it was recorded changes nothing."""
    run = record(store, task_run(parameters={"x": 1}), PENDING)
    before = told(store.task_run(run.id))
    for copy in (run, store.task_run(run.id)):
        enter(copy, RUNNING)
        copy.name = "other"
        copy.parameters["x"] = 2  # type: ignore[index]
    assert told(store.task_run(run.id)) == before
    assert names(store.history(run.id)) == ["Pending"]


def test_a_transition_from_another_history_is_refused_with_the_standing_state(store: Store) -> None:
    """Who has not seen the newest state writes nothing, and is told it."""
    run = record(store, flow_run(), PENDING, RUNNING)
    store.propose("flow", run.id, CANCELLING)
    before = told(store.flow_run(run.id))
    standing = store.transition(run, enter(run, COMPLETED, now=at(1)))
    assert standing is not None
    assert standing.name == "Cancelling"
    assert told(store.flow_run(run.id)) == before
    assert names(store.history(run.id)) == ["Pending", "Running", "Cancelling"]


def test_a_transition_of_an_unknown_run_says_so(store: Store) -> None:
    """A run that was never created can't go on."""
    run = task_run()
    with pytest.raises(ObjectNotFound, match=str(run.id)):
        store.transition(run, enter(run, PENDING))


def test_a_transition_without_states_writes_the_columns(store: Store) -> None:
    """A run can be given a name within its state."""
    run = record(store, task_run(), PENDING)
    run.name = "named"
    assert store.transition(run, []) is None
    assert store.task_run(run.id).name == "named"
    assert names(store.history(run.id)) == ["Pending"]


def test_an_id_is_taken_once(store: Store) -> None:
    """Creating a run again raises, and leaves the first as it is."""
    run = record(store, task_run(), PENDING, RUNNING)
    twin = task_run(id=run.id, name="twin")
    with pytest.raises(ObjectAlreadyExists, match=str(run.id)):
        record(store, twin, PENDING)
    assert told(store.task_run(run.id)) == told(run)
    assert names(store.history(run.id)) == ["Pending", "Running"]


def test_a_run_is_created_with_all_its_states(store: Store) -> None:
    """No state, or not all that the run has entered, is a mistake of the caller."""
    run = task_run()
    with pytest.raises(ValueError, match="at least one"):
        store.create(run, [])
    states = enter(run, PENDING, RUNNING)
    with pytest.raises(ValueError, match="entered 2 states"):
        store.create(run, states[1:])
    assert store.count("task") == 0


def test_a_proposal_is_taken_where_the_table_allows_it(store: Store) -> None:
    """The state is appended, and counters and times follow it."""
    run = record(store, task_run(), PENDING, RUNNING)
    stands = store.propose("task", run.id, unstamped(StateType.CRASHED, message="gone", timestamp=at(9)))
    assert (stands.name, stands.timestamp) == ("Crashed", at(9))
    stored = store.task_run(run.id)
    assert (stored.end_time, stored.history_length, stored.state_name) == (at(9), 3, "Crashed")
    assert told_state(store.history(run.id)[-1]) == told_state(stands)


def test_a_proposal_that_the_table_forbids_changes_nothing(store: Store) -> None:
    """A run that has ended can't be cancelled; the answer is the state in which it ended."""
    run = record(store, flow_run(), PENDING, RUNNING, FAILED)
    stands = store.propose("flow", run.id, CANCELLING)
    assert told_state(stands) == told_state(run.state)
    assert names(store.history(run.id)) == ["Pending", "Running", "Failed"]


@pytest.mark.parametrize("make", [flow_run, task_run])
@pytest.mark.parametrize("at_rest", AT_REST, ids=lambda state: state.name)
def test_a_run_that_no_process_is_at_work_on_is_cancelled_at_once(store: Store, make: Any, at_rest: State) -> None:
    """There is nobody who would hear that it is Cancelling."""
    run = record(store, make(), at_rest)
    stands = store.propose(run.kind, run.id, unstamped(StateType.CANCELLING, message="not today"))
    assert (stands.type, stands.name, stands.message) == (StateType.CANCELLED, "Cancelled", "not today")
    assert names(store.history(run.id)) == [at_rest.name, "Cancelled"]


@pytest.mark.parametrize("name", ["AwaitingRetry", "AwaitingConcurrencySlot"])
def test_a_run_that_waits_in_its_process_is_asked_to_stop(store: Store, name: str) -> None:
    """Its process hears of it, and has hooks to run."""
    run = record(store, flow_run(), PENDING, State(StateType.SCHEDULED, name))
    assert store.propose("flow", run.id, CANCELLING).name == "Cancelling"


def test_an_unstamped_proposal_follows_the_state_before_it(store: Store) -> None:
    """A store has no clock: what has no time of its own comes a microsecond after what stands."""
    run = record(store, flow_run(), PENDING)
    assert store.propose("flow", run.id, CANCELLING).timestamp == T0 + timedelta(microseconds=1)


def test_proposing_for_an_unknown_run_says_so(store: Store) -> None:
    """There is nothing to append to, and kinds are not mixed up."""
    run = record(store, flow_run())
    with pytest.raises(ObjectNotFound):
        store.propose("task", run.id, CANCELLING)


@pytest.mark.parametrize("kind", ["flow", "task"])
def test_looking_up_an_unknown_run_says_so(store: Store, kind: str) -> None:
    """The message names the id."""
    missing = new_id()
    with pytest.raises(ObjectNotFound, match=f"{kind} run {missing}"):
        getattr(store, f"{kind}_run")(missing)


def test_the_history_of_an_unknown_run_is_empty(store: Store) -> None:
    """Asking for it is no error."""
    assert store.history(new_id()) == []


def test_runs_are_tallied_part_by_part_of_a_stretch_of_time(store: Store) -> None:
    """By when they were created; what came before it, after it, or does not fit is left out."""
    for seconds in (-1, 0, 2.999999, 3, 8.5, 9, 10, 11):
        record(store, task_run(created=at(seconds)), PENDING, RUNNING)
    record(store, task_run(created=at(1)))
    record(store, task_run("other", created=at(1)))
    pending, running = (StateType.PENDING, "Pending"), (StateType.RUNNING, "Running")
    told = store.tallies("task", RunFilter(name="fetch"), T0, at(10), 4)
    assert told == [{running: 1, pending: 1}, {running: 2}, {}, {running: 2}]
    assert store.tallies("flow", EVERY_RUN, T0, at(10), 2) == [{}, {}]
    for end, parts in ((at(10), 0), (T0, 3)):
        with pytest.raises(ValueError, match="there are no"):
            store.tallies("task", EVERY_RUN, T0, end, parts)


def test_flows_are_listed_by_their_newest_run(store: Store) -> None:
    """Each once, and only those that have runs; equals by name, part by part where asked."""
    for name, created in [("c", 1), ("a", 3), ("b", 2), ("c", 2), ("b", 1), ("gone", 9)]:
        run = record(store, flow_run(flow_name=name, flow_id=named_id(name), created=at(created)))
    store.delete("flow", run.id)
    expected = [SeenFlow(named_id(name), name, at(latest)) for name, latest in [("a", 3), ("b", 2), ("c", 2)]]
    assert store.flows() == expected
    assert store.flows(limit=1, offset=1) == expected[1:2]


def test_histories_of_many_runs_are_read_at_once(store: Store) -> None:
    """Of both kinds; each is what `history` tells, and runs that are not known are missing."""
    runs = [record(store, flow_run(), PENDING, RUNNING), record(store, task_run()), record(store, flow_run())]
    store.transition(runs[0], enter(runs[0], COMPLETED, now=at(5)))
    found = store.histories([*(run.id for run in runs[:2]), new_id()])
    assert found == {run.id: store.history(run.id) for run in runs[:2]}
    assert [state.state_details for state in found[runs[0].id]] == [StateDetails(*runs[0].identity())] * 3
    assert store.histories([]) == {}


def test_current_states_are_those_of_the_flow_runs_that_exist(store: Store) -> None:
    """Unknown ids are left out."""
    one, two = record(store, flow_run(), PENDING, RUNNING), record(store, flow_run(), PENDING)
    found = store.current_states([one.id, new_id(), two.id])
    assert {run_id: state.name for run_id, state in found.items()} == {one.id: "Running", two.id: "Pending"}


def test_deleting_a_task_run_takes_its_history_and_logs(store: Store) -> None:
    """Others are left alone, and a second time there is nothing to delete."""
    gone, stays = record(store, task_run()), record(store, task_run())
    for run in (gone, stays):
        store.append_logs([LogRecord(T0, 20, "line", "log", None, run.id)])
    assert store.delete("task", gone.id) is True
    assert store.delete("task", gone.id) is False
    assert store.history(gone.id) == []
    assert run_ids(store.task_runs()) == [stays.id]
    assert [line.task_run_id for line in store.logs(LogFilter())] == [stays.id]


def test_deleting_a_flow_run_takes_its_task_runs(store: Store) -> None:
    """Their histories and logs go too; runs of subflows and other flows stay."""
    flow, other = record(store, flow_run()), record(store, flow_run())
    child = record(store, flow_run(parent_flow_run_id=flow.id))
    inside, outside = (
        record(store, task_run(flow_run_id=flow.id)),
        record(store, task_run(flow_run_id=other.id)),
    )
    store.append_logs([LogRecord(T0, 20, "a", "log", flow.id), LogRecord(T0, 20, "b", "log", None, inside.id)])
    store.append_logs([LogRecord(T0, 20, "c", "log", other.id)])
    assert store.delete("flow", flow.id) is True
    assert run_ids(store.flow_runs()) == [other.id, child.id]
    assert run_ids(store.task_runs()) == [outside.id]
    assert store.history(inside.id) == []
    assert [line.message for line in store.logs(LogFilter())] == ["c"]


def test_deleting_needs_the_right_kind(store: Store) -> None:
    """A flow run is not deleted as a task run."""
    run = record(store, flow_run())
    assert store.delete("task", run.id) is False
    assert names(store.history(run.id)) == ["Pending"]


def test_text_that_is_no_unicode_is_recorded_all_the_same(store: Store) -> None:
    """A lone surrogate, from a file name say, may be written escaped, but the transition is not lost."""
    run = record(store, task_run(name="bad-\udc80"), PENDING, RUNNING)
    store.transition(run, enter(run, unstamped(StateType.FAILED, message="no file \udcff")))
    store.append_logs([LogRecord(T0, 20, "line \udcff", "log", None, run.id)])
    assert store.task_run(run.id).name.startswith("bad-")
    assert store.history(run.id)[-1].message.startswith("no file ")
    assert store.count("task", RunFilter(name="bad-\udc80")) <= 1  # a question, at least, that may be asked
    assert len(store.logs(LogFilter(task_run_id=run.id))) == 1


def test_two_types_may_share_a_state_name(store: Store) -> None:
    """A name that a user gave to states of two types is kept apart."""
    ends = [unstamped(StateType.COMPLETED, "Done"), unstamped(StateType.FAILED, "Done")]
    runs = [record(store, task_run(), PENDING, RUNNING, end) for end in ends * 2]
    types = [store.history(run.id)[-1].type for run in runs]
    assert types == [StateType.COMPLETED, StateType.FAILED] * 2


def test_a_closed_store_refuses_everything_but_closing(store: Store) -> None:
    """The error says that it was closed."""
    run = record(store, flow_run())
    store.close()
    store.close()
    for use in (
        lambda: store.create(run, [run.state]),
        lambda: store.transition(run, []),
        lambda: store.propose("flow", run.id, CANCELLING),
        lambda: store.flow_run(run.id),
        lambda: store.task_runs(),
        lambda: store.count("flow"),
        lambda: store.history(run.id),
        lambda: store.histories([run.id]),
        lambda: store.current_states([run.id]),
        lambda: store.append_logs([LogRecord(T0, 20, "a", "b")]),
        lambda: store.logs(LogFilter()),
        lambda: store.limits(T0),
        lambda: store.release_slots(run.id, T0),
    ):
        with pytest.raises(StoreError, match="closed"):
            use()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    parameters=st.dictionaries(st.text(max_size=10), json_values, max_size=5),
    tags=st.frozensets(st.text(max_size=9)),
)
def test_what_json_can_say_comes_back(store: Store, parameters: dict[str, object], tags: frozenset[str]) -> None:
    """Parameters and tags of plain values are read as they were given."""
    run = record(store, flow_run(parameters=parameters, tags=tags))
    stored = store.flow_run(run.id)
    assert (stored.parameters, stored.tags) == (parameters, tags)
