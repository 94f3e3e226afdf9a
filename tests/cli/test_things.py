"""`headrace artifact`, `variable`, `flow`, `dashboard`, `server database`, and who holds slots of a limit."""

from __future__ import annotations

import json
import webbrowser
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from headrace.core.limits import SlotRequest
from headrace.core.things import ArtifactRecord, VariableRecord
from headrace.drive.world import World, use_world
from headrace.store.protocol import ConcurrencyLimit
from headrace.store.sqlite import SqliteStore
from tests.store.over_a_server import reporting_to

from .conftest import Cli, Ended, StillClock
from .stories import ENDED, Stories, at


@pytest.fixture
def kept(stories: Stories) -> Stories:
    """Two versions of a report, an artifact without a key, and two variables."""
    for number, (key, data) in enumerate([("report", "# Old"), ("report", "# New"), (None, "loose")]):
        stories.store.create_artifact(
            ArtifactRecord(
                id=UUID(int=(number + 1) << 100),
                created=at(number),
                updated=at(number),
                key=key,
                type="markdown",
                description=f"number {number}",
                data=data,
            )
        )
    for name, value in {"cities": ["Oslo"], "greeting": "Hello, World"}.items():
        stories.store.put_variable(
            VariableRecord(id=UUID(int=len(name)), created=at(0), updated=at(0), name=name, value=value, tags=("a",))
        )
    return stories


# artifacts -----------------------------------------------------------------------------------------------------


def test_artifacts_are_listed_by_key(cli: Cli, kept: Stories) -> None:
    """The newest of each; with --all every one."""
    assert [each["data"] for each in cli("artifact", "ls", "-o", "json").json] == ["# New"]
    assert [each["data"] for each in cli("artifact", "ls", "--all", "--json").json] == ["loose", "# New", "# Old"]
    assert "report  markdown" in cli("artifact", "ls").out
    assert "1 of 3; --limit 0 lists all" in cli("artifact", "ls", "-a", "--limit", "1").err


def test_where_there_are_no_artifacts_that_is_said(cli: Cli, stories: Stories) -> None:
    """And how to see those without a key."""
    assert cli("artifact", "ls").out == "No artifacts.\n"
    stories.store.create_artifact(ArtifactRecord(id=UUID(int=1), created=at(0), updated=at(0), data=1))
    assert cli("artifact", "ls").out == "No artifacts. --all lists those without a key too.\n"


def test_an_artifact_is_shown_as_it_was_kept(cli: Cli, kept: Stories) -> None:
    """By its key or its id; older versions where they are asked for."""
    shown = cli("artifact", "inspect", "report").out
    assert "description  number 1" in shown
    assert "\n# New\n" in shown
    assert [each["data"] for each in cli("artifact", "inspect", "report", "--limit", "5", "--json").json] == [
        "# New",
        "# Old",
    ]
    assert "\nloose\n" in cli("artifact", "inspect", str(UUID(int=3 << 100))).out


def test_artifacts_are_deleted_by_key_or_id(cli: Cli, kept: Stories) -> None:
    """All versions of a key."""
    assert cli("artifact", "delete", str(UUID(int=3 << 100)), "--yes").code == 0
    assert cli("artifact", "delete", "report", "-y").out == "Deleted 2 artifacts with the key report\n"
    assert kept.store.count_artifacts() == 0


# variables -----------------------------------------------------------------------------------------------------


def test_variables_are_listed_and_read(cli: Cli, kept: Stories) -> None:
    """Text as it is, all else as JSON."""
    assert [variable["name"] for variable in cli("variable", "ls", "--json").json] == ["cities", "greeting"]
    assert 'cities    ["Oslo"]        a' in cli("variable", "ls").out
    assert cli("variable", "get", "greeting").out == "Hello, World\n"
    assert cli("variable", "get", "cities").out == '["Oslo"]\n'
    assert cli("variable", "get", "cities", "-o", "json").json["tags"] == ["a"]


def value(ended: Ended, cli: Cli) -> object:
    assert ended.code == 0, ended.err
    return cli("variable", "get", "x", "--json").json["value"]


def test_variables_are_set_and_removed(cli: Cli, stories: Stories) -> None:
    """JSON where the value is JSON, else text."""
    assert cli("variable", "ls").out == "There are no variables. `headrace variable set NAME VALUE` makes one.\n"
    assert value(cli("variable", "set", "x", "[1]", "--tag", "web"), cli) == [1]
    assert value(cli("variable", "set", "x", "words", "--overwrite"), cli) == "words"
    assert value(cli("variable", "set", "x", "12", "--text", "--overwrite"), cli) == "12"
    refused = cli("variable", "set", "x", "1")
    assert (refused.code, "write --overwrite to change its value" in refused.err) == (1, True)
    assert cli("variable", "set", "Bad Name", "1").code == 1
    assert cli("variable", "set", "long", "x" * 6000).code == 2
    assert cli("variable", "unset", "x").out == "Removed x\n"
    assert stories.store.variables() == []


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (("artifact", "inspect", "reprot"), "There is no artifact 'reprot'. Did you mean report?"),
        (("artifact", "delete", "other"), "`headrace artifact ls --all` lists those that there are."),
        (("variable", "get", "citys"), "There is no variable 'citys'. Did you mean cities?"),
        (("variable", "unset", "other"), "`headrace variable ls` lists those that there are."),
        (("concurrency-limit", "inspect", "databse"), "there are: database. Did you mean database?"),
    ],
)
def test_what_is_not_there_is_said_with_near_misses(
    cli: Cli, kept: Stories, command: tuple[str, ...], told: str
) -> None:
    """And the exit status is 1."""
    kept.store.put_limit(ConcurrencyLimit("database", 1))
    ended = cli(*command)
    assert ended.code == 1
    assert told in ended.err


