"""What runs write to their logs: loggers and prints."""

import asyncio
import logging
import re
import sys
import threading
from typing import Any

import pytest

from headrace import flow, get_run_logger, task
from headrace.context import get_run_context
from headrace.drive.logs import ConsoleFormatter, StoreHandler, run_extra
from headrace.drive.world import current_world
from headrace.exceptions import MissingContextError
from headrace.logging import disable_run_logger, get_logger
from headrace.logging.loggers import flow_run_logger, task_run_logger
from headrace.runtime import flow_run
from headrace.settings import temporary_settings
from headrace.store.protocol import LogFilter, LogRecord, Store


def lines(run_store: Store, **where: Any) -> list[LogRecord]:
    """Return the log lines that users wrote, without the engine's own."""
    current_world().logs.flush()  # where there is no flow run, nobody has written out what waits
    engine = ("Beginning", "Finished")
    return [line for line in run_store.logs(LogFilter(**where)) if not line.message.startswith(engine)]


def messages(run_store: Store, **where: Any) -> list[str]:
    """Return what those lines say."""
    return [line.message for line in lines(run_store, **where)]


def test_lines_of_the_run_logger_go_to_the_store(run_store: Store) -> None:
    """With level, message, moment and the ids of the runs."""

    @task
    def my_task() -> None:
        get_run_logger().warning("from %s", "task")

    @flow
    def my_flow() -> None:
        get_run_logger().info("from flow")
        my_task()
        my_task.submit().wait()

    my_flow()
    flow_run, task_run = run_store.flow_runs()[0], run_store.task_runs()[0]
    first, second, _ = lines(run_store)
    assert (first.message, first.level, first.logger) == ("from flow", logging.INFO, "headrace.flow_runs")
    assert (first.flow_run_id, first.task_run_id) == (flow_run.id, None)
    assert (second.message, second.level, second.logger) == ("from task", logging.WARNING, "headrace.task_runs")
    assert (second.flow_run_id, second.task_run_id) == (flow_run.id, task_run.id)
    assert first.timestamp.tzinfo is not None


def test_lines_of_async_runs_go_to_the_store(run_store: Store) -> None:
    """The same."""

    @task
    async def my_task() -> None:
        get_run_logger().info("from task")

    @flow
    async def my_flow() -> None:
        get_run_logger().info("from flow")
        await my_task()
        await asyncio.gather(my_task(), my_task.submit())

    asyncio.run(my_flow())
    assert messages(run_store) == ["from flow", "from task", "from task", "from task"]


def test_there_is_no_run_logger_outside_a_run() -> None:
    """MissingContextError, a RuntimeError."""
    with pytest.raises(MissingContextError, match="no active flow or task run"):
        get_run_logger()
    with pytest.raises(RuntimeError):
        get_run_logger()


def test_the_run_logger_can_be_disabled() -> None:
    """For calling `task.fn` on its own; afterwards all is as before."""

    @task
    def my_task() -> int:
        get_run_logger().info("unheard")
        return 1

    with disable_run_logger():
        assert my_task.fn() == 1
    with pytest.raises(MissingContextError):
        my_task.fn()
    assert not logging.getLogger("headrace.task_runs").disabled


def test_a_run_logger_takes_extra_and_has_children(run_store: Store) -> None:
    """As the standard library's adapters do."""

    @flow
    def my_flow() -> None:
        logger = get_run_logger(colour="red")
        logger.info("one", extra={"size": 3})
        logger.getChild("deep").info("two")
        assert logger.extra["colour"] == "red"  # type: ignore[index]

    my_flow()
    assert messages(run_store) == ["one", "two"]
    assert lines(run_store)[1].logger == "headrace.flow_runs.deep"


def test_a_traceback_is_worked_out_once(run_store: Store, caplog: pytest.LogCaptureFixture) -> None:
    """For the store and for all other handlers together: formatting it takes longer than all else that a line does."""
    told: list[str] = []

    class Counted(Exception):
        def __str__(self) -> str:
            told.append("again")
            return "down"

    @flow
    def my_flow() -> None:
        try:
            raise Counted
        except Counted:
            get_run_logger().exception("no luck")

    my_flow()
    assert len(told) == 1
    (line,) = messages(run_store)
    assert line.startswith("no luck\nTraceback")
    assert line.endswith("Counted: down")
    assert line in caplog.text


