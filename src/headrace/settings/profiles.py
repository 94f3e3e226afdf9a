"""Writing the profile file: one value at a time, all else kept, the file replaced in one step."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from headrace.exceptions import ConfigurationError
from headrace.settings.scopes import forget, home
from headrace.settings.sources import Layer, active_profile, parse
from headrace.settings.table import Setting, Source, find_setting

if TYPE_CHECKING:
    from pathlib import Path


def profile_path() -> Path:
    """Return the path of the profile file, whether it exists or not."""
    return home() / "profiles.toml"


def set_in_profile(name: str | Setting[Any], value: object) -> None:
    """Set a value in the active profile, which is made if need be; all else in the file stays as it is.

    Raises ConfigurationError for a name that is none, a value that can't be used, and where the file can't be
    written.
    """
    setting = find_setting(name)
    written = value_for_profile(setting, value)

    def put(table: dict[str, object]) -> None:
        _drop(table, setting)
        table[setting.name] = written

    _edit(put)


def value_for_profile(setting: Setting[Any], value: object) -> object:
    """Return a value as the profile file is to hold it. Raises ConfigurationError where it can't."""
    if setting.field == "home":
        raise ConfigurationError("HEADRACE_HOME can't be set in a profile, which is found by it. Export it instead.")
    read = Layer(Source("profile", "for the profile"), {setting.field: value}).read(setting)
    if read is None:
        raise ConfigurationError(f"A profile can't hold none; `headrace config unset {setting.name}` removes it.")
    return read if isinstance(read, int | float | list) else str(read)


def unset_in_profile(name: str | Setting[Any]) -> bool:
    """Remove a value from the active profile. False if it was not set there. Raises ConfigurationError."""
    setting = find_setting(name)
    removed: list[object] = []
    _edit(lambda table: removed.extend(_drop(table, setting)))
    return bool(removed)


def _drop(table: dict[str, object], setting: Setting[Any]) -> list[object]:
    """Remove a setting under each of its spellings; what is no setting at all is left to its owner."""
    keys = [key for key in table if key.upper() in (setting.name, setting.field.upper())]
    return [table.pop(key) for key in keys]


def _edit(edit: Callable[[dict[str, object]], None]) -> None:
    import tomlkit  # 20 ms, and only `config set` needs it

    path = profile_path()
    try:
        content = path.read_bytes() if path.is_file() else b'active = "default"\n\n'
        parse(content, str(path))  # for its message, should it not be TOML
        document: Any = tomlkit.parse(content)
        edit(_profile_in(document))
        _replace(path, tomlkit.dumps(document))
    except OSError as error:
        raise ConfigurationError(f"{path} can't be changed: {error.strerror}.") from error
    forget()


def _profile_in(document: Any) -> dict[str, object]:
    import tomlkit

    profiles = document.setdefault("profiles", tomlkit.table(is_super_table=True))
    profile: dict[str, object] = profiles.setdefault(active_profile(document), tomlkit.table())
    return profile


def _replace(path: Path, content: str) -> None:
    """Replace a file's content in one step; a link stays a link; a new file only its owner may read."""
    import tempfile

    target = os.path.realpath(path)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=os.path.dirname(target), prefix=".profiles-", suffix=".toml")
    try:
        with open(handle, "w", encoding="utf-8") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if os.path.exists(target):
            os.chmod(temporary, os.stat(target).st_mode & 0o777)
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise
