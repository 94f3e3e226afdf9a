"""States and runs asked for what scripts expect of pydantic models."""

import copy
import datetime
import json
import pickle
from uuid import UUID

import pytest
from pydantic import BaseModel, ValidationError

from headrace import flow, get_client, task
from headrace.client.schemas.objects import FlowRun, TaskRun
from headrace.states import AwaitingRetry, Completed, Failed, Scheduled, State, StateDetails, StateType

MOMENT = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC)


class Mine(State):
    """A state of the user's own class."""

    __slots__ = ()


@task
def add(x: int) -> int:
    return x + 1


@flow
def total(x: int, y: int = 2) -> int:
    return add(x) + y


class TestStatesMadeByHand:
    def test_a_state_has_an_id_and_a_time(self) -> None:
        """From the world that it is made in; each has an id of its own."""
        before = datetime.datetime.now(datetime.UTC)
        one, other = State(type=StateType.COMPLETED), Completed()
        assert isinstance(one.id, UUID)
        assert one.id != other.id
        assert one.timestamp is not None
        assert before <= one.timestamp <= datetime.datetime.now(datetime.UTC)

    def test_a_state_that_is_scheduled_says_for_when(self) -> None:
        """For now, if it was not told."""
        state = State(type=StateType.SCHEDULED)
        assert state.state_details.scheduled_time == state.timestamp
        assert AwaitingRetry(scheduled_time=MOMENT).state_details.scheduled_time == MOMENT

    def test_fields_are_read_as_a_model_reads_them(self) -> None:
        """Text becomes what it stands for, and a moment without a zone is UTC."""
        run = UUID(int=7)
        state = State(
            type="COMPLETED",
            timestamp="2026-03-01T12:00:00Z",
            id=str(run),
            state_details={"flow_run_id": str(run), "pause_timeout": "2026-03-01T12:00:00+00:00"},
        )
        assert (state.type, state.timestamp, state.id) == (StateType.COMPLETED, MOMENT, run)
        assert (state.state_details.flow_run_id, state.state_details.pause_timeout) == (run, MOMENT)
        assert State(type="FAILED", timestamp=datetime.datetime(2026, 3, 1, 12)).timestamp == MOMENT

    @pytest.mark.parametrize("wrong", [{"type": "BOGUS"}, {"timestamp": "soon"}, {"id": "x"}, {"colour": "red"}])
    def test_what_is_no_state_is_refused(self, wrong: dict[str, str]) -> None:
        """With a TypeError or a ValueError."""
        with pytest.raises((TypeError, ValueError)):
            State(**{"type": "COMPLETED", **wrong})

    def test_a_timestamp_that_is_none_is_refused_with_what_was_given(self) -> None:
        """And not only when a run enters the state."""
        with pytest.raises(TypeError, match="not 5, a int"):
            State(type="COMPLETED", timestamp=5)  # type: ignore[arg-type]

    def test_classes_may_be_derived(self) -> None:
        """Constructors take them as `cls`, and copies are of the same class."""
        state = Completed(cls=Mine, data=1)
        assert type(state) is Mine
        assert type(state.replace(message="m")) is Mine
        assert type(pickle.loads(pickle.dumps(state))) is Mine

    def test_a_run_that_returns_a_state_made_long_ago_ends_now(self) -> None:
        """Not at a time before it had begun."""
        skipped = Completed(name="Skipped", timestamp=MOMENT)

        @flow
        def skip() -> State:
            return skipped

        ended = skip(return_state=True)
        assert ended.name == "Skipped"
        with get_client(sync_client=True) as client:
            history = client.read_flow_run_states(ended.state_details.flow_run_id)
        stamps = [state.timestamp for state in history]
        assert stamps == sorted(stamps)
        assert ended.timestamp > MOMENT


class TestCopies:
    def test_a_copy_says_the_same(self) -> None:
        """Under either name, and as the copy module makes it."""
        state = Completed(message="m", data=[1])
        for same in (state.model_copy(), state.copy(), copy.copy(state), pickle.loads(pickle.dumps(state))):
            assert same == state
            assert same.id == state.id
        assert state.model_copy().data is state.data
        assert state.model_copy(deep=True).data is not state.data
        assert state.model_copy(deep=True) == state

    def test_an_update_changes_the_copy_alone(self) -> None:
        """Values are read as they are when a state is made."""
        state = Completed(message="m", data=1)
        changed = state.model_copy(update={"type": "FAILED", "message": "n", "state_details": {"cache_key": "k"}})
        assert (changed.type, changed.name, changed.message) == (StateType.FAILED, "Completed", "n")
        assert changed.state_details == StateDetails(cache_key="k")
        assert (state.type, state.message) == (StateType.COMPLETED, "m")

    def test_an_unknown_field_is_refused(self) -> None:
        """It names those there are."""
        with pytest.raises(TypeError, match="A state has no 'colour'"):
            Completed().model_copy(update={"colour": "red"})
        total(1)
        with get_client(sync_client=True) as client:
            run = client.read_flow_runs()[0]
        with pytest.raises(TypeError, match="can't be given 'state_name'"):
            run.model_copy(update={"state_name": "Failed"})

    def test_a_fresh_copy_is_another_state(self) -> None:
        """Of the same kind, with an id and a time of its own."""
        state = Completed(data=1, timestamp=MOMENT)
        fresh = state.fresh_copy()
        assert (fresh.type, fresh.data) == (state.type, state.data)
        assert fresh.id != state.id
        assert fresh.timestamp > MOMENT

    def test_details_and_runs_are_copied_too(self) -> None:
        """With changes, and without an effect on the store."""
        assert StateDetails(cache_key="k").model_copy(update={"pause_key": "p"}) == StateDetails(
            cache_key="k", pause_key="p"
        )
        total(1)
        with get_client(sync_client=True) as client:
            run = client.read_flow_runs()[0]
            assert run.model_copy(update={"name": "other"}).name == "other"
            assert client.read_flow_run(run.id).name == run.name


