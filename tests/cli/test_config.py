"""`headrace config`, `headrace version`, `headrace concurrency-limit`, and help."""

from __future__ import annotations

import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest

from headrace._version import __version__
from headrace.settings import SETTINGS, refresh_settings
from headrace.store.protocol import SlotRequest

from .conftest import Cli
from .stories import Stories, at

URL = "postgresql://me:hunter2@db/x"


def test_set_writes_the_profile_and_unset_takes_it_back(cli: Cli, home: Path) -> None:
    """Both say what they did, and where."""
    ended = cli("config", "set", "HEADRACE_LOGGING_LEVEL=DEBUG", "tasks_default_retries=2")
    assert f"Set HEADRACE_LOGGING_LEVEL to DEBUG in {home / 'profiles.toml'}" in ended.out
    assert (refresh_settings().logging_level, refresh_settings().tasks_default_retries) == ("DEBUG", 2)
    assert "Removed HEADRACE_LOGGING_LEVEL" in cli("config", "unset", "HEADRACE_LOGGING_LEVEL").out
    assert refresh_settings().logging_level == "INFO"


def test_set_is_all_or_nothing(cli: Cli, home: Path) -> None:
    """One value that can't be used, and none is written."""
    ended = cli("config", "set", "HEADRACE_LOGGING_LEVEL=DEBUG", "HEADRACE_TASKS_DEFAULT_RETRIES=many")
    assert ended.code == 1
    assert "HEADRACE_TASKS_DEFAULT_RETRIES can't be 'many'" in ended.err
    assert not home.exists()


