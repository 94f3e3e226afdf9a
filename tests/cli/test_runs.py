"""`headrace runs`: finding runs, looking at them, asking them to stop."""

from __future__ import annotations

from io import StringIO

import pytest

from headrace.core.state_types import StateType
from headrace.core.states import State
from headrace.exceptions import ObjectNotFound
from headrace.store.protocol import LogRecord

from .conftest import Cli, StillClock
from .stories import ENDED, Stories, at

FAILED = ((60, "Pending"), (61, "Running"), (70, "Failed", "ValueError: boom"))


@pytest.fixture
def three(stories: Stories) -> Stories:
    """An ingest that completed, a later one that failed, and a report that still runs."""
    stories.flow("ingest-Sunday", *ENDED)
    failed = stories.flow("ingest-Monday", *FAILED, parameters={"day": "2026-03-02", "n": 3})
    stories.task("fetch-a", failed, (61, "Pending"), (62, "Running"), (63, "Completed"))
    stories.task("fetch-b", failed, (61, "Pending"), (62, "Running"), (70, "TimedOut", "too long"))
    stories.flow("report", (3590, "Pending"), (3595, "Running"), flow_name="report")
    return stories


def listed(cli: Cli, *args: str) -> list[str]:
    return [run["name"] for run in cli("runs", "ls", "--json", *args).json]


# --- ls ---------------------------------------------------------------------------------------


def test_ls_shows_the_newest_runs_first(cli: Cli, three: Stories) -> None:
    """A table with id, name, flow, state, attempts and times."""
    head, *lines = cli("runs", "ls").out.splitlines()
    assert head.split() == ["id", "run", "flow", "state", "attempts", "created", "took"]
    assert [line.split()[1:] for line in lines] == [
        ["report", "report", "●", "Running", "1", "12:59:50", "5", "s"],
        ["ingest-Monday", "ingest", "✗", "Failed", "1", "12:01:00", "9", "s"],
        ["ingest-Sunday", "ingest", "✓", "Completed", "1", "12:00:00", "4", "s"],
    ]


def test_ls_shows_enough_of_an_id_to_find_the_run_by_it(cli: Cli, three: Stories) -> None:
    """What is printed can be typed."""
    for line in cli("runs", "ls").out.splitlines()[1:]:
        id_, name = line.split()[:2]
        assert cli("runs", "show", id_, "--json").json["name"] == name


