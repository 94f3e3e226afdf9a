"""What a trace tells of the scenes of a test: everything, in the order in which it happened."""

from __future__ import annotations

import time
from typing import Any

import pytest

from headrace import State, flow, get_run_logger, task
from headrace.concurrency.sync import concurrency
from headrace.core.timeline import Row
from headrace.pages.trace import Act, Told
from headrace.store.protocol import ConcurrencyLimit
from headrace.testing import Simulation, simulate
from headrace.testing.scenes import scene_of
from headrace.testing.tracing import material
from headrace.testing.tracing.acts import act_of
from headrace.testing.tracing.shown import abbreviated, shown


@task(retries=2, retry_delay_seconds=[10, 20], task_run_name="fetch-{url}", tags={"net"})
def fetch(url: str) -> str:
    get_run_logger().info("asking %s", url)
    return f"page of {url}"


@task(task_run_name="measure-{page}")
def measure(page: str) -> int:
    return len(page)


@flow
def check(size: int) -> int:
    return size


@flow
def ingest(urls: list[str]) -> int:
    sizes = [measure.submit(fetch.submit(url)) for url in urls]
    return check(sum(size.result() for size in sizes))


def traced(simulation: Simulation) -> Act:
    return act_of(scene_of(simulation), "")


def told(act: Act, name: str) -> Told:
    return act.runs[number(act, name)]


def row(act: Act, name: str) -> Row:
    return act.rows[number(act, name)]


def number(act: Act, name: str) -> int:
    (found,) = [n for n, row in enumerate(act.rows) if name in (row.name, row.definition)]
    return found


def states_at(act: Act, name: str, position: int) -> list[str]:
    """Return which states a run had entered at a position."""
    return [state.name for state in told(act, name).states if state.position <= position]


def test_every_state_has_a_position_of_its_own() -> None:
    """In the order in which they were recorded, also where no time passes."""
    with simulate() as simulation:
        ingest(["a"])
        act = traced(simulation)
    taken = [(state.position, one.definition, state.name) for one in act.runs for state in one.states]
    order = [(definition, name) for _, definition, name in sorted(taken)]
    assert [position for position, _, _ in sorted(taken)] == list(range(len(act.positions)))
    assert order[0] == ("ingest", "Pending")
    assert order.index(("fetch", "Completed")) < order.index(("measure", "Running"))
    assert order.index(("check", "Completed")) < order.index(("ingest", "Completed")) == len(order) - 1


def test_what_stands_for_a_subflow_is_told_by_the_subflow() -> None:
    """One row for the two of them, below what called it."""
    with simulate() as simulation:
        ingest(["a"])
        act = traced(simulation)
    assert [(row.depth, row.definition) for row in act.rows] == [
        (0, "ingest"),
        (1, "fetch"),
        (1, "measure"),
        (1, "check"),
    ]


def test_runs_that_nobody_started_have_rows_of_their_own() -> None:
    """Tasks outside flows, and flows that a task outside a flow called."""

    @task
    def outside() -> int:
        return check(1)

    with simulate() as simulation:
        outside()
        fetch("b")
        act = traced(simulation)
    assert [row.definition for row in act.rows] == ["outside", "check", "fetch"]


def test_where_no_time_passes_bars_are_drawn_in_steps() -> None:
    """Else all of them would be at the left edge."""
    with simulate() as simulation:
        ingest(["a"])
        act = traced(simulation)
    assert act.axis.unit == "steps"
    assert act.axis.span == len(act.positions) - 1
    (running,) = [segment for segment in row(act, "measure").segments if segment.name == "Running"]
    begun, ended = told(act, "measure").states[1:]
    assert (running.start, running.end) == (begun.position, ended.position)


def test_attempts_waits_and_causes_are_told() -> None:
    """State by state, on virtual time."""
    with simulate() as simulation:
        simulation.fail(fetch, ConnectionError("down"), attempts={1, 2})
        fetch("a")
        act = traced(simulation)
    assert (act.axis.unit, act.axis.span) == ("seconds", pytest.approx(30))
    states = told(act, "fetch").states
    assert [(round(one.at), one.name, one.attempt) for one in states] == [
        (0, "Pending", 0),
        (0, "Running", 1),
        (0, "AwaitingRetry", 0),
        (10, "Retrying", 2),
        (10, "AwaitingRetry", 0),
        (30, "Retrying", 3),
        (30, "Completed", 0),
    ]
    assert states[2].because == "raised ConnectionError('down'); retry 1 of 2 in 10 s"


