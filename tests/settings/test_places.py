"""Where values come from, and which place wins."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from headrace.exceptions import ConfigurationError
from headrace.settings import SETTINGS, current_settings, refresh_settings, source_of, temporary_settings

from .conftest import Environment, Profiles

PROFILE = """
active = "work"
[profiles.default]
HEADRACE_TASKS_DEFAULT_RETRIES = 5
[profiles.work]
HEADRACE_TASKS_DEFAULT_RETRIES = 2
"""
PYPROJECT = "[tool.headrace]\ntasks_default_retries = 1\n"


def test_without_anything_set_every_setting_has_its_default() -> None:
    """An empty home, environment and directory leave the defaults."""
    settings = refresh_settings()
    assert settings.logging_level == "INFO"
    assert settings.results_default_serializer == "pickle"
    assert {settings.source_of(s).kind for s in SETTINGS if s.field != "home"} == {"default"}


def test_paths_that_are_not_set_lie_in_the_home_directory(home: Path) -> None:
    """The store and results follow HEADRACE_HOME."""
    settings = refresh_settings()
    assert settings.store_path == home / "headrace.db"
    assert settings.results_local_storage_path == home / "storage"


def test_the_places_win_in_their_order(environment: Environment, profiles: Profiles) -> None:
    """Temporary settings beat the environment, that the profile, that pyproject.toml, that the default."""

    def read() -> tuple[int, str]:
        return refresh_settings().tasks_default_retries, source_of("tasks_default_retries").kind

    seen = [read()]
    Path("pyproject.toml").write_text(PYPROJECT)
    seen.append(read())
    profiles(PROFILE)
    seen.append(read())
    environment(HEADRACE_TASKS_DEFAULT_RETRIES="3")
    seen.append(read())
    with temporary_settings({"tasks_default_retries": 4}):
        seen.append(read())
    assert seen == [(0, "default"), (1, "pyproject"), (2, "profile"), (3, "environment"), (4, "temporary")]


def test_a_source_names_the_variable_or_file(environment: Environment, profiles: Profiles) -> None:
    """What `source_of` says can be opened, or looked for."""
    path = profiles(PROFILE)
    environment(HEADRACE_LOGGING_LEVEL="debug")
    assert str(source_of("tasks_default_retries")) == f"profile 'work' in {path}"
    assert str(source_of("HEADRACE_LOGGING_LEVEL")) == "environment variable HEADRACE_LOGGING_LEVEL"
    assert str(source_of("api_url")) == "default"


def test_an_empty_environment_variable_counts_as_not_set(environment: Environment, profiles: Profiles) -> None:
    """`HEADRACE_X=` takes an exported value back."""
    profiles(PROFILE)
    assert environment(HEADRACE_TASKS_DEFAULT_RETRIES="").tasks_default_retries == 2


def test_unknown_environment_variables_are_passed_over(environment: Environment) -> None:
    """Other programs, and later versions, may have variables of that prefix."""
    assert environment(HEADRACE_NO_SUCH_THING="1").logging_level == "INFO"


def test_the_environment_is_read_again_only_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between refreshes the very same object is given."""
    before = current_settings()
    monkeypatch.setenv("HEADRACE_LOGGING_LEVEL", "ERROR")
    assert current_settings() is before
    assert refresh_settings().logging_level == "ERROR"


def test_headrace_profile_overrides_the_active_profile(environment: Environment, profiles: Profiles) -> None:
    """One variable switches profiles for one command."""
    profiles(PROFILE)
    assert environment(HEADRACE_PROFILE="default").tasks_default_retries == 5


def test_a_profile_that_is_not_there_is_refused_with_those_that_are(
    environment: Environment, profiles: Profiles
) -> None:
    """A misspelled profile must not silently mean the defaults."""
    profiles(PROFILE)
    with pytest.raises(ConfigurationError, match=r"no profile 'wrok' in .*there are: default, work"):
        environment(HEADRACE_PROFILE="wrok")


