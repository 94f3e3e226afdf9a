"""How values are read, and what settings look like."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

import headrace.settings
from headrace.exceptions import ConfigurationError
from headrace.settings import (
    HEADRACE_HOME,
    HEADRACE_LOGGING_LEVEL,
    HEADRACE_STORE_PATH,
    SETTINGS,
    Settings,
    current_settings,
    find_setting,
    temporary_settings,
)

GOOD: list[tuple[str, object, object]] = [
    ("logging_level", "debug", "DEBUG"),
    ("logging_log_prints", "yes", True),
    ("logging_log_prints", 0, False),
    ("tasks_default_persist_result", "none", None),
    ("tasks_default_persist_result", "on", True),
    ("tasks_default_retries", " 3 ", 3),
    ("tasks_default_retry_delay_seconds", "2.5", 2.5),
    ("tasks_default_retry_delay_seconds", "1, 2,4", [1, 2, 4]),
    ("tasks_default_retry_delay_seconds", "[10]", [10]),
    ("flows_default_retry_delay_seconds", (1, 2.5), [1, 2.5]),
    ("tasks_runner_thread_pool_max_workers", "none", None),
    ("tasks_runner_thread_pool_max_workers", "8", 8),
    ("server_api_port", "4321", 4321),
    ("api_url", "https://example.test/api/", "https://example.test/api"),
    ("store_path", "~/x.db", Path.home() / "x.db"),
    ("results_default_serializer", "compressed/json", "compressed/json"),
]
BAD: list[tuple[str, object]] = [
    ("logging_level", "LOUD"),
    ("logging_log_prints", "perhaps"),
    ("tasks_default_retries", -1),
    ("tasks_default_retries", 1.5),
    ("tasks_default_retries", True),
    ("tasks_default_retry_delay_seconds", "soon"),
    ("tasks_default_retry_delay_seconds", [1, -1]),
    ("tasks_default_retry_delay_seconds", "nan"),
    ("tasks_runner_thread_pool_max_workers", 0),
    ("server_api_port", 70000),
    ("api_url", "localhost:4200"),
    ("store_path", 3),
    ("results_default_serializer", " "),
]


@pytest.mark.parametrize(("name", "written", "value"), GOOD)
def test_values_are_read_as_they_are_meant(name: str, written: object, value: object) -> None:
    """Text from the environment and values from files come to the same."""
    with temporary_settings({name: written}) as settings:
        assert getattr(settings, name) == value


@pytest.mark.parametrize(("name", "written"), BAD)
def test_values_that_make_no_sense_are_refused(name: str, written: object) -> None:
    """The message names the setting and says what to write."""
    with (
        pytest.raises(ConfigurationError, match=rf"HEADRACE_{name.upper()} can't be .*Write"),
        temporary_settings({name: written}),
    ):
        pass


def test_every_setting_is_an_attribute_of_the_module_and_of_settings() -> None:
    """HEADRACE_X is exported, and names the attribute x."""
    exported = {name for name in headrace.settings.__all__ if name.startswith("HEADRACE_")}
    assert exported == {setting.name for setting in SETTINGS}
    for setting in SETTINGS:
        assert getattr(headrace.settings, setting.name) is setting
        assert getattr(Settings, setting.field) is setting


def test_every_setting_has_a_description_of_one_line() -> None:
    """Help and docs are drawn from it."""
    for setting in SETTINGS:
        assert setting.description.endswith(".")
        assert len(setting.description.splitlines()) == 1


def test_a_setting_tells_its_value_and_its_default(home: Path) -> None:
    """As the setting objects of Prefect do."""
    with temporary_settings({HEADRACE_LOGGING_LEVEL: "ERROR"}):
        assert HEADRACE_LOGGING_LEVEL.value() == "ERROR"
        assert HEADRACE_LOGGING_LEVEL.default == "INFO"
    assert HEADRACE_STORE_PATH.default == home / "headrace.db"
    assert HEADRACE_HOME.default == Path.home() / ".headrace"


def test_settings_and_setting_objects_pickle() -> None:
    """They go to other processes; a setting stays the one that it is."""
    assert pickle.loads(pickle.dumps(HEADRACE_LOGGING_LEVEL)) is HEADRACE_LOGGING_LEVEL
    assert pickle.loads(pickle.dumps(current_settings())) == current_settings()


def test_a_setting_is_found_by_each_of_its_spellings() -> None:
    """The variable's name, the attribute's, in either case, or the object."""
    for name in ("HEADRACE_LOGGING_LEVEL", "headrace_logging_level", "LOGGING_LEVEL", "logging_level"):
        assert find_setting(name) is find_setting(HEADRACE_LOGGING_LEVEL) is HEADRACE_LOGGING_LEVEL


def test_settings_are_frozen() -> None:
    """The error says how to change one."""
    with pytest.raises(AttributeError, match="temporary_settings"):
        current_settings().logging_level = "DEBUG"


def test_secrets_are_masked_where_settings_are_shown() -> None:
    """A password in a database's address is in no repr and in no message."""
    with temporary_settings({"server_database_connection_url": "postgresql://me:hunter2@db/x"}) as settings:
        assert "hunter2" not in repr(settings)
        assert settings.server_database_connection_url == "postgresql://me:hunter2@db/x"


def test_settings_travel_as_environment_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not default can be given to another process, and is read there as it was."""
    updates = {
        "tasks_default_retry_delay_seconds": [1, 2.5],
        "logging_log_prints": True,
        "api_url": "http://x/api",
    }
    with temporary_settings(updates) as settings:
        variables = settings.to_environment_variables()
    assert set(variables) == {"HEADRACE_HOME", *(find_setting(name).name for name in updates)}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert headrace.settings.refresh_settings() == settings


def test_settings_can_be_reached_group_by_group() -> None:
    """As users of Prefect write them: a group is what names begin with."""
    with temporary_settings({"tasks_runner_thread_pool_max_workers": 3}) as settings:
        assert settings.tasks.runner.thread_pool_max_workers == 3
    groups = (settings.logging, settings.flows, settings.results, settings.server, settings.api)
    assert groups[0].level == settings.logging_level
    assert groups[1].default_retries == settings.flows_default_retries
    assert groups[2].persist_by_default is settings.results_persist_by_default
    assert groups[3].api.port == settings.server_api_port
    assert groups[4].url is settings.api_url
    with pytest.raises(AttributeError, match="HEADRACE_LOGGING_LEVL"):
        _ = settings.logging.levl
    assert repr(settings.server.api) == "<settings HEADRACE_SERVER_API_*>"


def test_a_setting_stands_for_its_value() -> None:
    """As a truth value, and where it is compared; as a key it is itself."""
    refreshes = find_setting("tasks_refresh_cache")
    assert not refreshes
    with temporary_settings({refreshes: True}):
        assert refreshes
        assert refreshes == True  # noqa: E712 - as scripts write it
    assert refreshes != find_setting("tasks_disable_caching")
    assert {refreshes: 1}[find_setting("HEADRACE_TASKS_REFRESH_CACHE")] == 1
