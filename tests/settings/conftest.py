"""Every test here has a home and a working directory of its own, and an environment without a setting."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from headrace.settings import Settings, refresh_settings

Environment = Callable[..., Settings]
Profiles = Callable[[str], Path]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name in [name for name in os.environ if name.startswith("HEADRACE_")]:
        monkeypatch.delenv(name)
    project = tmp_path / "project"
    project.mkdir()
    monkeypatch.chdir(project)
    monkeypatch.setenv("HEADRACE_HOME", str(tmp_path / "home"))
    refresh_settings()
    yield tmp_path / "home"
    monkeypatch.undo()
    refresh_settings()


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Environment:
    """Set environment variables, and have them read."""

    def set_all(**values: str) -> Settings:
        for name, value in values.items():
            monkeypatch.setenv(name, value)
        return refresh_settings()

    return set_all


@pytest.fixture
def profiles(home: Path) -> Profiles:
    """Write the profile file."""

    def write(text: str) -> Path:
        home.mkdir(exist_ok=True)
        (home / "profiles.toml").write_text(text)
        return home / "profiles.toml"

    return write
