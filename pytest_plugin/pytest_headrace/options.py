"""The plugin's options: each is a flag and an ini key of the same meaning, with help, in one group."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest


class Option(NamedTuple):
    """One option. `read` makes a value of what was written, or raises ValueError saying what may be.

    With `is_switch` it is on or off, and the flag alone is on.
    """

    name: str
    metavar: str
    default: str
    read: Callable[[str], Any]
    help: str
    is_switch: bool = False

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


_SWITCHES = {"on": True, "true": True, "yes": True, "1": True, "off": False, "false": False, "no": False, "0": False}


def _switch(text: str) -> bool:
    if text.lower() not in _SWITCHES:
        raise ValueError("write on or off")
    return _SWITCHES[text.lower()]


def _percent(text: str) -> float | None:
    if not text:
        return None
    try:
        percent = float(text.removesuffix("%"))
    except ValueError:
        percent = -1
    if not 0 <= percent <= 100:
        raise ValueError("write a percentage from 0 to 100")
    return percent


def _file(text: str) -> Path | None:
    return Path(text).expanduser() if text else None


def _folder(text: str) -> Path:
    if not text:
        raise ValueError("write the name of a folder")
    return Path(text).expanduser()


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


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
COVERAGE = Option(
    "coverage",
    "",
    "off",
    _switch,
    "tell at the end which transitions of the project's flows and tasks no test has reached",
    is_switch=True,
)
COVERAGE_FAIL_UNDER = Option(
    "coverage-fail-under", "PERCENT", "", _percent, "fail if less of the possible transitions is reached"
)
COVERAGE_JSON = Option("coverage-json", "FILE", "", _file, "write which transitions were reached to a JSON file")
COVERAGE_HTML = Option("coverage-html", "FILE", "", _file, "write which transitions were reached to an HTML file")
COVERAGE_SOURCE = Option(
    "coverage-source",
    "NAMES",
    "",
    _names,
    "the files, folders and modules whose flows and tasks count, separated by commas (none: all below the rootdir)",
)
TRACE = Option(
    "trace",
    "WHEN",
    "off",
    one_of("off", "on", "retain-on-failure"),
    "write what ran to an HTML file: of each test that ran flows (on), or of each that failed (retain-on-failure)",
)
TRACE_DIR = Option("trace-dir", "DIR", "headrace-traces", _folder, "where these files are written")
#: All of them, in the order of `--help`.
OPTIONS = [
    *(SEED, SCHEDULES, STORE),
    *(TRACE, TRACE_DIR),
    *(COVERAGE, COVERAGE_FAIL_UNDER, COVERAGE_JSON, COVERAGE_HTML, COVERAGE_SOURCE),
]

_VALUES = pytest.StashKey[dict[str, Any]]()


def add_options(parser: pytest.Parser) -> None:
    """Declare them."""
    group = parser.getgroup("headrace")
    for option in OPTIONS:
        said = f"{option.help} (default: {option.default or 'none'})"
        if option.is_switch:
            _add_switch(group, option, said)
        else:
            group.addoption(option.flag, dest=option.key, metavar=option.metavar, default=None, help=said)
        parser.addini(option.key, said, default=option.default)


def _add_switch(group: pytest.OptionGroup, option: Option, said: str) -> None:
    """Declare a flag that may stand alone, and would not take what follows it for its value."""
    for value, names in (("on", (option.flag, f"{option.flag}=on")), ("off", (f"{option.flag}=off",))):
        shown = said if value == "on" else f"not that; the same as leaving {option.flag} away"
        group.addoption(*names, dest=option.key, action="store_const", const=value, default=None, help=shown)


def check_options(config: pytest.Config) -> None:
    """Read all values once. Raises UsageError for the first that makes no sense."""
    config.stash[_VALUES] = {option.name: _read(config, option) for option in OPTIONS}


def value_of(config: pytest.Config, option: Option) -> Any:
    """Return what an option comes to in this session."""
    return config.stash[_VALUES][option.name]


def is_flagged(config: pytest.Config, option: Option) -> bool:
    """Say whether an option was given on the command line."""
    return config.getoption(option.key) is not None


def _read(config: pytest.Config, option: Option) -> Any:
    given = config.getoption(option.key)
    place = option.flag if given is not None else option.key
    text = str(given if given is not None else config.getini(option.key)).strip()
    try:
        return option.read(text)
    except ValueError as error:
        raise pytest.UsageError(f"{place} can't be {text!r}: {error}.") from None