def test_each_stroke_of_a_fault_stands_between_the_states_around_it() -> None:
    """After the attempt that it struck had begun, and before that failed."""
    with simulate() as simulation:
        simulation.fail(fetch, ConnectionError("down"), attempts={1, 2})
        ingest(["a", "b"])
        act = traced(simulation)
    for name in ("fetch-a", "fetch-b"):
        strokes = told(act, name).faults
        assert [states_at(act, name, stroke.position)[-1] for stroke in strokes] == ["Running", "Retrying"]
        assert [stroke.head for stroke in strokes] == ["attempt 1", "attempt 2"]
        run_id = row(act, name).id
        assert [(mark.kind, round(mark.start)) for mark in act.marks[run_id]] == [("fault", 0), ("fault", 10)]
    assert act.tables[0][0] == "What stubs and faults did (4)"


def test_lines_of_a_log_stand_where_they_were_said() -> None:
    """Beside the state before them where no time has passed since; else at a position of their own."""

    @task
    def slow() -> None:
        get_run_logger().info("begin")
        time.sleep(5)
        get_run_logger().info("later")

    with simulate() as simulation:
        slow()
        act = traced(simulation)
    begin, later, finished = told(act, "slow").log
    assert [states_at(act, "slow", line.position)[-1] for line in (begin, later, finished)] == [
        "Running",
        "Running",
        "Completed",
    ]
    assert (begin.text, begin.head, begin.at) == ("begin", "INFO", 0)
    assert later.position == begin.position + 1
    assert act.positions[later.position].at == 5
    assert act.positions[later.position].said == "slow says: later"


def test_inputs_outputs_and_upstream_runs_are_told() -> None:
    """Values by their repr, from when the run had ended; upstream runs with their rows."""
    with simulate() as simulation:
        ingest(["a"])
        act = traced(simulation)
    assert told(act, "fetch").inputs == {"url": "'a'"}
    assert told(act, "fetch").tags == ["net"]
    output = told(act, "fetch").output
    assert output is not None
    assert (output.head, output.text) == ("returned", "'page of a'")
    assert states_at(act, "fetch", output.position)[-1] == "Completed"
    assert told(act, "measure").upstream == [("fetch-a", number(act, "fetch"))]


def test_each_failed_attempt_has_its_traceback() -> None:
    """From the run's log."""

    @task(retries=1)
    def bad() -> None:
        raise LookupError("nowhere")

    with simulate() as simulation:
        with pytest.raises(LookupError):
            bad()
        act = traced(simulation)
    first, second = told(act, "bad").tracebacks
    assert (first.head, second.head) == ("attempt 1", "attempt 2")
    assert first.text.startswith("Traceback (most recent call last):")
    assert first.text.endswith("LookupError: nowhere")
    output = told(act, "bad").output
    assert output is not None
    assert (output.head, output.text) == ("raised", "LookupError('nowhere')")
    assert all("Traceback" not in line.text for line in told(act, "bad").log)


def test_a_run_without_a_log_has_the_traceback_of_its_end(headrace_settings: Any) -> None:
    """Where lines are not sent to the store, the error itself is there."""
    headrace_settings(logging_to_api_enabled=False)

    @task
    def bad() -> None:
        raise LookupError("nowhere")

    with simulate() as simulation:
        with pytest.raises(LookupError):
            bad()
        act = traced(simulation)
    assert told(act, "bad").log == []
    (line,) = told(act, "bad").tracebacks
    assert "LookupError: nowhere" in line.text
    assert 'raise LookupError("nowhere")' in line.text


def test_a_run_that_goes_on_has_no_output() -> None:
    """Nor an end to its bar before that of the axis."""
    with simulate() as simulation:
        simulation.slow(fetch, 100)
        simulation.start(ingest, ["a"])
        simulation.run_until(simulation.runs.task("fetch-a").reaches("Running"))
        simulation.advance(5)
        act = traced(simulation)
    assert told(act, "fetch").output is None
    assert row(act, "fetch").segments[-1].end == pytest.approx(5)


