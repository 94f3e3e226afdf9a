"""What the two flows record. No set-up: the plugin gives each test a store of its own."""

import datetime

from flows import my_flow, my_other_flow, my_task


def test_the_task_run_is_named_after_its_parameters(runs):
    """A field of the template may format its value: here, a date as its weekday."""
    my_task(name="marvin", date=datetime.date(2026, 3, 5))
    assert runs.task("My Example Task").name == "hello-marvin-on-Thursday"


def test_the_flow_runs_its_task_once(runs):
    """Both complete, and the task run belongs to the flow run."""
    my_flow()
    assert runs.flow("my-flow").states == ["Pending", "Running", "Completed"]
    assert runs.flow("my-flow").children == [runs.task("hello-marvin-on-*")]


def test_what_the_other_flow_prints_is_in_its_log(runs):
    """`log_prints=True` turns prints into log lines."""
    my_other_flow()
    assert "Hello, I'm a flow" in runs.flow("My Flow").logs