def test_ls_cuts_names_where_the_terminal_is_narrow(
    cli: Cli, stories: Stories, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ids and states stay whole."""
    stories.flow("a-very-long-name-" * 5, *ENDED)
    monkeypatch.setenv("COLUMNS", "80")
    _, line = cli("runs", "ls").out.splitlines()
    assert len(line) <= 80
    assert "…" in line
    assert "✓ Completed" in line


def test_ls_leaves_columns_out_where_the_terminal_is_narrower_still(
    cli: Cli, three: Stories, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rather than wrapping lines: attempts first, then when, of which flow, and how long."""
    for width, heads in [(60, "id run flow state took"), (44, "id run state")]:
        monkeypatch.setenv("COLUMNS", str(width))
        head, *lines = cli("runs", "ls").out.splitlines()
        assert head.split() == heads.split()
        assert max(map(len, lines)) <= width


@pytest.mark.parametrize(
    ("args", "names"),
    [
        (["--state", "failed"], ["ingest-Monday"]),
        (["--state", "Completed", "--state", "RUNNING"], ["report", "ingest-Sunday"]),
        (["--flow", "ing*"], ["ingest-Monday", "ingest-Sunday"]),
        (["--name", "sun"], ["ingest-Sunday"]),
        (["--since", "10m"], ["report"]),
        (["--after", "2026-03-01T12:01:00", "--before", "12m"], ["ingest-Monday"]),
        (["--since", "today", "--limit", "1"], ["report"]),
        (["--since", "1 minute"], ["report"]),
        (["--since", "1h", "--until", "59m30s"], ["ingest-Sunday"]),
        (["--since", "0h 59m ago"], ["report", "ingest-Monday"]),
        (["--since", "12:01"], ["report", "ingest-Monday"]),
        (["--until", "12:00:30"], ["ingest-Sunday"]),
        (["--before", "yesterday"], []),
        (["--tasks"], ["fetch-b", "fetch-a"]),
        (["--tasks", "--state", "FAILED"], ["fetch-b"]),
        (["--tasks", "--state", "Failed"], []),
        (["--task", "fetch", "--state", "timedout"], ["fetch-b"]),
        (["--tasks", "--flow", "report"], []),
    ],
)
def test_ls_restricts_to_what_is_asked_for(cli: Cli, three: Stories, args: list[str], names: list[str]) -> None:
    """All options hold together; states are alternatives of one another, types include all their names."""
    assert listed(cli, *args) == names


def test_ls_tells_how_many_more_there_are(cli: Cli, three: Stories) -> None:
    """On stderr, so that what reads the list is not disturbed."""
    ended = cli("runs", "ls", "--limit", "2")
    assert "2 of 3" in ended.err
    assert len(ended.out.splitlines()) == 3


def test_ls_of_nothing_says_so(cli: Cli, stories: Stories) -> None:
    """No empty table; and JSON is an empty array."""
    assert cli("runs", "ls").out == "No runs fit.\n"
    assert cli("runs", "ls", "--json").json == []


def test_a_moment_that_is_none_is_wrong_usage(cli: Cli, stories: Stories) -> None:
    """The message says for which option, and how moments are written."""
    for text in ("soon", "90", "25:00", "3 months", "2026-13-01"):
        ended = cli("runs", "ls", "--since", text)
        assert ended.code == 2
        assert "--since" in ended.err
        assert "2h" in ended.err


def test_a_state_that_nobody_gives_is_told_where_nothing_fits(cli: Cli, three: Stories) -> None:
    """It may be a name of the user's own; more likely it is a slip."""
    ended = cli("runs", "ls", "--state", "fialed")
    assert (ended.code, ended.out) == (0, "No runs fit.\n")
    assert ended.err == "'fialed' is no state that headrace gives; did you mean failed?\n"
    assert cli("runs", "ls", "--state", "Skipped").err == "'Skipped' is no state that headrace gives.\n"
    assert cli("runs", "ls", "--state", "crashed").err == ""


# --- show -------------------------------------------------------------------------------------


def test_show_tells_all_of_a_run(cli: Cli, three: Stories) -> None:
    """Facts, parameters, the history with times, the timeline, and every failure's message."""
    shown = cli("runs", "show", "ingest-Monday").out
    assert 'day  "2026-03-02"' in shown
    assert "12:01:01.000  +1 s   ● Running" in shown
    assert "12:01:10.000  +10 s  ✗ Failed  ValueError: boom" in shown
    assert "  fetch-a" in shown
    assert "✗ fetch-b: TimedOut\n  too long" in shown


def test_show_as_json_holds_run_history_and_timeline(cli: Cli, three: Stories) -> None:
    """The promised fields, once."""
    shown = cli("runs", "show", "ingest-Monday", "--json").json
    assert (shown["kind"], shown["flow_name"], shown["run_count"]) == ("flow", "ingest", 1)
    assert shown["created"] == "2026-03-01T12:01:00.000000Z"
    assert shown["state"] == {
        "type": "FAILED",
        "name": "Failed",
        "message": "ValueError: boom",
        "timestamp": "2026-03-01T12:01:10.000000Z",
    }
    assert shown["parameters"] == {"day": "2026-03-02", "n": 3}
    assert [state["name"] for state in shown["history"]] == ["Pending", "Running", "Failed"]
    assert [(row["name"], row["offset_seconds"], row["duration_seconds"]) for row in shown["timeline"]] == [
        ("fetch-a", 2.0, 1.0),
        ("fetch-b", 2.0, 8.0),
    ]


def test_show_of_a_task_run_shows_it_alone(cli: Cli, three: Stories) -> None:
    """It names the flow run that it belongs to."""
    shown = cli("runs", "show", "fetch-b").out
    assert str(three.store.flow_runs()[1].id) in shown
    assert "fetch-a" not in shown


def test_of_several_runs_of_a_name_the_newest_is_meant(cli: Cli, stories: Stories) -> None:
    """And a flow run before a task run."""
    stories.flow("same", *ENDED)
    newest = stories.flow("same", *FAILED)
    stories.task("same", None, (100, "Pending"))
    assert cli("runs", "show", "same", "--json").json["id"] == str(newest.id)


def test_a_prefix_of_several_ids_is_refused_with_the_ids(cli: Cli, stories: Stories) -> None:
    """No run is picked by chance."""
    first, second = stories.flow("one", *ENDED), stories.flow("two", *ENDED)
    ended = cli("runs", "show", str(first.id)[:13])
    assert ended.code == 1
    assert str(first.id) in ended.err
    assert str(second.id) in ended.err


def test_show_ends_no_line_with_spaces(cli: Cli, three: Stories) -> None:
    """Who copies a line gets what it says."""
    lines = cli("runs", "show", "ingest-Monday").out.splitlines()
    assert [line for line in lines if line != line.rstrip()] == []


def test_digits_that_are_too_few_for_an_id_are_told(cli: Cli, three: Stories) -> None:
    """Eight are needed."""
    assert "at least eight digits" in cli("runs", "show", "0195a").err


@pytest.mark.parametrize("text", ["ingest-Sunday", "0190", "ffffffff-ffff", "00000000", "ingest"])
def test_what_is_not_there_is_said_with_near_misses(cli: Cli, stories: Stories, text: str) -> None:
    """Exit status 1 and no traceback."""
    stories.flow("ingest-Monday", *ENDED)
    ended = cli("runs", "show", text)
    assert ended.code == 1
    assert f"No run has the id or name {text!r}" in ended.err
    assert ("ingest-Monday" in ended.err) == text.startswith("ingest")


# --- logs -------------------------------------------------------------------------------------


def log(told: Stories, name: str, message: str, level: int = 20, seconds: float = 62) -> None:
    flow = next(run for run in told.store.flow_runs() if run.name == "ingest-Monday")
    task = next((run for run in told.store.task_runs() if run.name == name), None)
    record = LogRecord(at(seconds), level, message, "headrace", flow.id, task.id if task else None)
    told.store.append_logs([record])


def test_logs_tell_time_level_run_and_message(cli: Cli, three: Stories) -> None:
    """As on the console of the run, those of its task runs included."""
    log(three, "", "Beginning")
    log(three, "fetch-b", "hm", level=30, seconds=63.25)
    assert cli("runs", "logs", "ingest-Monday").out.splitlines() == [
        "12:01:02.000 | INFO    | Flow run 'ingest-Monday' - Beginning",
        "12:01:03.250 | WARNING | Task run 'fetch-b' - hm",
    ]
    assert "Beginning" not in cli("runs", "logs", "fetch-b").out


def test_long_logs_are_read_part_by_part(cli: Cli, three: Stories, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first lines of a hundred thousand are there at once; all come, in order, once."""
    monkeypatch.setattr("headrace.cli.logs._AT_ONCE", 3)
    for number in range(8):
        log(three, "fetch-a" if number % 2 else "", f"line {number}", seconds=62 + number)
    printed = cli("runs", "logs", "ingest-Monday").out.splitlines()
    assert [line.rpartition(" - ")[2] for line in printed] == [f"line {number}" for number in range(8)]


def test_logs_from_a_level_on(cli: Cli, three: Stories) -> None:
    """By the level's name, or its number."""
    log(three, "", "Beginning")
    log(three, "fetch-b", "hm", level=30)
    for level in ("warning", "30"):
        assert cli("runs", "logs", "ingest-Monday", "--level", level).out.endswith("hm\n")
        assert "Beginning" not in cli("runs", "logs", "ingest-Monday", "--level", level).out
    assert cli("runs", "logs", "ingest-Monday", "--level", "loud").code == 2


def test_logs_as_json_are_one_object_a_line(cli: Cli, three: Stories) -> None:
    """So that they can be followed by programs too."""
    log(three, "fetch-b", "two\nlines")
    ended = cli("runs", "logs", "ingest-Monday", "--json")
    assert ended.json["message"] == "two\nlines"
    assert ended.json["timestamp"] == "2026-03-01T12:01:02.000000Z"


def test_logs_are_followed_until_the_run_has_ended(cli: Cli, stories: Stories, clock: StillClock) -> None:
    """Lines that come while it runs are told, and those of its very end."""
    run = stories.flow("ingest-Monday", (60, "Pending"), (61, "Running"))
    log(stories, "", "first")

    def meanwhile() -> None:
        log(stories, "", "last")
        stories.store.propose("flow", run.id, State(StateType.COMPLETED, timestamp=at(70)))

    clock.meanwhile = meanwhile
    told = cli("runs", "logs", "ingest-Monday", "--follow").out
    assert [line.split(" - ")[1] for line in told.splitlines()] == ["first", "last"]


# --- cancel and delete ------------------------------------------------------------------------


def test_cancel_asks_the_run_to_stop(cli: Cli, three: Stories) -> None:
    """The store holds the request; the run's process does the rest."""
    assert cli("runs", "cancel", "report").code == 0
    state = three.store.flow_runs()[2].state
    assert state is not None
    assert (state.type, state.timestamp) == (StateType.CANCELLING, at(3600))


def test_cancel_of_what_has_ended_changes_nothing(cli: Cli, three: Stories) -> None:
    """It is said how it ended, with exit status 1."""
    ended = cli("runs", "cancel", "ingest-Sunday", "report")
    assert ended.code == 1
    assert "ingest-Sunday has ended already: Completed" in ended.out
    assert "Asked report to stop" in ended.out


def test_cancel_by_force_records_the_end(cli: Cli, three: Stories) -> None:
    """For a run whose process is gone, asked before or not."""
    cli("runs", "cancel", "report")
    assert cli("runs", "cancel", "report", "--force").code == 0
    run = three.store.flow_runs()[2]
    assert [state.name for state in three.store.history(run.id)][-2:] == ["Cancelling", "Cancelled"]


def test_cancel_of_a_task_run_is_refused(cli: Cli, three: Stories) -> None:
    """Only flow runs can be asked to stop."""
    assert cli("runs", "cancel", "fetch-b").code == 1


def test_delete_removes_runs_without_a_trace(cli: Cli, three: Stories) -> None:
    """With --yes, of which nothing is asked."""
    run = three.store.flow_runs()[1]
    assert cli("runs", "delete", "ingest-Monday", "--yes").code == 0
    with pytest.raises(ObjectNotFound):
        three.store.flow_run(run.id)
    assert three.store.task_runs() == []


def test_delete_asks_first(cli: Cli, three: Stories, monkeypatch: pytest.MonkeyPatch) -> None:
    """And where nobody answers, deletes nothing."""
    monkeypatch.setattr("sys.stdin", StringIO())
    assert cli("runs", "delete", "ingest-Monday").code == 1
    assert len(three.store.flow_runs()) == 3
