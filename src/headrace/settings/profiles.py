"""Reading and writing the profile file: one change at a time, all else kept, the file replaced in one step."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from headrace.exceptions import ConfigurationError
from headrace.settings.scopes import forget, home
from headrace.settings.sources import Layer, active_profile, parse, parsed
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


def all_profiles() -> dict[str, dict[str, Any]]:
    """Return all profiles, by name, with what each sets; "default" is always there. Raises ConfigurationError."""
    found = _document().get("profiles", {})
    return {"default": {}, **{name: dict(values) for name, values in found.items()}}


def active() -> str:
    """Return the name of the profile in force. Raises ConfigurationError."""
    return active_profile(_document())


def shown(name: str) -> dict[str, Any]:
    """Return what a profile sets, under the names of settings, secrets masked. Raises ConfigurationError."""
    settings = [(find_setting(key), value) for key, value in _profile(name).items()]
    return {setting.name: "***" if setting.secret else value for setting, value in settings}


def create(name: str, like: str | None = None) -> None:
    """Make a profile, with the settings of another one if one is named. Raises ConfigurationError."""
    _check_new(name)
    values = _profile(like) if like is not None else {}
    _edit_file(lambda document: _profiles_in(document).update({name: values}))


def use(name: str) -> None:
    """Make a profile the active one. Raises ConfigurationError."""
    _profile(name)
    _edit_file(lambda document: document.update({"active": name}))


def rename(name: str, new: str) -> None:
    """Give a profile another name; where it is the active one it stays so. Raises ConfigurationError."""
    values = _profile(name)
    _check_new(new)

    def renamed(document: Any) -> None:
        _profiles_in(document).pop(name, None)
        _profiles_in(document)[new] = values
        if document.get("active", "default") == name:
            document["active"] = new

    _edit_file(renamed)


def check_deletable(name: str) -> None:
    """Raise ConfigurationError for the active profile, and for one that is not there."""
    _profile(name)
    if name in (active(), _document().get("active", "default")):
        raise ConfigurationError(f"{name!r} is the active profile. `headrace profile use` makes another one active.")


def delete(name: str) -> None:
    """Remove a profile with its settings. Raises ConfigurationError, for the active one too."""
    check_deletable(name)
    _edit_file(lambda document: _profiles_in(document).pop(name, None))


def _profile(name: str) -> dict[str, Any]:
    found = all_profiles()
    if name not in found:
        import difflib

        near = difflib.get_close_matches(name, found, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise ConfigurationError(f"There is no profile {name!r}; there are: {', '.join(found)}.{hint}")
    return found[name]


def _check_new(name: str) -> None:
    if not name.strip() or not name.isprintable():
        raise ConfigurationError(f"{name!r} can't be the name of a profile. Write server, say.")
    if name in all_profiles():
        raise ConfigurationError(f"There is a profile {name!r} already.")


def _document() -> dict[str, Any]:
    path = profile_path()
    return parsed(str(path)) if path.is_file() else {}


def _edit(edit: Callable[[dict[str, object]], None]) -> None:
    _edit_file(lambda document: edit(_profile_in(document)))


def _edit_file(edit: Callable[[Any], object]) -> None:
    import tomlkit  # 20 ms, and only who changes something needs it

    path = profile_path()
    try:
        content = path.read_bytes() if path.is_file() else b'active = "default"\n\n'
        parse(content, str(path))  # for its message, should it not be TOML
        document: Any = tomlkit.parse(content)
        edit(document)
        _replace(path, tomlkit.dumps(document))
    except OSError as error:
        raise ConfigurationError(f"{path} can't be changed: {error.strerror}.") from error
    forget()


def _profiles_in(document: Any) -> dict[str, Any]:
    import tomlkit

    found: dict[str, Any] = document.setdefault("profiles", tomlkit.table(is_super_table=True))
    return found


def _profile_in(document: Any) -> dict[str, object]:
    import tomlkit

    profile: dict[str, object] = _profiles_in(document).setdefault(active_profile(document), tomlkit.table())
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
