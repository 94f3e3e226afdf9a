"""Settings changed for a while."""

from __future__ import annotations

import threading
from contextvars import copy_context
from pathlib import Path
from typing import Any

import pytest

from headrace.exceptions import ConfigurationError
from headrace.settings import (
    HEADRACE_LOGGING_LEVEL,
    Setting,
    current_settings,
    refresh_settings,
    temporary_settings,
)

from .conftest import Environment


def level() -> str:
    return current_settings().logging_level


def seen_in_a_thread() -> str:
    seen: list[str] = []
    thread = threading.Thread(target=lambda: seen.append(level()))
    thread.start()
    thread.join()
    return seen[0]


@pytest.mark.parametrize("key", ["HEADRACE_LOGGING_LEVEL", "logging_level", HEADRACE_LOGGING_LEVEL])
def test_a_block_changes_a_setting_and_takes_it_back(key: str | Setting[Any]) -> None:
    """Keys are names in either spelling, or setting objects."""
    with temporary_settings({key: "ERROR"}):
        assert level() == "ERROR"
    assert level() == "INFO"


def test_it_is_taken_back_when_the_block_raises() -> None:
    """A failing test leaves no setting behind."""
    with pytest.raises(ZeroDivisionError), temporary_settings({"logging_level": "ERROR"}):
        raise ZeroDivisionError
    assert level() == "INFO"


def test_blocks_nest_and_keep_what_the_outer_one_set() -> None:
    """The inner one adds to the outer one."""
    with temporary_settings({"logging_level": "ERROR"}):
        with temporary_settings({"tasks_default_retries": 2}) as inner:
            assert (inner.logging_level, inner.tasks_default_retries) == ("ERROR", 2)
        assert current_settings().tasks_default_retries == 0


def test_threads_that_are_started_inside_see_it() -> None:
    """A thread pool without contexts is no way around it."""
    with temporary_settings({"logging_level": "ERROR"}):
        assert seen_in_a_thread() == "ERROR"
    assert seen_in_a_thread() == "INFO"


def test_each_context_sees_its_own() -> None:
    """Two blocks at once in copied contexts do not mix, though both are open."""
    first, second = copy_context(), copy_context()
    one, two = temporary_settings({"logging_level": "ERROR"}), temporary_settings({"logging_level": "DEBUG"})
    first.run(one.__enter__)
    second.run(two.__enter__)
    assert (first.run(level), second.run(level)) == ("ERROR", "DEBUG")
    first.run(one.__exit__, None, None, None)
    assert second.run(level) == "DEBUG"
    second.run(two.__exit__, None, None, None)
    assert level() == "INFO"


def test_a_block_may_be_left_in_another_context() -> None:
    """As async fixtures are."""
    block = temporary_settings({"logging_level": "ERROR"})
    copy_context().run(block.__enter__)
    block.__exit__(None, None, None)
    assert level() == "INFO"


def test_set_defaults_hold_only_where_nothing_is_set(environment: Environment) -> None:
    """They stand in the place of the default."""
    environment(HEADRACE_LOGGING_LEVEL="WARNING")
    with temporary_settings(set_defaults={"logging_level": "ERROR", "tasks_default_retries": 7}) as settings:
        assert (settings.logging_level, settings.tasks_default_retries) == ("WARNING", 7)


def test_restore_defaults_goes_past_everything_that_is_set(environment: Environment) -> None:
    """Environment, files and outer blocks are passed over for these settings."""
    environment(HEADRACE_LOGGING_LEVEL="WARNING")
    with (
        temporary_settings({"tasks_default_retries": 7}),
        temporary_settings(restore_defaults={HEADRACE_LOGGING_LEVEL, "tasks_default_retries"}) as settings,
    ):
        assert (settings.logging_level, settings.tasks_default_retries) == ("INFO", 0)


def test_a_refresh_inside_reads_the_environment_and_keeps_the_block(environment: Environment) -> None:
    """A variable set inside a block is seen, where the block does not say otherwise."""
    with temporary_settings({"logging_level": "ERROR"}):
        settings = environment(HEADRACE_LOGGING_LEVEL="DEBUG", HEADRACE_TASKS_DEFAULT_RETRIES="2")
        assert (settings.logging_level, settings.tasks_default_retries) == ("ERROR", 2)
    assert (level(), refresh_settings().tasks_default_retries) == ("DEBUG", 2)


def test_a_home_given_for_a_block_brings_its_profile_and_its_store(tmp_path: Path) -> None:
    """All that lies in the home directory moves with it."""
    (tmp_path / "profiles.toml").write_text("[profiles.default]\nHEADRACE_TASKS_DEFAULT_RETRIES = 9\n")
    with temporary_settings({"home": tmp_path}) as settings:
        assert settings.tasks_default_retries == 9
        assert settings.store_path == tmp_path / "headrace.db"


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    """A misspelled setting would otherwise change nothing, silently."""
    with (
        pytest.raises(ConfigurationError, match="Did you mean logging_level"),
        temporary_settings({"loging_level": "INFO"}),
    ):
        pass
