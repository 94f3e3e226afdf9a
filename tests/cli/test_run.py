"""`headrace run`: flows of a file, run for real in this process, or as a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from headrace.core.state_types import StateType
from headrace.drive.world import World, use_world
from headrace.store.memory import MemoryStore
from headrace.store.sqlite import SqliteStore

from .conftest import Cli
from .stories import Stories

FLOWS = """
import sys
from headrace import flow, task

@task
def double(n):
    return 2 * n

@task
def fail():
    raise ValueError("boom")

@flow(flow_run_name="sum-{n}")
def add_up(n: int = 3, label: str = "none"):
    print("adding", label)
    return sum(double(i) for i in range(n))

@flow(name="Broken Flow", flow_run_name="broken")
def broken():
    double(1)
    fail()

@flow(flow_run_name="outer")
def outer():
    return add_up(2)

@flow(flow_run_name="late")
async def late():
    return 1

@flow(flow_run_name="gone")
def gone():
    sys.exit(3)
"""

pytestmark = pytest.mark.skipif(find_spec("headrace.flows") is None, reason="there are no flows to run yet")

HEAD = "from headrace import flow\n"
WAITING = """
import threading
@flow
def f():
    print("here", flush=True)
    threading.Event().wait(60)
"""

Write = Callable[..., str]


@pytest.fixture
def store() -> Iterator[MemoryStore]:
    store = MemoryStore()
    with use_world(World(store, seed=1), everywhere=True):
        yield store


@pytest.fixture
def write() -> Iterator[Write]:
    """Write a file of flows into the working directory; what loading it changes is undone."""
    modules, path, here = set(sys.modules), list(sys.path), os.getcwd()

    def write(text: str = FLOWS, name: str = "flows.py") -> str:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text)
        return name

    yield write
    for name in set(sys.modules) - modules:
        if (getattr(sys.modules[name], "__file__", None) or "").startswith(here):
            del sys.modules[name]
    sys.path[:] = path


@pytest.fixture
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let messages about usage stay on one line."""
    monkeypatch.setenv("COLUMNS", "300")


def test_a_flow_runs_and_its_timeline_is_shown(cli: Cli, store: MemoryStore, write: Write) -> None:
    """The run, its task runs, and what the flow printed; exit status 0."""
    write()
    ended = cli("run", "flows.py:add_up", "-p", "n=2")
    assert ended.code == 0, ended.err
    assert "adding none" in ended.out
    assert "sum-2" in ended.out
    assert ended.out.count("✓ Completed") == 3
    assert [run.name for run in store.flow_runs()] == ["sum-2"]


def test_a_failed_run_exits_with_1_and_tells_why(cli: Cli, store: MemoryStore, write: Write) -> None:
    """States in the timeline, the messages below it, the user's own traceback."""
    write()
    ended = cli("run", "flows.py:broken")
    assert ended.code == 1
    assert "✗ broken: Failed" in ended.out
    assert "ValueError: boom" in ended.out
    assert 'raise ValueError("boom")' in ended.err
    assert store.flow_runs()[0].state_type is StateType.FAILED


def test_parameters_are_json_where_they_can_be(cli: Cli, store: MemoryStore, write: Write) -> None:
    """Else text; a pair wins over the JSON object."""
    write()
    cli("run", "flows.py:add_up", "--params", '{"n": 7, "label": "seven"}', "-p", "n=1")
    (run,) = store.flow_runs()
    assert run.name == "sum-1"
    assert run.parameters == {"n": 1, "label": "seven"}


TEXTS = """
from typing import Annotated, Literal
@flow
def f(name: str, zip: Annotated[str, "code"], side: Literal["1", "2"] = "1", note: str | None = "", any=0): ...
"""


def test_a_parameter_for_text_takes_it_as_it_stands(cli: Cli, store: MemoryStore, write: Write) -> None:
    """A name that looks like a number is no number; quotes and null are still JSON's."""
    write(HEAD + TEXTS)
    cli("run", "flows.py", "-p", "name=7", "-p", 'zip="01234"', "-p", "side=2", "-p", "note=null", "-p", "any=7")
    (run,) = store.flow_runs()
    assert run.parameters == {"name": "7", "zip": "01234", "side": "2", "note": None, "any": 7}
    cli("run", "flows.py", "-p", "name=true", "-p", "zip=01234", "-p", "note=1e3")
    assert store.flow_runs()[-1].parameters == {"name": "true", "zip": "01234", "side": "1", "note": "1e3", "any": 0}


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["-p", "m=1"], ["no parameter 'm'", "n, label"]),
        (["-p", "labl=x"], ["Did you mean 'label'?"]),
        (["-p", "n"], ["KEY=VALUE"]),
        (["--params", "[1]"], ["no object"]),
        (["--params", "{"], ["not JSON"]),
    ],
)
def test_wrong_parameters_are_wrong_usage(
    cli: Cli,
    store: MemoryStore,
    write: Write,
    wide: None,
    args: list[str],
    told: list[str],
) -> None:
    """Exit status 2, what there is instead, and no run."""
    write()
    ended = cli("run", "flows.py:add_up", *args)
    assert ended.code == 2
    assert all(text in ended.err for text in told)
    assert store.flow_runs() == []