def test_home_in_a_profile_is_refused(profiles: Profiles) -> None:
    """The profile file is found by the home directory, so it can't say where that is."""
    profiles('[profiles.default]\nHEADRACE_HOME = "/elsewhere"\n')
    with pytest.raises(ConfigurationError, match="found by it"):
        refresh_settings()


@pytest.mark.parametrize(
    "text",
    [
        "[tool.headrace]\ntasks_default_retries = 1",
        "[tool.headrace.tasks]\ndefault_retries = 1",
        "tool.headrace.tasks.default_retries = 1",
    ],
)
def test_pyproject_is_found_upwards_and_its_tables_may_nest(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The nearest pyproject.toml speaks for all directories below it."""
    Path("pyproject.toml").write_text(text)
    Path("deep/er").mkdir(parents=True)
    monkeypatch.chdir("deep/er")
    assert refresh_settings().tasks_default_retries == 1


def test_only_the_nearest_pyproject_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A project inside a project does not inherit."""
    Path("pyproject.toml").write_text(PYPROJECT)
    Path("inner").mkdir()
    Path("inner/pyproject.toml").write_text("[project]\nname = 'inner'\n")
    monkeypatch.chdir("inner")
    assert refresh_settings().tasks_default_retries == 0


def test_relative_paths_start_where_they_are_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """A path in pyproject.toml is relative to it, and none moves with the working directory later."""
    Path("pyproject.toml").write_text('[tool.headrace]\nstore_path = "runs.db"\n')
    project = Path.cwd()
    Path("inner").mkdir()
    monkeypatch.chdir("inner")
    assert refresh_settings().store_path == project / "runs.db"


def test_a_changed_file_is_read_anew() -> None:
    """What was parsed is kept only while the file stays as it is."""
    Path("pyproject.toml").write_text(PYPROJECT)
    assert refresh_settings().tasks_default_retries == 1
    Path("pyproject.toml").write_text(PYPROJECT.replace("1", "11"))
    assert refresh_settings().tasks_default_retries == 11


def test_a_deleted_working_directory_is_no_obstacle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings can be read where no file can be looked for."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    os.rmdir(gone)
    assert refresh_settings().logging_level == "INFO"


def test_unknown_keys_in_files_are_refused_with_the_nearest(profiles: Profiles) -> None:
    """A typing error in a file is told, with the file and what was meant."""
    path = profiles("[profiles.default]\nHEADRACE_LOGING_LEVEL = 'INFO'\n")
    with pytest.raises(ConfigurationError, match=rf"{path}: There is no setting.*Did you mean HEADRACE_LOGGING_LEVEL"):
        refresh_settings()


@pytest.mark.parametrize("text", ["[profiles", "profiles = 3", "[profiles]\ndefault = 3"])
def test_a_broken_profile_file_is_told_by_its_path(text: str, profiles: Profiles) -> None:
    """No parser's traceback, and no guess at what was meant."""
    path = profiles(text)
    with pytest.raises(ConfigurationError, match=str(path)):
        refresh_settings()


def test_a_bad_value_is_told_with_its_place_and_what_to_write(environment: Environment) -> None:
    """The message holds all that is needed to mend it."""
    with pytest.raises(ConfigurationError) as caught:
        environment(HEADRACE_TASKS_DEFAULT_RETRIES="three")
    assert str(caught.value) == (
        "HEADRACE_TASKS_DEFAULT_RETRIES can't be 'three' "
        "(environment variable HEADRACE_TASKS_DEFAULT_RETRIES): "
        "it is not a whole number of at least 0. Write one, such as 3."
    )


def test_importing_and_reading_settings_is_light() -> None:
    """No parser of TOML without a file, and none of the heavy libraries at all."""
    code = "import sys, headrace.settings as s; s.current_settings(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"pydantic", "typer", "rich", "tomlkit", "tomllib", "difflib", "tempfile", "asyncio"}
    assert not heavy & set(done.stdout.split())