# flows and limits ----------------------------------------------------------------------------------------------


def test_flows_are_listed_by_their_latest_run(cli: Cli, stories: Stories) -> None:
    """With how many runs each has."""
    assert "No flow has run yet" in cli("flow", "ls").out
    stories.flow("first", *ENDED)
    stories.flow("second", (60, "Pending"), (61, "Running"))
    (flow,) = cli("flow", "ls", "--json").json
    assert (flow["name"], flow["runs"], flow["latest_run"]["name"]) == ("ingest", 2, "second")
    assert "ingest     2  second      ● Running" in cli("flow", "ls").out


def test_who_holds_slots_and_who_waits_is_told(cli: Cli, stories: Stories) -> None:
    """In order of arrival."""
    stories.store.put_limit(ConcurrencyLimit("db", 1))
    for number, who in enumerate(["first", "second"]):
        request = SlotRequest(ticket=UUID(int=number), names=("db",), occupy=1, lease_seconds=9000, holder=who)
        stories.store.request_slots(request, at(number))
    told = cli("concurrency-limit", "inspect", "db")
    assert told.out.startswith("db: 1 taken of 1\n")
    lines = [line.split()[:3] for line in told.out.splitlines()[2:]]
    assert lines == [["first", "holds", "1"], ["second", "waits", "1"]]
    leases = cli("concurrency-limit", "inspect", "db", "--json").json["leases"]
    assert [lease["waiting"] for lease in leases] == [False, True]


# the server and its store --------------------------------------------------------------------------------------


def test_the_dashboard_is_opened_where_scripts_report_to(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else where a server was started; where there is none that is said."""
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    assert "No server runs here" in cli("dashboard", "open").err
    cli("config", "set", "HEADRACE_API_URL=http://127.0.0.1:4300/api")
    assert cli("dashboard", "open").out == "Dashboard: http://127.0.0.1:4300/\n"
    assert opened == ["http://127.0.0.1:4300/"]


def test_the_store_of_a_server_is_emptied(cli: Cli, tmp_path: Path) -> None:
    """Having asked; of runs, limits, artifacts and variables nothing is left, and it goes on being a store."""
    store = SqliteStore(tmp_path / "other.db")
    with use_world(World(store)):
        Stories(store).flow("one", *ENDED)
        store.put_limit(ConcurrencyLimit("db", 1))
        store.put_variable(VariableRecord(id=UUID(int=1), created=at(0), updated=at(0), name="x"))
        store.create_artifact(ArtifactRecord(id=UUID(int=1), created=at(0), updated=at(0)))
    address = f"sqlite:///{tmp_path / 'other.db'}"
    assert cli("server", "database", "reset", "--store", address).code == 1
    assert store.count("flow") == 1
    assert cli("server", "database", "reset", "--store", address, "--yes").out.endswith("other.db is empty now\n")
    assert (store.count("flow"), store.limits(at(0)), store.count_artifacts(), store.variables()) == (0, [], 0, [])
    Stories(store).flow("two", *ENDED)
    assert [flow.name for flow in store.flows()] == ["ingest"]
    store.close()


def test_the_store_of_a_server_is_brought_up_to_date(cli: Cli, home: Path) -> None:
    """It is made, where there is none."""
    assert "are up to date: version" in cli("server", "database", "upgrade").out
    assert (home / "headrace.db").exists()
    assert json.loads(cli("server", "status", "-o", "json").out)["running"] is False


def test_a_lease_is_over_when_its_time_is(stories: Stories, cli: Cli) -> None:
    """Those that have run out are not told."""
    stories.store.put_limit(ConcurrencyLimit("db", 1))
    request = SlotRequest(ticket=UUID(int=1), names=("db",), occupy=1, lease_seconds=60, holder="gone")
    stories.store.request_slots(request, at(3600) - timedelta(seconds=61))
    assert cli("concurrency-limit", "inspect", "db").out == "db: 0 taken of 1\n"


def test_commands_do_the_same_by_way_of_a_server(cli: Cli, kept: Stories, tmp_path: Path) -> None:
    """What they print, byte by byte; what they change is changed there."""
    run = kept.flow("going", (60, "Pending"), (61, "Running"))
    kept.task("fetch-a", run, *ENDED)
    kept.store.put_limit(ConcurrencyLimit("db", 1))
    asked = [
        *(("flow", "ls"), ("flow-run", "ls"), ("flow-run", "inspect", "going"), ("task-run", "ls", "-o", "json")),
        *(("artifact", "ls", "--all"), ("artifact", "inspect", "report")),
        *(("variable", "ls"), ("variable", "get", "cities")),
        *(("concurrency-limit", "ls"), ("concurrency-limit", "inspect", "db"), ("flow-run", "logs", "going")),
    ]
    here = [cli(*command) for command in asked]
    assert {ended.code for ended in here} == {0}
    remote, _ = reporting_to(kept.store, tmp_path / "spool")  # type: ignore[arg-type]
    with use_world(World(remote, clock=StillClock()), everywhere=True):
        assert [cli(*command) for command in asked] == here
        assert cli("variable", "set", "x", "1").code == 0
        assert cli("artifact", "delete", "report", "-y").code == 0
        assert cli("flow-run", "cancel", "going").out == "Asked going to stop\n"
        assert cli("flow-run", "delete", "going", "-y").code == 0
    remote.close()
    assert (kept.store.count("flow"), kept.store.count_artifacts(), kept.store.count_variables()) == (0, 1, 3)