def test_a_missing_parameter_is_wrong_usage(cli: Cli, store: MemoryStore, write: Write, wide: None) -> None:
    """The message says what to write."""
    write(HEAD + "@flow\ndef f(day, n=1): pass\n")
    ended = cli("run", "flows.py")
    assert ended.code == 2
    assert "-p day=…" in ended.err


def test_a_value_of_the_wrong_type_fails_the_run(cli: Cli, store: MemoryStore, write: Write) -> None:
    """Validation is the engine's; the run is recorded as failed."""
    write()
    assert cli("run", "flows.py:add_up", "-p", "n=many").code == 1
    assert store.flow_runs()[0].state_type is StateType.FAILED


def test_json_is_all_that_is_on_stdout(cli: Cli, store: MemoryStore, write: Write) -> None:
    """What the flow prints goes to stderr."""
    write()
    ended = cli("run", "flows.py:outer", "--json")
    assert ended.code == 0
    assert "adding" in ended.err
    assert ended.json["name"] == "outer"
    assert ended.json["state"]["type"] == "COMPLETED"
    assert [(row["name"], row["depth"]) for row in ended.json["timeline"]][:1] == [("sum-2", 1)]
    assert len(ended.json["timeline"]) == 3


def test_quiet_shows_only_what_the_flow_prints(cli: Cli, store: MemoryStore, write: Write) -> None:
    """Neither timeline nor log."""
    write()
    ended = cli("run", "flows.py:add_up", "--quiet")
    assert (ended.out, ended.err) == ("adding none\n", "")


def test_subflows_are_nested_in_the_timeline(cli: Cli, store: MemoryStore, write: Write) -> None:
    """A step further in for each flow."""
    write()
    starts = [line[: line.index(line.strip()[0])] for line in cli("run", "flows.py:outer").out.splitlines()[2:6]]
    assert starts == ["", "  ", "    ", "    "]


GREAT = """
from headrace import task
@task(task_run_name="fetch-{n}")
def fetch(n):
    if n == 7:
        raise ValueError("boom")

@flow(flow_run_name="inner")
def inner():
    fetch(10)

@flow(flow_run_name="great")
def great():
    for n in range(9):
        fetch(n, return_state=True)
    inner()
"""


def test_of_a_great_run_no_more_is_read_than_is_shown(cli: Cli, store: MemoryStore, write: Write) -> None:
    """What did not complete and subflows always; of the rest the first. JSON is told all."""
    write(HEAD + GREAT)
    for args in (["run", "flows.py:great"], ["runs", "show", "great"]):
        shown = cli(*args, "--rows", "5").out
        assert all(name in shown for name in ("fetch-0", "fetch-1", "fetch-7", "inner"))
        assert "fetch-2" not in shown
        assert "… and 7 more that completed" in shown
    assert len(cli("runs", "show", "great", "--json").json["timeline"]) == 11


def test_an_async_flow_runs(cli: Cli, store: MemoryStore, write: Write) -> None:
    """In an event loop of its own."""
    write()
    assert cli("run", "flows.py:late").code == 0
    assert store.flow_runs()[0].state_type is StateType.COMPLETED


def test_a_flow_that_exits_the_process_has_crashed(cli: Cli, store: MemoryStore, write: Write) -> None:
    """It is told as any other run."""
    write()
    ended = cli("run", "flows.py:gone")
    assert ended.code == 1
    assert "! Crashed" in ended.out


# --- loading -------------------------------------------------------------------------------------------


def test_a_flow_is_found_by_its_own_name_too(cli: Cli, store: MemoryStore, write: Write) -> None:
    """The function's name or the flow's."""
    write()
    assert cli("run", "flows.py:Broken Flow").code == 1
    assert store.flow_runs()[0].flow_name == "Broken Flow"


def test_the_only_flow_of_a_file_needs_no_name(cli: Cli, store: MemoryStore, write: Write) -> None:
    """Flows that the file imports do not count."""
    write()
    write(
        HEAD + "from flows import add_up\n@flow(flow_run_name='x')\ndef mine(): pass\n",
        "mine.py",
    )
    assert cli("run", "mine.py").code == 0
    assert store.flow_runs()[0].name == "x"


def test_a_file_of_several_flows_needs_a_name(cli: Cli, store: MemoryStore, write: Write) -> None:
    """Those there are, are listed; nothing is run."""
    write()
    ended = cli("run", "flows.py")
    assert ended.code == 1
    assert "add_up, broken, outer, late, gone" in ended.err
    assert store.flow_runs() == []


