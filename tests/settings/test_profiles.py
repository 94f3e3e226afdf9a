"""Writing the profile file."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from headrace.exceptions import ConfigurationError
from headrace.settings import current_settings, set_in_profile, source_of, unset_in_profile

from .conftest import Profiles

COMMENTED = """# mine
active = "work"   # for now

[profiles.work]
HEADRACE_TASKS_DEFAULT_RETRIES = 2  # enough
other_programs_key = 1
"""


def test_a_value_is_set_read_and_removed_again(home: Path) -> None:
    """The file is made with its directory; settings follow at once."""
    set_in_profile("logging_level", "debug")
    assert current_settings().logging_level == "DEBUG"
    assert source_of("logging_level").kind == "profile"
    assert unset_in_profile("HEADRACE_LOGGING_LEVEL") is True
    assert unset_in_profile("HEADRACE_LOGGING_LEVEL") is False
    assert current_settings().logging_level == "INFO"


def test_comments_and_order_are_kept(profiles: Profiles) -> None:
    """A file that people edit stays theirs."""
    path = profiles(COMMENTED.replace("other_programs_key = 1\n", ""))
    set_in_profile("tasks_default_retry_delay_seconds", "1, 2.5")
    assert path.read_text() == COMMENTED.replace(
        "other_programs_key = 1", "HEADRACE_TASKS_DEFAULT_RETRY_DELAY_SECONDS = [1, 2.5]"
    )


def test_another_spelling_of_the_same_setting_is_replaced(profiles: Profiles) -> None:
    """One setting stands in the file once."""
    path = profiles("[profiles.default]\nlogging_level = 'INFO'\n")
    set_in_profile("HEADRACE_LOGGING_LEVEL", "ERROR")
    assert path.read_text() == '[profiles.default]\nHEADRACE_LOGGING_LEVEL = "ERROR"\n'


def test_the_profile_of_the_environment_is_written_and_made_if_need_be(
    monkeypatch: pytest.MonkeyPatch, profiles: Profiles
) -> None:
    """A new profile begins with its first value."""
    path = profiles(COMMENTED)
    monkeypatch.setenv("HEADRACE_PROFILE", "new")
    set_in_profile("logging_level", "ERROR")
    assert path.read_text() == COMMENTED + '\n[profiles.new]\nHEADRACE_LOGGING_LEVEL = "ERROR"\n'


def test_a_profile_with_a_bad_value_can_still_be_mended(profiles: Profiles) -> None:
    """Writing does not need what is written to be readable."""
    profiles("[profiles.default]\nHEADRACE_LOGGING_LEVEL = 'LOUD'\n")
    set_in_profile("logging_level", "ERROR")
    assert current_settings().logging_level == "ERROR"


def test_what_cannot_be_used_is_not_written(home: Path) -> None:
    """A bad value, an unknown name and the home directory leave no file behind."""
    for name, value in [
        ("logging_level", "LOUD"),
        ("loging_level", "INFO"),
        ("home", "/x"),
        ("api_url", "none"),
    ]:
        with pytest.raises(ConfigurationError):
            set_in_profile(name, value)
    assert not home.exists()


def test_a_link_stays_a_link_and_permissions_stay(home: Path, tmp_path: Path) -> None:
    """Dotfiles are often links into a repository."""
    home.mkdir()
    (tmp_path / "dotfiles.toml").write_text("")
    (tmp_path / "dotfiles.toml").chmod(0o640)
    (home / "profiles.toml").symlink_to(tmp_path / "dotfiles.toml")
    set_in_profile("logging_level", "ERROR")
    assert (home / "profiles.toml").is_symlink()
    assert "ERROR" in (tmp_path / "dotfiles.toml").read_text()
    assert stat.S_IMODE((tmp_path / "dotfiles.toml").stat().st_mode) == 0o640


def test_a_new_file_is_its_owners_alone(home: Path) -> None:
    """It may hold passwords."""
    set_in_profile("logging_level", "ERROR")
    assert stat.S_IMODE((home / "profiles.toml").stat().st_mode) == 0o600


def test_no_temporary_file_is_left_behind(home: Path) -> None:
    """Nor by a write that fails: here the target is a directory."""
    (home / "profiles.toml").mkdir(parents=True)
    with pytest.raises(ConfigurationError, match="can't be changed"):
        set_in_profile("logging_level", "ERROR")
    assert [path.name for path in home.iterdir()] == ["profiles.toml"]
