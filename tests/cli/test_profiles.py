"""`headrace profile`: sets of settings, of which one is active."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace.settings import refresh_settings

from .conftest import Cli


def test_a_profile_is_made_filled_and_used(cli: Cli, home: Path) -> None:
    """What is set goes to the active one, and holds while it is."""
    assert cli("profile", "ls", "--json").json == [{"name": "default", "active": True, "settings": 0}]
    cli("config", "set", "HEADRACE_LOGGING_LEVEL=DEBUG")
    assert cli("profile", "create", "loud", "--from", "default").code == 0
    assert cli("profile", "use", "loud").out == "The profile 'loud' is active\n"
    cli("config", "set", "HEADRACE_LOGGING_LEVEL=ERROR")
    assert cli("profile", "inspect", "--json").json == {"HEADRACE_LOGGING_LEVEL": "ERROR"}
    assert cli("profile", "inspect", "default", "--json").json == {"HEADRACE_LOGGING_LEVEL": "DEBUG"}
    lines = [line.split()[:2] for line in cli("profile", "ls").out.splitlines()[1:]]
    assert lines == [["default", "1"], ["loud", "active"]]


def test_one_command_may_use_another_profile(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """By an option, or by the environment."""
    cli("profile", "create", "quiet")
    monkeypatch.setenv("HEADRACE_PROFILE", "default")  # so that what the option sets is undone
    cli("--profile", "quiet", "config", "set", "HEADRACE_LOGGING_LEVEL=ERROR")
    assert cli("config", "view", "--json").json["HEADRACE_LOGGING_LEVEL"]["value"] == "ERROR"
    monkeypatch.setenv("HEADRACE_PROFILE", "default")
    refresh_settings()
    assert "HEADRACE_LOGGING_LEVEL" not in cli("config", "view", "--json").json
    assert "wins while it is" in cli("profile", "use", "quiet").err
    assert "There is no profile 'nothing'" in cli("--profile", "nothing", "runs", "ls").err


def test_a_profile_is_renamed_and_deleted(cli: Cli) -> None:
    """The active one stays active under its new name, and can't be deleted."""
    cli("profile", "create", "a")
    cli("profile", "create", "b")
    cli("profile", "use", "a")
    assert cli("profile", "rename", "a", "c").out == "The profile 'a' is now 'c'\n"
    assert [each["name"] for each in cli("profile", "ls", "--json").json if each["active"]] == ["c"]
    assert "'c' is the active profile" in cli("profile", "delete", "c", "--yes").err
    assert cli("profile", "delete", "b", "--yes").out == "Deleted the profile 'b'\n"
    assert [each["name"] for each in cli("profile", "ls", "--json").json] == ["default", "c"]


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (("use", "defualt"), "There is no profile 'defualt'; there are: default. Did you mean default?"),
        (("create", "default"), "There is a profile 'default' already."),
        (("create", " "), "can't be the name of a profile"),
        (("create", "new", "--from", "nothing"), "There is no profile 'nothing'"),
        (("delete", "default"), "'default' is the active profile"),
    ],
)
def test_what_can_not_be_done_is_said(cli: Cli, command: tuple[str, ...], told: str) -> None:
    """And nothing is written."""
    ended = cli("profile", *command)
    assert ended.code == 1
    assert told in " ".join(ended.err.split())
    assert len(cli("profile", "ls", "--json").json) == 1


def test_secrets_of_a_profile_are_masked(cli: Cli) -> None:
    """As by `headrace config view`."""
    cli("config", "set", "HEADRACE_SERVER_API_AUTH_STRING=me:secret")
    assert cli("profile", "inspect").out.split()[-1] == "***"
    cli("config", "unset", "HEADRACE_SERVER_API_AUTH_STRING")
    assert cli("profile", "inspect").out == "It sets nothing.\n"