def test_a_flow_that_is_not_there_is_refused(cli: Cli, store: MemoryStore, write: Write) -> None:
    """With the nearest there is; also for what is there, but no flow."""
    write()
    assert "Did you mean add_up?" in cli("run", "flows.py:add_upp").err
    assert "double is a Task" in cli("run", "flows.py:double").err


def test_a_module_can_be_named_in_place_of_a_file(cli: Cli, store: MemoryStore, write: Write) -> None:
    """As `python -m` finds it, from the working directory."""
    write("", "package/__init__.py")
    write(name="package/flows.py")
    assert cli("run", "package.flows:add_up").code == 0
    assert "There is no module package.nothing" in cli("run", "package.nothing:x").err


def test_a_file_imports_its_neighbours(cli: Cli, store: MemoryStore, write: Write) -> None:
    """As it would when run as a script."""
    write("WORD = 'neighbourly'", "sub/neighbour.py")
    write(HEAD + "import neighbour\n@flow\ndef f(): print(neighbour.WORD)\n", "sub/mine.py")
    assert "neighbourly" in cli("run", "sub/mine.py").out


def test_a_file_may_be_called_as_a_module_that_is_in_use(cli: Cli, store: MemoryStore, write: Write) -> None:
    """A file json.py does not take the place of the library."""
    write(HEAD + "@flow(flow_run_name='x')\ndef f(): pass\n", "json.py")
    assert cli("run", "json.py").code == 0
    assert sys.modules["json"] is json


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("import time\n\ndef f():\n    return 1 / 0\n\nf()\n", "return 1 / 0"),
        ("def f(:\n", "SyntaxError"),
        ("import nothing_of_that_name\n", "ModuleNotFoundError"),
        ("raise SystemExit(4)\n", "SystemExit: 4"),
    ],
)
def test_a_file_that_breaks_shows_its_own_traceback(
    cli: Cli, store: MemoryStore, write: Write, text: str, told: str
) -> None:
    """And none of ours."""
    write(text)
    ended = cli("run", "flows.py")
    assert ended.code == 1
    assert told in ended.err
    assert "Error: flows.py could not be loaded" in ended.err
    assert "headrace/cli" not in ended.err


def test_a_file_that_is_not_there_is_said(cli: Cli, store: MemoryStore) -> None:
    """With the directory that was looked in."""
    ended = cli("run", "nothing.py")
    assert ended.code == 1
    assert f"There is no file nothing.py in {os.getcwd()}" in ended.err


@pytest.mark.parametrize(
    ("target", "told"),
    [
        (".", ". is a directory. Write ./flows.py, say."),
        ("", "'' is neither a file nor a module."),
        ("flows.txt", "flows.txt is no file of Python"),
        ("../flows.txt:f", "There is no file ../flows.txt"),
        ("two words", "'two words' is neither a file nor a module."),
    ],
)
def test_what_is_no_file_of_python_is_said(cli: Cli, store: MemoryStore, write: Write, target: str, told: str) -> None:
    """Not by an error of the import system."""
    write(name="flows.txt")
    ended = cli("run", target)
    assert ended.code == 1
    assert told in ended.err


def test_it_reports_its_own_run_and_not_another_of_the_same_flow(cli: Cli, stories: Stories, write: Write) -> None:
    """Where somebody else begins one at the very same moment, and the flow's own ends by exiting."""
    write()
    stories.flow("another", (3600, "Pending"), (3600, "Running"), flow_name="gone")
    ended = cli("run", "flows.py:gone", "--json")
    assert (ended.code, ended.json["name"]) == (1, "gone")


# --- as a process --------------------------------------------------------------------------------------


def test_an_interrupt_records_a_crash_and_exits_with_130(home: Path, write: Write) -> None:
    """The store holds the crash; the shell sees what it expects of Ctrl-C."""
    write(HEAD + WAITING)
    command = [sys.executable, "-m", "headrace", "run", "flows.py"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert "! Crashed" in out
    assert "Traceback" not in err
    store = SqliteStore(home / "headrace.db")
    assert [run.state_type for run in store.flow_runs()] == [StateType.CRASHED]
    store.close()


def test_json_on_stdout_is_kept_clean_of_other_processes_too(write: Write) -> None:
    """What a flow starts writes to the real stdout, past Python."""
    write(HEAD + "import os\n@flow\ndef f():\n    os.system('echo loud')\n")
    command = [sys.executable, "-m", "headrace", "run", "flows.py", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["state"]["name"] == "Completed"
    assert "loud" in done.stderr


def test_a_failure_is_told_once_and_without_our_frames(write: Write) -> None:
    """The log has the traceback; below the timeline it would be the third time."""
    write()
    command = [sys.executable, "-m", "headrace", "run", "flows.py:broken"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.count("in broken") == 1
    assert "src/headrace" not in done.stderr
    assert "Traceback" not in done.stdout