def test_a_logger_without_a_run_has_a_name_below_ours() -> None:
    """`headrace`, or `headrace.<name>`."""
    assert get_logger().name == "headrace"
    assert get_logger("mine").name == "headrace.mine"
    assert get_logger("headrace.flow_runs").name == "headrace.flow_runs"


def test_the_engine_tells_of_the_beginning_and_the_end(run_store: Store) -> None:
    """A flow's first line, and how each run ended."""

    @task
    def my_task() -> None: ...

    @flow
    def my_flow() -> None:
        my_task()

    my_flow()
    (flow_run,) = run_store.flow_runs()
    told = [line.message for line in run_store.logs(LogFilter())]
    assert told == [
        f"Beginning flow run {flow_run.name!r} for flow 'my-flow'",
        "Finished in state Completed()",
        "Finished in state Completed()",
    ]


def test_the_console_shows_moment_level_and_run() -> None:
    """``07:56:58.521 | INFO    | Task run 'x' - …``."""

    @task(task_run_name="hello-marvin")
    def my_task() -> None: ...

    my_task()
    (run,) = current_world().store.task_runs()
    record = logging.LogRecord("headrace.task_runs", 20, "", 0, "Finished in state Completed()", (), None)
    record.__dict__.update(run_extra(run))
    line = ConsoleFormatter().format(record)
    assert re.fullmatch(
        r"\d\d:\d\d:\d\d\.\d{3} \| INFO    \| Task run 'hello-marvin' - Finished in state Completed\(\)", line
    )


def test_records_name_their_runs_for_formats_and_handlers(caplog: pytest.LogCaptureFixture) -> None:
    """As text: ids too."""

    @task
    def my_task() -> None:
        get_run_logger(color="red").warning("from the task")

    @flow
    def my_flow() -> Any:
        my_task()
        get_run_logger(get_run_context()).getChild("part").warning("from the flow")
        return flow_run.id, flow_run.name

    run_id, run_name = my_flow()
    my_task()
    inside, outer, alone = (record for record in caplog.records if record.levelname == "WARNING")
    assert (outer.flow_run_id, outer.flow_run_name, outer.flow_name) == (run_id, run_name, "my-flow")
    assert (inside.flow_run_id, inside.flow_run_name, inside.flow_name) == (run_id, run_name, "my-flow")
    assert (inside.task_name, inside.color, outer.name) == ("my_task", "red", "headrace.flow_runs.part")
    assert isinstance(inside.task_run_id, str)
    assert (alone.flow_run_id, alone.flow_name, alone.task_run_name) == (None, "<unknown>", "my_task")


def test_loggers_of_runs_can_be_had_outside_of_them(run_store: Store, caplog: pytest.LogCaptureFixture) -> None:
    """From what a client read."""
    flow(lambda: task(lambda: None)())()
    (of_flow,), (of_task,) = run_store.flow_runs(), run_store.task_runs()
    flow_run_logger(of_flow).info("later")
    task_run_logger(of_task, flow_run=of_flow).info("later")
    assert [(line.flow_run_id, line.task_run_id) for line in lines(run_store, text="later")] == [
        (of_flow.id, None),
        (of_flow.id, of_task.id),
    ]
    assert caplog.records[-1].flow_run_name == of_flow.name  # type: ignore[attr-defined]


def test_a_run_logger_wants_the_context_of_a_run() -> None:
    """TypeError for anything else."""
    with pytest.raises(TypeError, match="get_run_context"):
        get_run_logger("my-run")  # type: ignore[arg-type]


# prints ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("decorate", [flow, task])
def test_prints_become_lines_of_the_log(
    run_store: Store, capsys: pytest.CaptureFixture[str], decorate: Any, is_async: bool
) -> None:
    """INFO on the run's logger, and nothing on standard output."""

    def sync_fn() -> None:
        print("hello", 3, sep="-")
        print("to stderr", file=sys.stderr)
        print("to stdout", file=sys.stdout)

    async def async_fn() -> None:
        sync_fn()

    decorated = decorate(log_prints=True)(async_fn if is_async else sync_fn)
    asyncio.run(decorated()) if is_async else decorated()
    assert messages(run_store) == ["hello-3", "to stderr", "to stdout"]
    assert {line.level for line in lines(run_store)} == {logging.INFO}
    assert capsys.readouterr().out == ""


