"""The places that a value may come from, each read into one `Layer` of raw values."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from headrace.exceptions import ConfigurationError
from headrace.settings import readers
from headrace.settings.table import SETTINGS, Setting, Source, find_setting

if TYPE_CHECKING:
    from pathlib import Path

T = TypeVar("T")

TEMPORARY = Source("temporary", "temporary_settings")


class Layer:
    """What one place says: raw values by field, and the directory that relative paths in it start from."""

    __slots__ = ("directory", "source", "values")

    def __init__(self, source: Source, values: Mapping[str, object], directory: str = "") -> None:
        self.source = source
        self.values = values
        self.directory = directory

    def source_of(self, setting: Setting[Any]) -> Source:
        """Say where this layer has a setting from."""
        if self.source.kind == "environment":
            return Source("environment", f"environment variable {setting.name}")
        return self.source

    def read(self, setting: Setting[T]) -> T:
        """Read one value that this layer has; paths become absolute. Raises ConfigurationError."""
        raw = self.values[setting.field]
        try:
            value = setting.read(raw)
        except ValueError as error:
            shown = "***" if setting.secret else repr(raw)
            place = self.source_of(setting)
            raise ConfigurationError(f"{setting.name} can't be {shown} ({place}): {error}") from None
        if setting.read is readers.path:
            value = setting.read(os.path.join(self.directory or _cwd(), str(value)))
        return value


def temporary(values: Mapping[str, object]) -> Layer:
    """Return what was given to `temporary_settings`."""
    return Layer(TEMPORARY, values)


def environment() -> Layer:
    """Read the environment variables that are not empty."""
    values = {s.field: os.environ[s.name] for s in SETTINGS if os.environ.get(s.name)}
    return Layer(Source("environment"), values)


def pyproject() -> Layer:
    """Read ``[tool.headrace]`` of the nearest pyproject.toml; tables may nest: ``[tool.headrace.tasks]``.

    Raises ConfigurationError for what can't be read, and for names that are none.
    """
    directory = _cwd()
    while not os.path.isfile(path := os.path.join(directory, "pyproject.toml")):
        above = os.path.dirname(directory)
        if above == directory:
            return Layer(Source("pyproject"), {})
        directory = above
    if directory in os.environ.get("HEADRACE_WITHOUT_PYPROJECT", "").split(os.pathsep):
        return Layer(Source("pyproject"), {})  # that of a project under test, which must not steer its tests
    tool = _table(parsed(path, only_with=b"headrace"), "tool", path)
    values = _fields(_flat(_table(tool, "headrace", path)), path)
    return Layer(Source("pyproject", f"[tool.headrace] in {path}"), values, directory)


def profile(home: Path) -> Layer:
    """Read the active profile; a missing file is the same as an empty one.

    Raises ConfigurationError for what can't be read, names that are none, and a profile that is not there.
    """
    path = str(home / "profiles.toml")
    document = parsed(path) if os.path.isfile(path) else {}
    name, profiles = active_profile(document), _table(document, "profiles", path)
    if name != "default" and name not in profiles:
        raise ConfigurationError(
            f"There is no profile {name!r} in {path}; there are: {', '.join(profiles) or 'none'}. "
            f"Write [profiles.{name}] into it, or set HEADRACE_PROFILE to one of those."
        )
    values = _fields(_table(profiles, name, path).items(), path)
    if "home" in values:
        raise ConfigurationError(f"HEADRACE_HOME can't be set in {path}, which is found by it. Export it instead.")
    return Layer(Source("profile", f"profile {name!r} in {path}"), values, str(home))


def active_profile(document: Mapping[str, Any]) -> str:
    """Return the name of the profile in force, given the parsed profile file."""
    return os.environ.get("HEADRACE_PROFILE") or str(document.get("active", "default"))


def _cwd() -> str:
    try:
        return os.getcwd()
    except OSError:  # the working directory was deleted: there is nothing that a path could be relative to
        return os.sep


def _table(document: Mapping[str, Any], key: str, path: str) -> Mapping[str, Any]:
    value = document.get(key, {})
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"{path}: {key!r} is {value!r}, where a table [{key}] should be.")
    return value


def _flat(table: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}_")
        else:
            yield prefix + key, value


def _fields(items: Iterable[tuple[str, object]], path: str) -> dict[str, object]:
    try:
        return {find_setting(key).field: value for key, value in items}
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from None


_parsed: dict[str, tuple[tuple[int, int], dict[str, Any]]] = {}


def parsed(path: str, only_with: bytes = b"") -> dict[str, Any]:
    """Parse a TOML file; {} at once where `only_with` does not occur in it. Raises ConfigurationError.

    What was parsed is kept until the file's size or time changes: tests open a scope each.
    """
    try:
        status = os.stat(path)
        stamp = (status.st_mtime_ns, status.st_size)
        if path not in _parsed or _parsed[path][0] != stamp:
            with open(path, "rb") as file:
                content = file.read()
            _parsed[path] = stamp, parse(content, path) if only_with in content else {}
    except OSError as error:
        raise ConfigurationError(f"{path} can't be read: {error.strerror}. Make it readable, or move it.") from error
    return _parsed[path][1]


def parse(content: bytes, path: str) -> dict[str, Any]:
    """Parse TOML. Raises ConfigurationError with the line that is wrong."""
    import tomllib  # only where there is a file to read

    try:
        return tomllib.loads(content.decode())
    except ValueError as error:  # TOMLDecodeError and UnicodeDecodeError are both
        raise ConfigurationError(f"{path} is not a TOML file: {error}. Mend that line.") from None