class TestDumps:
    def test_a_state_is_dumped_as_a_dict(self) -> None:
        """Its details as a dict inside."""
        state = Failed(message="m", data=[1], state_details=StateDetails(cache_key="k"))
        dumped = state.model_dump()
        assert list(dumped) == ["id", "type", "name", "timestamp", "message", "data", "state_details"]
        assert (dumped["type"], dumped["message"], dumped["data"]) == (StateType.FAILED, "m", [1])
        assert dumped["state_details"]["cache_key"] == "k"
        assert state.model_dump(include={"name"}) == {"name": "Failed"}
        assert "data" not in state.model_dump(exclude={"data"})
        assert state.state_details.model_dump(exclude_none=True) == {"cache_key": "k", "pause_reschedule": False}
        assert state.state_details.model_dump(exclude_defaults=True) == {"cache_key": "k"}
        assert "message" not in Completed().model_dump(exclude_unset=True)

    def test_a_dump_for_json_holds_what_json_knows(self) -> None:
        """What it does not know becomes its repr."""
        state = Completed(data={"at": MOMENT, "error": ValueError("boom")}, timestamp=MOMENT)
        dumped = state.model_dump(mode="json")
        assert dumped["type"] == "COMPLETED"
        assert dumped["id"] == str(state.id)
        assert dumped["data"] == {"at": "2026-03-01T12:00:00+00:00", "error": "ValueError('boom')"}
        assert json.loads(state.model_dump_json(indent=2)) == dumped

    def test_a_dump_is_read_back(self) -> None:
        """From a dict, and from JSON."""
        state = Scheduled(scheduled_time=MOMENT, data=[1], state_details={"flow_run_id": UUID(int=3)})
        assert State.model_validate(state.model_dump()) == state
        assert State.model_validate(state) is state
        read = State.model_validate_json(state.model_dump_json())
        assert (read, read.id) == (state, state.id)
        with pytest.raises(ValueError, match="BOGUS"):
            State.model_validate({"type": "BOGUS"})

    def test_runs_are_dumped(self) -> None:
        """With what follows from their states."""
        ended = total(1, return_state=True)
        with get_client(sync_client=True) as client:
            run = client.read_flow_run(ended.state_details.flow_run_id)
            child = client.read_task_runs()[0]
        assert isinstance(run, FlowRun)
        assert isinstance(child, TaskRun)
        dumped = run.model_dump()
        assert (dumped["flow_name"], dumped["state_name"], dumped["parameters"]) == (
            "total",
            "Completed",
            {"x": 1, "y": 2},
        )
        assert dumped["state"]["type"] is StateType.COMPLETED
        assert child.model_dump(mode="json")["flow_run_id"] == str(run.id)
        assert json.loads(run.model_dump_json(include={"run_count"})) == {"run_count": 1}


def test_records_of_the_same_run_are_equal() -> None:
    """At the same point of its history."""
    ended = total(1, return_state=True)
    with get_client(sync_client=True) as client:
        run = client.read_flow_run(ended.state_details.flow_run_id)
        again = client.read_flow_run(ended.state_details.flow_run_id)
        children = client.read_task_runs()
    assert run == again
    assert len({run, again}) == 1
    assert run != run.model_copy(update={"name": "other"})
    assert run != children[0]


class Report(BaseModel):
    """A model of a user's, with fields of ours."""

    state: State


class RunReport(BaseModel):
    """Another, of a run."""

    run: FlowRun


class TestInModelsOfPydantic:
    def test_a_state_may_be_a_field(self) -> None:
        """Given as it is, or as what it was dumped to."""
        state = Failed(message="m", data=[1])
        report = Report(state=state)
        assert report.state is state
        assert Report(**report.model_dump()).state == state
        assert Report.model_validate_json(report.model_dump_json()).state == state

    def test_what_is_no_state_does_not_validate(self) -> None:
        """As for any other field."""
        for wrong in (3, {"type": "BOGUS"}, {"colour": "red"}):
            with pytest.raises(ValidationError, match="state"):
                Report(state=wrong)  # type: ignore[arg-type]

    def test_a_run_may_be_a_field_of_what_a_flow_takes(self) -> None:
        """There is no schema for what a run is, but for the rest."""

        @flow
        def pass_on(report: RunReport) -> str | None:
            return report.run.state_name

        ended = total(1, return_state=True)
        with get_client(sync_client=True) as client:
            run = client.read_flow_run(ended.state_details.flow_run_id)
        assert pass_on(RunReport(run=run)) == "Completed"
        assert pass_on.parameters.required == ["report"]
