"""What is in force: the process's own settings, and the `temporary_settings` that are open above them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from headrace.exceptions import ConfigurationError
from headrace.settings import sources
from headrace.settings.table import DEFAULT, SETTINGS, Setting, Settings, Source, default_home, find_setting

if TYPE_CHECKING:
    from pathlib import Path

Updates = Mapping[Any, Any]  # from str or Setting; Mapping is invariant in its keys, so the type says less


class _Scope:
    """One `temporary_settings` with those around it, or (empty) the process's own.

    `settings` is what it comes to with everything below it; None until somebody asks, and after a refresh.
    """

    def __init__(self, updates: Mapping[str, object], defaults: Mapping[str, object], restored: frozenset[str]) -> None:
        self.updates = updates
        self.defaults = defaults
        self.restored = restored
        self.settings: Settings | None = None

    def resolve(self) -> Settings:
        """Read all values anew. Raises ConfigurationError for the first that can't be used."""
        above, below = self._above(), self._below()
        home = self._pick(Settings.home, [*above, *below], default_home())
        layers = [*above, sources.profile(home[0]), *below]
        picked = {s.field: self._pick(s, layers, home[0]) for s in SETTINGS} | {"home": home}
        values = {field: value for field, (value, _) in picked.items()}
        self.settings = settings = Settings(values, {field: source for field, (_, source) in picked.items()})
        return settings

    def home(self) -> Path:
        """Return the home directory, in which the profile has no say."""
        home: Path = self._pick(Settings.home, [*self._above(), *self._below()], default_home())[0]
        return home

    def _above(self) -> list[sources.Layer]:
        return [sources.temporary(self.updates), sources.environment()]

    def _below(self) -> list[sources.Layer]:
        return [sources.pyproject(), sources.temporary(self.defaults)]

    def _pick(self, setting: Setting[Any], layers: Iterable[sources.Layer], home: Path) -> tuple[Any, Source]:
        for layer in layers:
            counts = layer.source is sources.TEMPORARY or setting.field not in self.restored
            if counts and setting.field in layer.values:
                return layer.read(setting), layer.source_of(setting)
        return setting.default_in(home), DEFAULT


#: The process's own scope, and above it every `temporary_settings` that is open, in order of opening. A
#: thread that was started inside one without a copy of its context sees the last of them.
_everywhere: list[_Scope] = [_Scope({}, {}, frozenset())]
_here: ContextVar[_Scope | None] = ContextVar("headrace_settings", default=None)
#: Told the settings where a block of `temporary_settings` begins or ends, and after a refresh: for what can't ask at
#: each use.
watchers: list[Callable[[Settings], None]] = []


def current_settings() -> Settings:
    """Return the settings in force; the same object until they are refreshed.

    Raises ConfigurationError where a value can't be used, saying where it comes from and what to write.
    """
    scope = _here.get() or _everywhere[-1]
    return scope.settings or scope.resolve()


Setting.in_force = staticmethod(current_settings)


def refresh_settings() -> Settings:
    """Read environment and files anew, and return the settings in force. Raises ConfigurationError."""
    forget()
    settings = current_settings()
    _tell(settings)
    return settings


def forget() -> None:
    """Let the next who asks read environment and files anew."""
    for scope in _everywhere:
        scope.settings = None


def home() -> Path:
    """Return the home directory in force, even where other settings can't be used."""
    return (_here.get() or _everywhere[-1]).home()


def source_of(name: str | Setting[Any]) -> Source:
    """Say where the value in force comes from. Raises ConfigurationError for a name that is none."""
    return current_settings().source_of(name)


@contextmanager
def temporary_settings(
    updates: Updates | None = None,
    set_defaults: Updates | None = None,
    restore_defaults: Iterable[str | Setting[Any]] = (),
) -> Iterator[Settings]:
    """Change settings within a block, for its context and for threads that are started inside.

    `updates` win over everything; `set_defaults` hold only where nothing else is set; `restore_defaults`
    are taken back to their defaults, whatever environment and files say. Keys are names or `Setting`s.
    Blocks nest. Raises ConfigurationError for a name that is none, and for a value that can't be used.
    """
    scope = _inside(_here.get() or _everywhere[-1], _named(updates), _named(set_defaults), restore_defaults or ())
    settings = scope.resolve()
    token = _here.set(scope)
    _everywhere.append(scope)
    _tell(settings)
    try:
        yield settings
    finally:
        _everywhere.remove(scope)  # not `pop`: blocks of several threads end in any order
        with suppress(ValueError):  # an async fixture is torn down in another context, which never saw it
            _here.reset(token)
        with suppress(ConfigurationError):  # whoever asks for the settings is told
            _tell(current_settings())


def _tell(settings: Settings) -> None:
    for watcher in watchers:
        watcher(settings)


def _inside(
    outer: _Scope,
    updates: dict[str, object],
    defaults: dict[str, object],
    restore: Iterable[str | Setting[Any]],
) -> _Scope:
    restored = frozenset(find_setting(name).field for name in restore)
    kept = {field: value for field, value in outer.updates.items() if field not in restored}
    kept_defaults = {field: value for field, value in outer.defaults.items() if field not in restored}
    return _Scope(kept | updates, kept_defaults | defaults, outer.restored | restored)


def _named(values: Updates | None) -> dict[str, object]:
    return {find_setting(name).field: value for name, value in (values or {}).items()}
