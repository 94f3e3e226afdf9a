"""Flows that run when their schedules are due."""

import asyncio
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from headrace import aserve, flow, get_client, serve, task
from headrace.client.retrying import ask_for_retry
from headrace.client.schemas.objects import ConcurrencyLimitConfig
from headrace.core.records import FlowRun
from headrace.drive.world import current_world
from headrace.exceptions import StoreOutOfReach
from headrace.runtime import deployment, flow_run
from headrace.schedules import Cron, Interval
from headrace.states import Cancelled
from headrace.testing import Simulation, simulate

DAY, HOUR = 86400, 3600


@task
def copy(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


@flow
def backup(seconds: float = 60) -> float:
    return copy(seconds)


def runs(simulation: Simulation) -> list[FlowRun]:
    """Return the flow runs, in the order in which they were due."""
    return sorted(simulation.store.flow_runs(), key=lambda run: run.expected_start_time or run.created)


def ended(simulation: Simulation) -> list[FlowRun]:
    """Return those that have ended."""
    return [run for run in runs(simulation) if run.state is not None and run.state.is_final()]


def states(simulation: Simulation, run: FlowRun) -> list[str]:
    """Return the names of all states of a run."""
    return [state.name for state in simulation.store.history(run.id)]


def hours(simulation: Simulation, chosen: list[FlowRun]) -> list[float | None]:
    """Return when runs began, in hours after the beginning."""
    return [run.start_time and round((run.start_time - START) / timedelta(hours=1), 3) for run in chosen]


START = datetime(2026, 1, 1, tzinfo=UTC)


# what is due runs ----------------------------------------------------------------------------------------------


def test_a_deployment_runs_at_its_times(simulation: Simulation) -> None:
    """Days pass at once; the next run is there, and waits for its time."""
    simulation.start(serve, backup.to_deployment("nightly", cron="30 2 * * *"))
    simulation.advance(3 * DAY)
    assert hours(simulation, runs(simulation)) == [2.5, 26.5, 50.5, None]
    assert [states(simulation, run) for run in runs(simulation)] == [
        *([["Scheduled", "Pending", "Running", "Completed"]] * 3),
        ["Scheduled"],
    ]


def test_a_flow_is_served_by_itself_too(simulation: Simulation) -> None:
    """Under its own name, where no other is given."""
    backup.serve(interval=HOUR, timeout=3 * HOUR + 1)
    assert hours(simulation, runs(simulation)) == [1, 2, 3]


def test_a_run_is_recorded_ahead_of_its_time(simulation: Simulation) -> None:
    """With the time, and the deployment that it is of."""
    nightly = backup.to_deployment("nightly", cron="30 2 * * *", tags=["night"], parameters={"seconds": 5})
    simulation.start(serve, nightly)
    simulation.advance(1)
    (run,) = runs(simulation)
    assert run.state is not None
    assert run.state.state_details.scheduled_time == run.expected_start_time == START + timedelta(hours=2.5)
    assert (run.deployment_id, run.tags, run.parameters) == (nightly.id, {"night"}, {"seconds": 5})


def test_a_run_knows_its_deployment(simulation: Simulation) -> None:
    """So do its tasks, and its subflows; code elsewhere knows of none."""
    seen: list[Any] = []

    def look() -> None:
        seen.append((deployment.id, deployment.name, deployment.version, deployment.parameters, deployment.flow_run_id))

    @flow
    def inner() -> None:
        look()
        seen.append(flow_run.parent_deployment_id)

    @flow
    def outer(first: int = 1, second: int = 2) -> None:
        look()
        seen.append((flow_run.scheduled_start_time, flow_run.tags, flow_run.parameters))
        task(look)()
        inner()

    deployed = outer.to_deployment("d", cron="0 1 * * *", version="7", parameters={"first": 5}, tags=["a"])
    simulation.start(serve, deployed)
    simulation.advance(2 * HOUR)
    (run, *_) = ended(simulation)
    known = (str(deployed.id), "d", "7", {"first": 5}, str(run.id))
    assert seen[0] == seen[2] == seen[3] == known
    assert seen[1] == (START + timedelta(hours=1), ["a"], {"first": 5, "second": 2})
    assert seen[4] == str(deployed.id)
    assert (deployment.id, deployment.name, deployment.parameters) == (None, None, {})


def test_task_runs_inherit_the_tags(simulation: Simulation) -> None:
    """As those of a flow that is called inside a block of `tags`."""
    simulation.start(serve, backup.to_deployment("nightly", interval=HOUR, tags=["night"]))
    simulation.advance(2 * HOUR)
    assert {run.tags for run in simulation.store.task_runs()} == {frozenset({"night"})}


def test_each_schedule_has_parameters_of_its_own(simulation: Simulation) -> None:
    """Besides those of the deployment; what is not active is never due."""

    @flow
    def greet(name: str, greeting: str = "Hello") -> str:
        return f"{greeting} {name}"

    schedules = [
        Cron("0 1 * * *", parameters={"name": "Ada"}),
        Cron("0 2 * * *", parameters={"name": "Bob", "greeting": "Hi"}),
        Cron("0 3 * * *", parameters={"name": "Cleo"}, active=False),
    ]
    simulation.start(serve, greet.to_deployment("d", schedules=schedules, parameters={"greeting": "Good morning"}))
    simulation.advance(12 * HOUR)
    assert [run.parameters for run in ended(simulation)] == [
        {"name": "Ada", "greeting": "Good morning"},
        {"name": "Bob", "greeting": "Hi"},
    ]


@pytest.mark.parametrize("kind", ["async", "generator", "async generator"])
def test_flows_of_every_kind_are_served(simulation: Simulation, kind: str) -> None:
    """Async ones in an event loop of their thread."""

    @flow
    async def waits() -> int:
        await asyncio.sleep(10)
        return 1

    @flow
    def yields() -> Iterator[int]:
        yield 1

    @flow
    async def waits_and_yields() -> Any:
        await asyncio.sleep(10)
        yield 1

    served: Any = {"async": waits, "generator": yields, "async generator": waits_and_yields}[kind]
    simulation.start(serve, served.to_deployment("d", interval=HOUR))
    simulation.advance(2.5 * HOUR)
    assert [run.state_name for run in ended(simulation)] == ["Completed", "Completed"]


def test_wall_clocks_are_followed_where_they_are_changed() -> None:
    """Half past nine in Berlin is an hour earlier in UTC from the last Sunday of March."""
    with simulate(start="2026-03-27T12:00:00Z") as simulation:
        simulation.start(serve, backup.to_deployment("d", schedule=Cron("30 9 * * *", timezone="Europe/Berlin")))
        simulation.advance(3 * DAY)
        began = [run.start_time for run in ended(simulation) if run.start_time]
    assert [f"{at:%d %H:%M}" for at in began] == ["28 08:30", "29 07:30", "30 07:30"]


def test_an_interval_is_counted_from_when_serving_begins(simulation: Simulation) -> None:
    """Unless it has an anchor."""
    anchored = Interval(DAY, anchor_date=datetime(2025, 6, 1, 5, tzinfo=UTC))
    simulation.start(serve, backup.to_deployment("a", interval=DAY), backup.to_deployment("b", schedule=anchored))
    simulation.advance(1.1 * DAY)
    assert hours(simulation, ended(simulation)) == [5, 24]


def test_runs_in_a_file_are_no_different() -> None:
    """Memory and SQLite agree."""
    with simulate(store="sqlite") as simulation:
        simulation.start(serve, backup.to_deployment("nightly", cron="30 2 * * *"))
        simulation.advance(2 * DAY)
        assert hours(simulation, runs(simulation)) == [2.5, 26.5, None]


# what fails ends its run alone ---------------------------------------------------------------------------------


def test_a_flow_that_fails_ends_its_own_run_only(simulation: Simulation) -> None:
    """Whatever ends it; the next run begins as if nothing had been."""
    simulation.stub(backup, [ValueError("no"), SystemExit(3), KeyboardInterrupt(), 1.0])
    simulation.start(serve, backup.to_deployment("d", interval=HOUR))
    simulation.advance(4.5 * HOUR)
    assert [run.state_name for run in ended(simulation)] == ["Failed", "Crashed", "Crashed", "Completed"]


def test_a_run_that_crashes_leaves_the_next_alone(simulation: Simulation) -> None:
    """In a simulation each run counts as a process of its own."""
    simulation.crash(at=("backup", "Running"))
    simulation.start(serve, backup.to_deployment("d", interval=HOUR))
    simulation.advance(2.5 * HOUR)
    assert [run.state_name for run in runs(simulation)] == ["Running", "Completed", "Scheduled"]


def test_a_flow_is_tried_again(simulation: Simulation) -> None:
    """Retries are the run's own matter; others may be due meanwhile."""
    often = flow(retries=1, retry_delay_seconds=2 * HOUR, name="often")(lambda: None)
    simulation.stub(often, [ValueError("no"), 1, 2, 3])
    simulation.start(serve, often.to_deployment("d", interval=HOUR))
    simulation.advance(3.5 * HOUR)
    first, *_ = ended(simulation)
    assert states(simulation, first) == [
        *("Scheduled", "Pending", "Running", "AwaitingRetry", "Retrying", "Completed"),
    ]


def test_parameters_that_are_missing_fail_the_run(simulation: Simulation) -> None:
    """Where nobody wanted them checked before."""

    @flow
    def needs(value: int) -> int:
        return value

    simulation.start(serve, needs.to_deployment("d", interval=HOUR, enforce_parameter_schema=False))
    simulation.advance(1.5 * HOUR)
    (run,) = ended(simulation)
    assert (run.state_name, "value" in str(run.state and run.state.message)) == ("Failed", True)


# how many at a time --------------------------------------------------------------------------------------------


def test_no_more_runs_than_the_limit_are_at_work(simulation: Simulation) -> None:
    """A run that has to wait is Late, and begins when there is room."""
    slow = backup.to_deployment("slow", cron="0 1 * * *", parameters={"seconds": HOUR})
    other = backup.to_deployment("other", cron="30 1 * * *", parameters={"seconds": 1})
    simulation.start(serve, slow, other, limit=1)
    simulation.advance(12 * HOUR)
    first, second = ended(simulation)
    assert hours(simulation, [first, second]) == [1, 2]
    assert states(simulation, first) == ["Scheduled", "Pending", "Running", "Completed"]
    assert states(simulation, second) == ["Scheduled", "Late", "Pending", "Running", "Completed"]


def test_what_is_late_begins_in_the_order_in_which_it_was_due(simulation: Simulation) -> None:
    """Nobody is left out."""
    simulation.start(serve, backup.to_deployment("d", interval=HOUR, parameters={"seconds": 1.5 * HOUR}), limit=1)
    simulation.advance(6.2 * HOUR)
    assert hours(simulation, runs(simulation))[:4] == [1, 2.5, 4, 5.5]


def test_runs_overlap_unless_they_are_limited(simulation: Simulation) -> None:
    """A thread for each."""
    simulation.start(serve, backup.to_deployment("d", interval=HOUR, parameters={"seconds": 2.5 * HOUR}))
    simulation.advance(3.2 * HOUR)
    assert [run.state_name for run in runs(simulation)] == ["Running"] * 3 + ["Scheduled"]


def test_a_deployment_has_a_limit_of_its_own(simulation: Simulation) -> None:
    """Others are not held up."""
    slow = backup.to_deployment("slow", interval=HOUR, parameters={"seconds": 1.5 * HOUR}, concurrency_limit=1)
    quick = copy_of_backup.to_deployment("quick", interval=HOUR, parameters={"seconds": 1})
    simulation.start(serve, slow, quick)
    simulation.advance(3.2 * HOUR)
    began = {name: [run for run in runs(simulation) if run.flow_name == name] for name in ("backup", "copy-of-backup")}
    assert hours(simulation, began["backup"])[:3] == [1, 2.5, None]
    assert hours(simulation, began["copy-of-backup"])[:3] == [1, 2, 3]


copy_of_backup = backup.with_options(name="copy-of-backup")


def test_a_run_too_many_may_be_cancelled(simulation: Simulation) -> None:
    """With a message that says why."""
    config = ConcurrencyLimitConfig(limit=1, collision_strategy="CANCEL_NEW")  # type: ignore[arg-type]
    simulation.start(
        serve,
        backup.to_deployment("d", interval=HOUR, parameters={"seconds": 1.5 * HOUR}, concurrency_limit=config),
    )
    simulation.advance(3.2 * HOUR)
    assert [run.state_name for run in runs(simulation)] == ["Completed", "Cancelled", "Running", "Scheduled"]
    assert str(runs(simulation)[1].state) == "Cancelled('Its deployment may have no more runs at a time.')"


# stopping, and what passed meanwhile ---------------------------------------------------------------------------


def test_stopping_waits_for_what_is_at_work(simulation: Simulation) -> None:
    """And takes back what is planned, so that nothing is made up for later."""
    nightly = backup.to_deployment("nightly", interval=HOUR, parameters={"seconds": HOUR / 2})
    serve(nightly, timeout=1.25 * HOUR)
    assert simulation.elapsed == 1.5 * HOUR
    assert [run.state_name for run in runs(simulation)] == ["Completed"]
    simulation.advance(5 * HOUR)
    serve(nightly, timeout=1.25 * HOUR)
    assert hours(simulation, ended(simulation)) == [1, 7.5]


def test_what_waits_for_room_is_cancelled_when_serving_stops(simulation: Simulation) -> None:
    """It was late, and nobody makes up for it."""
    serve(
        backup.to_deployment("d", interval=HOUR, parameters={"seconds": 5 * HOUR}),
        limit=1,
        timeout=2.5 * HOUR,
    )
    assert [states(simulation, run)[1:] for run in runs(simulation)] == [
        ["Pending", "Running", "Completed"],
        ["Late", "Cancelled"],
    ]


def test_a_time_that_passed_is_made_up_for_once(simulation: Simulation, caplog: pytest.LogCaptureFixture) -> None:
    """It is Late; of the others there is a warning."""
    nightly = backup.to_deployment("nightly", cron="0 2 * * *")
    serve(nightly, timeout=HOUR, pause_on_shutdown=False)
    simulation.advance(5 * DAY)
    with caplog.at_level(logging.WARNING):
        serve(nightly, timeout=DAY)
    made_up, regular = ended(simulation)
    assert states(simulation, made_up) == ["Scheduled", "Late", "Pending", "Running", "Completed"]
    assert hours(simulation, [made_up, regular]) == [5 * 24 + 1, 5 * 24 + 2]
    assert made_up.expected_start_time == START + timedelta(hours=2)
    assert "4 times of 'backup/nightly' passed while nothing ran" in caplog.text


def test_what_a_killed_process_had_planned_is_taken_over(simulation: Simulation) -> None:
    """It is run at its time, once."""
    nightly = backup.to_deployment("nightly", cron="0 2 * * *")
    serve(nightly, timeout=HOUR, pause_on_shutdown=False)  # as good as killed: what is planned stays
    serve(nightly, timeout=DAY)
    assert hours(simulation, runs(simulation)) == [2]


def test_what_another_schedule_had_planned_is_taken_back(simulation: Simulation) -> None:
    """The deployment runs at the times that it has now."""
    serve(backup.to_deployment("nightly", cron="0 2 * * *"), timeout=HOUR, pause_on_shutdown=False)
    serve(backup.to_deployment("nightly", cron="0 5 * * *"), timeout=DAY)
    assert hours(simulation, runs(simulation)) == [5]


def test_a_paused_deployment_does_not_run(simulation: Simulation, caplog: pytest.LogCaptureFixture) -> None:
    """Which is said, where nothing else is served."""
    with caplog.at_level(logging.WARNING):
        serve(backup.to_deployment("nightly", cron="0 2 * * *", paused=True), timeout=3 * DAY)
    assert runs(simulation) == []
    assert "nothing will run" in caplog.text


def test_serving_in_async_code_is_stopped_by_cancelling_it(simulation: Simulation) -> None:
    """It waits for what is at work."""

    async def main() -> None:
        serving = asyncio.ensure_future(aserve(backup.to_deployment("d", interval=HOUR)))
        await asyncio.sleep(HOUR + 1)
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving

    asyncio.run(main())
    assert [run.state_name for run in runs(simulation)] == ["Completed"]


def test_serving_would_hold_an_event_loop_up(simulation: Simulation) -> None:
    """So it is refused there."""

    async def main() -> None:
        serve(backup.to_deployment("d", interval=HOUR))

    with pytest.raises(RuntimeError, match=r"await aserve"):
        asyncio.run(main())


# what others do to runs that wait ------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [1, None])
def test_a_run_that_is_cancelled_ahead_of_its_time_does_not_begin(simulation: Simulation, limit: int | None) -> None:
    """The one after it does."""
    simulation.start(serve, backup.to_deployment("d", interval=HOUR), limit=limit)
    simulation.advance(60)
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(runs(simulation)[0].id, Cancelled())
    simulation.advance(2.5 * HOUR)
    assert [states(simulation, run) for run in runs(simulation)][:2] == [
        ["Scheduled", "Cancelled"],
        ["Scheduled", "Pending", "Running", "Completed"],
    ]


def test_a_run_that_is_cancelled_while_it_is_late_does_not_begin(simulation: Simulation) -> None:
    """Nor does it hold up what comes after it."""
    simulation.start(serve, backup.to_deployment("d", interval=HOUR, parameters={"seconds": 1.5 * HOUR}), limit=1)
    simulation.advance(2.2 * HOUR)
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(runs(simulation)[1].id, Cancelled())
    simulation.advance(3 * HOUR)
    assert hours(simulation, runs(simulation))[:3] == [1, None, 3]


@pytest.mark.parametrize("hours_later", [0.5, 2.2], ids=["planned", "late"])
def test_a_run_that_is_asked_to_stop_before_it_begins_is_cancelled_at_once(
    simulation: Simulation, hours_later: float
) -> None:
    """The one after it begins as if it had never been."""
    served = backup.to_deployment("d", interval=HOUR, parameters={"seconds": 1.5 * HOUR})
    simulation.start(serve, served, limit=1)
    simulation.advance(hours_later * HOUR)
    chosen = next(run for run in runs(simulation) if run.run_count == 0)
    with get_client(sync_client=True) as client:
        assert client.cancel_flow_run(chosen.id).name == "Cancelled"
    simulation.advance(4 * HOUR)
    assert states(simulation, chosen)[-1] == "Cancelled"
    assert "Pending" not in states(simulation, chosen)
    assert len(ended(simulation)) >= 2


def test_a_run_that_is_asked_to_stop_while_it_waits_to_be_run_again_is_cancelled_at_once(
    simulation: Simulation,
) -> None:
    """It has been taken up, and there is no room for it."""
    served = backup.to_deployment("d", interval=HOUR, parameters={"seconds": 2.5 * HOUR})
    simulation.start(serve, served, limit=1)
    simulation.advance(4 * HOUR)
    first = ended(simulation)[0]
    ask_for_retry(current_world(), first.id)
    simulation.advance(60)
    assert states(simulation, first)[-2:] == ["AwaitingRetry", "Pending"]
    with get_client(sync_client=True) as client:
        client.cancel_flow_run(first.id)
    simulation.advance(1)
    assert states(simulation, first)[-3:] == ["Pending", "Cancelling", "Cancelled"]


def test_what_is_asked_to_run_again_begins_at_once(simulation: Simulation) -> None:
    """Whoever serves it need not look for it."""
    simulation.start(serve, backup.to_deployment("d", cron="0 0 * * *"))
    simulation.advance(1.5 * DAY)
    first = ended(simulation)[0]
    ask_for_retry(current_world(), first.id)
    simulation.advance(61)
    assert states(simulation, first)[-4:] == ["AwaitingRetry", "Pending", "Retrying", "Completed"]


def test_what_was_cancelled_stays_in_the_record_when_serving_stops(simulation: Simulation) -> None:
    """Only what is planned still is taken back."""
    served = simulation.start(serve, backup.to_deployment("d", interval=HOUR), timeout=0.5 * HOUR)
    simulation.advance(60)
    with get_client(sync_client=True) as client:
        client.cancel_flow_run(runs(simulation)[0].id)
    served.result()
    assert [states(simulation, run) for run in runs(simulation)] == [["Scheduled", "Cancelled"]]


def test_a_run_that_is_deleted_ahead_of_its_time_is_gone(simulation: Simulation) -> None:
    """The one after it begins."""
    simulation.start(serve, backup.to_deployment("d", interval=HOUR, parameters={"seconds": 1.5 * HOUR}), limit=1)
    simulation.advance(1.2 * HOUR)
    simulation.store.delete("flow", runs(simulation)[1].id)
    simulation.advance(2 * HOUR)
    assert hours(simulation, runs(simulation))[:2] == [1, 3]


def test_histories_say_why(simulation: Simulation) -> None:
    """Of what was due, late, and given up."""
    serve(backup.to_deployment("d", interval=HOUR, parameters={"seconds": 1.75 * HOUR}), limit=1, timeout=3.25 * HOUR)
    told = [[step.cause for step in run.transitions] for run in simulation.runs.flows("*")]
    assert told == [
        ["scheduled", "its time has come", "started", "returned"],
        ["scheduled", "its time has passed", "its time has come", "started", "returned"],
        ["scheduled", "its time has passed", "Whoever served its deployment stopped before it began."],
    ]


def test_serving_is_exactly_repeatable() -> None:
    """The same seed, the same story."""

    def history() -> list[Any]:
        with simulate(seed=5) as simulation:
            simulation.start(serve, backup.to_deployment("a", interval=HOUR), backup.to_deployment("b", interval=HOUR))
            simulation.advance(5 * HOUR)
            return [(run.name, run.start_time, run.state_name) for run in runs(simulation)]

    assert history() == history()


# what is refused -----------------------------------------------------------------------------------------------


def test_what_is_served_is_made_by_to_deployment() -> None:
    """Neither nothing, nor flows themselves, nor two of one name."""
    with pytest.raises(ValueError, match="There is nothing to serve"):
        serve()
    with pytest.raises(TypeError, match=r"made by my_flow.to_deployment"):
        serve(backup)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="Two deployments are called 'backup/d'"):
        serve(backup.to_deployment("d"), backup.to_deployment("d"))
    with pytest.raises(ValueError, match="'limit' can't be 0"):
        serve(backup.to_deployment("d"), limit=0)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_the_first_signal_lets_runs_end(simulation: Simulation) -> None:
    """The server takes nothing new."""
    import signal
    import threading

    interrupting = flow(name="interrupting")(lambda: signal.pthread_kill(threading.main_thread().ident, signal.SIGINT))
    serve(interrupting.to_deployment("d", interval=HOUR))
    assert [run.state_name for run in runs(simulation)] == ["Completed"]


def test_what_is_due_runs_while_the_server_is_out_of_reach(
    simulation: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Runs are recorded later then; what was asked of others is heard of when it answers."""

    def away(*_: object, **__: object) -> Any:
        raise StoreOutOfReach("The server is down.")

    simulation.start(serve, backup.to_deployment("hourly", interval=HOUR))
    simulation.advance(1.5 * HOUR)
    with monkeypatch.context() as outage:
        outage.setattr(simulation.store, "flow_runs", away)
        simulation.advance(2 * HOUR)
    simulation.advance(HOUR)
    assert hours(simulation, ended(simulation)) == [1, 2, 3, 4]
