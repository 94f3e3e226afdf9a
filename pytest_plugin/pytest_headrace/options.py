"""The plugin's options: each is a flag and an ini key of the same meaning, with help, in one group."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest


class Option(NamedTuple):
    """One option. `read` makes a value of what was written, or raises ValueError saying what may be."""

    name: str
    metavar: str
    default: str
    read: Callable[[str], Any]
    help: str

    @property
    def flag(self) -> str:
        """How it is written on the command line."""
        return "--headrace-" + self.name

    @property
    def key(self) -> str:
        """How it is written in an ini file, and in the parsed options."""
        return "headrace_" + self.name.replace("-", "_")


def _seed(text: str) -> int | None:
    if text == "random":
        return None
    try:
        return int(text)
    except ValueError:
        raise ValueError("write a whole number, or 'random'") from None


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ValueError("write a whole number from 1 up")
    return int(text)


def one_of(*choices: str) -> Callable[[str], str]:
    """Return what reads one of a few words."""

    def read(text: str) -> str:
        if text not in choices:
            raise ValueError(f"write one of {', '.join(choices)}")
        return text

    return read


SEED = Option(
    "seed",
    "SEED",
    "0",
    _seed,
    "the seed of each test's ids, names, jitter and simulation: a whole number, or 'random' for a new one per test",
)
SCHEDULES = Option("schedules", "N", "200", _count, "how many schedules a test marked `explore` is run under, at most")
STORE = Option("store", "KIND", "memory", one_of("memory", "sqlite"), "where a test's runs are kept: memory, or sqlite")
#: All of them, in the order of `--help`.
OPTIONS = [SEED, SCHEDULES, STORE]

_VALUES = pytest.StashKey[dict[str, Any]]()


def add_options(parser: pytest.Parser) -> None:
    """Declare them."""
    group = parser.getgroup("headrace")
    for option in OPTIONS:
        said = f"{option.help} (default: {option.default})"
        group.addoption(option.flag, dest=option.key, metavar=option.metavar, default=None, help=said)
        parser.addini(option.key, said, default=option.default)


def check_options(config: pytest.Config) -> None:
    """Read all values once. Raises UsageError for the first that makes no sense."""
    config.stash[_VALUES] = {option.name: _read(config, option) for option in OPTIONS}


def value_of(config: pytest.Config, option: Option) -> Any:
    """Return what an option comes to in this session."""
    return config.stash[_VALUES][option.name]


def _read(config: pytest.Config, option: Option) -> Any:
    given = config.getoption(option.key)
    place = option.flag if given is not None else option.key
    text = str(given if given is not None else config.getini(option.key)).strip()
    try:
        return option.read(text)
    except ValueError as error:
        raise pytest.UsageError(f"{place} can't be {text!r}: {error}.") from None