def test_a_print_is_logged_as_it_would_look(run_store: Store) -> None:
    """With its separator and its end, without white space behind it; what `print` refuses is refused."""

    @flow(log_prints=True)
    def my_flow() -> None:
        print("a", "b", end="!\n")
        print("  tabbed", end="\t")
        print()
        print("two\nlines", flush=True)
        with pytest.raises(TypeError, match="sep"):
            print("a", sep=3)  # type: ignore[call-overload]

    my_flow()
    assert messages(run_store) == ["a b!", "  tabbed", "", "two\nlines"]


def test_without_log_prints_a_print_prints(run_store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is replaced."""

    @flow
    def my_flow() -> None:
        print("really")

    my_flow()
    assert capsys.readouterr().out == "really\n"
    assert messages(run_store) == []


def test_prints_to_another_file_are_untouched(run_store: Store, tmp_path: Any) -> None:
    """`file=` says where."""

    @flow(log_prints=True)
    def my_flow() -> None:
        with (tmp_path / "out.txt").open("w") as file:
            print("to a file", file=file)

    my_flow()
    assert (tmp_path / "out.txt").read_text() == "to a file\n"
    assert messages(run_store) == []


def test_log_prints_is_inherited(run_store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """By tasks and subflows, called and submitted; their own value comes first."""

    @task
    def inherits() -> None:
        print("task")

    @task(log_prints=False)
    def refuses() -> None:
        print("really")

    @flow
    def child() -> None:
        print("child")
        inherits()

    @flow(log_prints=False)
    def refusing_child() -> None:
        print("really")
        inherits()

    @flow(log_prints=True)
    def parent() -> None:
        inherits()
        inherits.submit().wait()
        refuses()
        refuses.submit().wait()
        child()
        refusing_child()
        print("parent")

    parent()
    assert messages(run_store) == ["task", "task", "child", "task", "parent"]
    assert capsys.readouterr().out == "really\n" * 3 + "task\n"


def test_the_setting_decides_where_nobody_else_does(run_store: Store) -> None:
    """HEADRACE_LOGGING_LOG_PRINTS."""

    @flow
    def my_flow() -> None:
        print("by setting")

    with temporary_settings({"HEADRACE_LOGGING_LOG_PRINTS": True}):
        my_flow()
    assert messages(run_store) == ["by setting"]


def test_prints_of_concurrent_runs_do_not_mix(run_store: Store) -> None:
    """Each line belongs to the run that printed it; async too."""
    barrier = threading.Barrier(3, timeout=10)

    @task
    def prints(n: int) -> None:
        barrier.wait()
        for _ in range(5):
            print(f"number {n}")

    @task
    async def async_prints(n: int) -> None:
        for _ in range(5):
            print(f"number {n}")
            await asyncio.sleep(0)

    @flow(log_prints=True)
    def my_flow() -> None:
        prints.map([0, 1, 2]).wait()

    @flow(log_prints=True)
    async def async_flow() -> None:
        await asyncio.gather(*[async_prints(n) for n in (0, 1, 2)])

    my_flow()
    asyncio.run(async_flow())
    for run in run_store.task_runs():
        assert messages(run_store, task_run_id=run.id) == [f"number {run.parameters['n']}"] * 5


def test_a_thread_of_the_users_prints_as_ever(capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody's run, nobody's log; afterwards `print` is print."""

    @flow(log_prints=True)
    def my_flow() -> None:
        thread = threading.Thread(target=print, args=("from a thread",))
        thread.start()
        thread.join()

    my_flow()
    print("after")
    assert capsys.readouterr().out == "from a thread\nafter\n"


def test_a_name_callable_and_hooks_may_print(run_store: Store) -> None:
    """Hooks print into the log of their run."""

    def hook(*_: Any) -> None:
        print("from a hook")

    flow(log_prints=True, on_completion=[hook])(lambda: 1)()
    assert messages(run_store) == ["from a hook"]


def test_a_filter_of_the_handler_is_heeded(run_store: Store) -> None:
    """It may drop a line."""
    handler = next(handler for handler in logging.getLogger("headrace").handlers if isinstance(handler, StoreHandler))
    handler.addFilter(without_secrets)
    try:

        @flow
        def my_flow() -> None:
            get_run_logger().info("secret")
            get_run_logger().info("public")

        my_flow()
    finally:
        handler.removeFilter(without_secrets)
    assert [line.message for line in lines(run_store)] == ["public"]


def without_secrets(record: logging.LogRecord) -> bool:
    return record.getMessage() != "secret"
