"""Each test has a home of its own, an empty store, and a clock that stands at one o'clock UTC."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from headrace.cli import main
from headrace.clock import SystemClock
from headrace.drive.world import World, use_world
from headrace.settings import refresh_settings
from headrace.store.memory import MemoryStore

from .stories import Stories, at


class StillClock(SystemClock):
    """Stands at one o'clock; each sleep calls `meanwhile` and returns at once."""

    def __init__(self) -> None:
        self.meanwhile: Callable[[], None] = lambda: None
        self.sleep = lambda _: self.meanwhile()

    def now(self) -> datetime:
        return at(3600)


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit status, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Cli = Callable[..., Ended]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name in [name for name in os.environ if name.startswith("HEADRACE_")]:
        monkeypatch.delenv(name)
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.setenv("HEADRACE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setenv("NO_COLOR", "1")
    time.tzset()
    refresh_settings()
    yield tmp_path / "home"
    monkeypatch.undo()
    time.tzset()
    refresh_settings()


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def stories(clock: StillClock) -> Iterator[Stories]:
    """Tells runs into the store of the world that commands see."""
    store = MemoryStore()
    with use_world(World(store, clock=clock, seed=1), everywhere=True):
        yield Stories(store)


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    """Run one command in this process, as the entry point does."""

    def run(*args: str) -> Ended:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(args)
        out, err = capsys.readouterr()
        assert ended.value.code is None or isinstance(ended.value.code, int)
        return Ended(ended.value.code or 0, out, err)

    return run