def test_set_tells_of_an_environment_variable_that_wins(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else one would wonder why nothing changed."""
    monkeypatch.setenv("HEADRACE_LOGGING_LEVEL", "ERROR")
    assert "wins" in cli("config", "set", "HEADRACE_LOGGING_LEVEL=DEBUG").err


def test_set_of_an_unknown_name_or_without_a_value_is_refused(cli: Cli) -> None:
    """The nearest name is told; a missing value is wrong usage."""
    assert "Did you mean HEADRACE_LOGGING_LEVEL?" in cli("config", "set", "HEADRACE_LOGING_LEVEL=INFO").err
    assert cli("config", "set", "HEADRACE_LOGGING_LEVEL").code == 2


def test_a_name_that_comes_near_is_told_and_one_that_does_not_is_not(cli: Cli) -> None:
    """What all names have in common makes none of them near."""
    assert "Did you mean HEADRACE_LOGGING_LEVEL?" in cli("config", "set", "HEADRACE_LOGING_LEVEL=x").err
    assert "Did you mean logging_level?" in cli("config", "set", "loging_level=x").err
    assert "Did you mean" not in cli("config", "set", "HEADRACE_X=1").err


def test_view_shows_what_is_set_and_where(cli: Cli, home: Path) -> None:
    """Defaults and sources are shown on demand."""
    assert cli("config", "view").out.split() == ["setting", "value", "HEADRACE_HOME", str(home)]
    cli("config", "set", "HEADRACE_LOGGING_LEVEL=DEBUG")
    shown = cli("config", "view", "--show-sources").out
    assert f"profile 'default' in {home / 'profiles.toml'}" in shown
    every = cli("config", "view", "--show-defaults").out
    assert all(setting.name in every for setting in SETTINGS)


def test_view_as_json_has_value_source_and_description(cli: Cli, home: Path) -> None:
    """Paths are strings."""
    shown = cli("config", "view", "--json").json
    assert shown["HEADRACE_HOME"] == {
        "value": str(home),
        "source": "environment",
        "place": "environment variable HEADRACE_HOME",
        "description": "Directory of everything that headrace keeps for you.",
    }


def test_secrets_are_shown_only_on_demand(cli: Cli) -> None:
    """Not when set, not when viewed, not in JSON."""
    assert "hunter2" not in cli("config", "set", f"HEADRACE_SERVER_DATABASE_CONNECTION_URL={URL}").out
    assert "hunter2" not in cli("config", "view").out + cli("config", "view", "--json").out
    assert URL in cli("config", "view", "--show-secrets").out


def test_version_is_printed_alone_or_with_what_it_runs_on(cli: Cli) -> None:
    """`--version` is the same as the command."""
    assert cli("version").out == cli("--version").out == f"headrace {__version__}\n"
    assert cli("version", "--json").json["version"] == __version__


@pytest.mark.parametrize(
    "command",
    [
        *("", "run", "version", "runs", "runs ls", "runs show", "runs logs", "runs cancel", "runs delete"),
        *("config", "config set", "config unset", "config view", "concurrency-limit", "concurrency-limit ls"),
        *("concurrency-limit create", "concurrency-limit update", "concurrency-limit delete"),
    ],
)
def test_every_command_has_help(cli: Cli, command: str) -> None:
    """And each that does something has an example."""
    ended = cli(*command.split(), "--help")
    assert ended.code == 0
    assert "Example" in ended.out or "Commands" in ended.out


def test_help_is_answered_without_the_engine() -> None:
    """Completion asks on every press of the tab key."""
    code = "import sys, headrace.cli.app; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"headrace.drive", "headrace.flows", "sqlite3", "pydantic", "asyncio"} & set(done.stdout.split())


def test_the_entry_point_runs_as_a_module() -> None:
    """`python -m headrace` is the same command."""
    done = subprocess.run([sys.executable, "-m", "headrace", "version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"headrace {__version__}\n"


# --- concurrency limits -----------------------------------------------------------------------


def test_limits_are_made_changed_listed_and_deleted(
    cli: Cli, stories: Stories, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One after the other; who deletes is asked first."""
    assert "no limits" in cli("concurrency-limit", "ls").out
    cli("concurrency-limit", "create", "database", "5", "--decay", "0.5")
    cli("concurrency-limit", "update", "database", "--limit", "3", "--inactive")
    assert cli("concurrency-limit", "ls", "--json").json == [
        {"name": "database", "limit": 3, "active": False, "slot_decay_per_second": 0.5, "active_slots": 0.0}
    ]
    cli("concurrency-limit", "update", "database", "--decay", "0", "--active")
    stories.store.request_slots(SlotRequest(ticket=stories.flow("a", (0, "Pending")).id, names=("database",)), at(3600))
    assert cli("concurrency-limit", "ls").out.splitlines()[1].split() == ["database", "1", "3", "0", "–"]
    monkeypatch.setattr("sys.stdin", StringIO("n\n"))
    assert cli("concurrency-limit", "delete", "database").code == 1
    assert cli("concurrency-limit", "delete", "database", "--yes").code == 0
    assert cli("concurrency-limit", "ls", "--json").json == []


def test_a_limit_that_is_there_is_not_made_again(cli: Cli, stories: Stories) -> None:
    """And one that is not there is neither changed nor deleted; those there are, are named."""
    cli("concurrency-limit", "create", "database", "5")
    assert "already" in cli("concurrency-limit", "create", "database", "6").err
    for command in ("update", "delete"):
        ended = cli("concurrency-limit", command, "databse")
        assert ended.code == 1
        assert "there are: database" in ended.err


def test_a_limit_needs_a_name_and_a_change_something_to_change(cli: Cli, stories: Stories) -> None:
    """Wrong usage otherwise; what was changed is told in full."""
    assert cli("concurrency-limit", "create", " ", "1").code == 2
    assert cli("concurrency-limit", "create", "api", "1", "--decay", "0.5").out == (
        "Made the limit 'api' of 1, with 0.5 coming back a second\n"
    )
    assert cli("concurrency-limit", "update", "api").code == 2
    assert cli("concurrency-limit", "update", "api", "4", "--limit", "5").code == 2
    assert cli("concurrency-limit", "update", "api", "4").out.startswith("The limit 'api' is now 4")
    cli("concurrency-limit", "update", "api", "--limit", "1")
    assert cli("concurrency-limit", "update", "api", "--inactive").out == (
        "The limit 'api' is now 1, with 0.5 coming back a second, and inactive\n"
    )