def test_waits_for_slots_are_marked() -> None:
    """Those that code asks for; those of tags are states already."""

    @task(task_run_name="save-{n}")
    def save(n: int) -> None:
        with concurrency("db"):
            time.sleep(5)

    @flow
    def store() -> None:
        save.map([1, 2]).wait()

    with simulate() as simulation:
        simulation.store.put_limit(ConcurrencyLimit(name="db", limit=1))
        store()
        act = traced(simulation)
    (mark,) = act.marks[row(act, "save-2").id]
    assert (mark.kind, mark.start, mark.end) == ("slot", 0, 5)
    (line,) = dict(act.tables)["Waits for slots (1)"]
    assert (line.head, line.text) == ("save-2", "db: got it after 5 s")


def test_of_other_stores_moments_tell_the_order() -> None:
    """What a file of SQLite does not keep is said to be missing."""
    with simulate(store="sqlite") as simulation:
        simulation.slow(fetch, 3)
        ingest(["a"])
        act = traced(simulation)
    seconds = [position.at for position in act.positions]
    assert seconds == sorted(seconds)
    output = told(act, "fetch").output
    assert output is not None
    assert (output.head, output.text) == ("returned what this store does not keep", "")
    assert [state.name for state in told(act, "ingest").states] == ["Pending", "Running", "Completed"]


def test_a_store_that_cannot_be_read_is_said_to_be_so() -> None:
    """A test may have closed it."""
    with simulate() as simulation:
        fetch("a")
        simulation.store.close()
        act = traced(simulation)
    assert "closed" in act.trouble


def test_more_runs_than_can_be_shown_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first are shown."""
    monkeypatch.setattr(material, "MOST_RUNS", 3)
    with simulate() as simulation:
        for n in range(5):
            fetch(str(n))
        act = traced(simulation)
    assert [row.name for row in act.rows] == ["fetch-0", "fetch-1", "fetch-2"]
    assert act.runs_left_out == 2
    assert len(act.positions) == 9


def test_a_long_log_is_told_from_its_end() -> None:
    """And says how much is left out."""

    @task
    def talks() -> None:
        for n in range(500):
            get_run_logger().info("line %s", n)

    with simulate() as simulation:
        talks()
        act = traced(simulation)
    assert len(told(act, "talks").log) == 300
    assert told(act, "talks").log_left_out == 201
    assert told(act, "talks").log[-2].text == "line 499"


# values ----------------------------------------------------------------------------------------------------------


class Rude:
    """Something that can't be shown."""

    def __repr__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("value", "begin", "end"),
    [
        (list(range(10_000_000)), "[0, 1, 2, ", "(abbreviated: list of 10,000,000)"),
        ("x" * 5_000_000, "'xxxx", "(abbreviated: str of 5,000,000)"),
        ({n: n for n in range(100_000)}, "{0: 0, 1: 1, ", "(abbreviated: dict of 100,000)"),
        ([["y" * 1000] * 1000] * 1000, "[['yyy", "(abbreviated: list of 1,000)"),
        (State, "<class", "State'>"),
    ],
)
def test_a_huge_value_is_abbreviated_and_says_so(value: Any, begin: str, end: str) -> None:
    """Without writing all of it down first."""
    text = shown(value, 500)
    assert text.startswith(begin)
    assert text.endswith(end)
    assert len(text) < 600


@pytest.mark.parametrize("value", [{"b": 1, "a": [2, (3,)]}, "it's", b"bytes", {1}, None, 1.5, [], {}])
def test_a_small_value_is_shown_as_it_is(value: Any) -> None:
    """By its repr."""
    assert shown(value, 500) == repr(value)


def test_a_repr_that_fails_does_no_harm() -> None:
    """Nor does one deep inside."""
    assert "Rude" in shown(Rude(), 500)
    assert "Rude" in shown([{"a": Rude()}], 500)


def test_a_long_text_keeps_its_begin_and_its_end() -> None:
    """A traceback says most at both."""
    text = abbreviated("begin" + "x" * 10_000 + "end", 100)
    assert text.startswith("begin")
    assert text.endswith("end")
    assert "9,908 of 10,008 characters are left out" in text
