"""The table of settings, one entry for each, from which names, types, help and docs are drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NamedTuple, TypeVar, overload

from headrace.exceptions import ConfigurationError
from headrace.settings import readers as read

if TYPE_CHECKING:
    from pathlib import Path

T = TypeVar("T")

PREFIX = "HEADRACE_"


class Source(NamedTuple):
    """Where a value comes from.

    `kind` is temporary, environment, profile, pyproject or default; `place` says which variable or file.
    """

    kind: str
    place: str = ""

    def __str__(self) -> str:
        return self.place or self.kind


DEFAULT = Source("default")


class Setting(Generic[T]):
    """One setting: its names, its default, what it is for, and how it is read.

    `name` is that of the environment variable, `field` that of the attribute of `Settings`; `secret` ones are
    masked where they are shown. Settings are hashable, and each exists once; as a truth value, and compared with
    anything else, each stands for the value that is in force. On the class `Settings` it is
    itself; on an instance the value stands in its place (its dict comes first, as there is no `__set__`).
    """

    field: str
    name: str

    #: Asks for the settings in force; `scopes`, which knows, puts itself here.
    in_force: ClassVar[Callable[[], Settings]]

    def __init__(
        self,
        read: Callable[[object], T],
        default: T | Callable[[Path], T],
        description: str,
        *,
        secret: bool = False,
    ) -> None:
        self.read = read
        self.description = description
        self.secret = secret
        self._default = default

    def __set_name__(self, owner: type, field: str) -> None:
        self.field = field
        self.name = PREFIX + field.upper()

    @overload
    def __get__(self, instance: None, owner: type) -> Setting[T]: ...
    @overload
    def __get__(self, instance: Settings, owner: type) -> T: ...
    def __get__(self, instance: Settings | None, owner: type) -> Setting[T] | T:
        if instance is None:
            return self
        raise AttributeError(self.field)  # only if a `Settings` was made without a value for it

    @property
    def default(self) -> T:
        """The value where nothing is set; for paths, within the home directory that is in force."""
        return self.default_in(Setting.in_force().home) if callable(self._default) else self._default

    def default_in(self, home: Path) -> T:
        """Return the default, given the home directory."""
        return self._default(home) if callable(self._default) else self._default

    def value(self) -> T:
        """Return the value that is in force."""
        value: T = getattr(Setting.in_force(), self.field)
        return value

    def __bool__(self) -> bool:
        return bool(self.value())  # ``if HEADRACE_LOGGING_LOG_PRINTS:`` asks for the value

    def __eq__(self, other: object) -> bool:
        """Compare the value that is in force, unless with another setting."""
        return self is other if isinstance(other, Setting) else bool(self.value() == other)

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return f"<Setting {self.name}>"

    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return (find_setting, (self.name,))


def default_home(_: object = None) -> Path:
    """Return the home directory where nothing is set."""
    return read.path("~/.headrace")


class Settings:
    """The values of all settings, frozen; attributes are named as the variables, without the prefix."""

    # a server, or going to one
    api_url = Setting(read.or_none(read.url), None, "Address of a headrace server; none: runs go to the store.")
    api_auth_string = Setting(
        read.or_none(read.text), None, "user:password, or a token, that is sent to the server at API_URL.", secret=True
    )
    api_key = Setting(
        read.or_none(read.text), None, "Bearer token that is sent where API_AUTH_STRING is not set.", secret=True
    )
    server_api_host = Setting(read.text, "127.0.0.1", "Address that `headrace server start` listens on.")
    server_api_port = Setting(read.whole(1, 65535), 4200, "Port that `headrace server start` listens on.")
    server_api_auth_string = Setting(
        read.or_none(read.text),
        None,
        "What requests to the server must authenticate with, user:password or a token; none: nothing.",
        secret=True,
    )
    server_database_connection_url = Setting(
        read.or_none(read.text),
        None,
        "Database that runs are kept in, sqlite:///… or postgresql://…; none: the store at HEADRACE_STORE_PATH.",
        secret=True,
    )
    # where things are kept
    home = Setting(read.path, default_home, "Directory of everything that headrace keeps for you.")
    store_path = Setting(read.path, lambda home: home / "headrace.db", "File of the run store.")
    results_local_storage_path = Setting(read.path, lambda home: home / "storage", "Directory of kept results.")
    results_persist_by_default = Setting(read.flag, False, "Whether results are kept where nothing else says so.")
    results_default_serializer = Setting(read.text, "pickle", "How results are written: pickle, json, compressed/….")
    # logs
    logging_level = Setting(read.level, "INFO", "Least level of the log lines that are shown and kept.")
    logging_log_prints = Setting(read.flag, False, "Whether print() in flows and tasks goes to the run's log.")
    logging_to_api_enabled = Setting(read.flag, True, "Whether the log lines of runs are kept in the store.")
    # flows and tasks that do not say otherwise
    flows_default_retries = Setting(read.whole(0), 0, "Retries of flows that name none.")
    flows_default_retry_delay_seconds = Setting(read.seconds, 0, "Seconds before a flow's retry; number or list.")
    tasks_default_retries = Setting(read.whole(0), 0, "Retries of tasks that name none.")
    tasks_default_retry_delay_seconds = Setting(read.seconds, 0, "Seconds before a task's retry; number or list.")
    tasks_default_persist_result = Setting(
        read.or_none(read.flag), None, "Whether tasks keep their results; none: as their flow does."
    )
    tasks_default_no_cache = Setting(read.flag, False, "Whether tasks that name no cache policy go uncached.")
    tasks_disable_caching = Setting(read.flag, False, "Whether caching is off for all tasks, whatever they say.")
    tasks_refresh_cache = Setting(read.flag, False, "Whether tasks run anew and overwrite what is cached.")
    tasks_runner_thread_pool_max_workers = Setting(
        read.or_none(read.whole(1)),
        None,
        "Threads of a ThreadPoolTaskRunner that names no number; none: unbounded.",
    )
    tasks_runner_process_pool_max_workers = Setting(
        read.or_none(read.whole(1)),
        None,
        "Processes of a ProcessPoolTaskRunner that names none; none: one per CPU.",
    )

    def __init__(self, values: Mapping[str, object], sources: Mapping[str, Source]) -> None:
        self.__dict__.update(values)
        self.__dict__["_sources"] = dict(sources)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"Settings are frozen; write `with temporary_settings({{{name!r}: {value!r}}}):`")

    def source_of(self, name: str | Setting[Any]) -> Source:
        """Say where a value comes from. Raises ConfigurationError for a name that is none."""
        sources: Mapping[str, Source] = self.__dict__["_sources"]
        return sources[find_setting(name).field]

    def to_environment_variables(self) -> dict[str, str]:
        """Return what is not default as environment variables, to pass on to another process."""
        return {s.name: str(getattr(self, s.field)) for s in SETTINGS if self.source_of(s) != DEFAULT}

    @property
    def api(self) -> SettingsGroup:
        """Those whose names begin with ``api_``; so for the others below."""
        return SettingsGroup(self, "api")

    @property
    def server(self) -> SettingsGroup:
        """``server_…``."""
        return SettingsGroup(self, "server")

    @property
    def results(self) -> SettingsGroup:
        """``results_…``."""
        return SettingsGroup(self, "results")

    @property
    def logging(self) -> SettingsGroup:
        """``logging_…``."""
        return SettingsGroup(self, "logging")

    @property
    def flows(self) -> SettingsGroup:
        """``flows_…``."""
        return SettingsGroup(self, "flows")

    @property
    def tasks(self) -> SettingsGroup:
        """``tasks_…``."""
        return SettingsGroup(self, "tasks")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Settings) and self._values() == other._values()

    __hash__ = None  # type: ignore[assignment]  # some values are lists

    def _values(self) -> dict[str, object]:
        return {s.field: getattr(self, s.field) for s in SETTINGS}

    def __repr__(self) -> str:
        masked = {s.field for s in SETTINGS if s.secret}
        shown = (f"{k}={'***' if v and k in masked else v!r}" for k, v in self._values().items())
        return f"Settings({', '.join(shown)})"


class SettingsGroup:
    """Settings whose names begin alike: `settings.tasks.runner.thread_pool_max_workers`, and so on."""

    __slots__ = ("_prefix", "_settings")

    def __init__(self, settings: Settings, prefix: str) -> None:
        self._settings = settings
        self._prefix = prefix

    def __getattr__(self, name: str) -> Any:
        field = f"{self._prefix}_{name}"
        if field in _BY_FIELD:
            return getattr(self._settings, field)
        if any(other.startswith(f"{field}_") for other in _BY_FIELD):
            return SettingsGroup(self._settings, field)
        raise AttributeError(f"There is no setting {PREFIX}{field.upper()}.")

    def __repr__(self) -> str:
        return f"<settings {PREFIX}{self._prefix.upper()}_*>"


#: All settings, in the order of the table.
SETTINGS: tuple[Setting[Any], ...] = tuple(s for s in vars(Settings).values() if isinstance(s, Setting))
_BY_FIELD: Mapping[str, Setting[Any]] = {s.field: s for s in SETTINGS}


def find_setting(name: str | Setting[Any]) -> Setting[Any]:
    """Return the setting of this name, ``HEADRACE_LOGGING_LEVEL`` or ``logging_level``, in either case.

    Raises ConfigurationError for a name that is none, with the nearest that is one.
    """
    if isinstance(name, Setting):
        return name
    found = _BY_FIELD.get(name.lower().removeprefix(PREFIX.lower()))
    if found is None:
        raise ConfigurationError(
            f"There is no setting {name}.{_nearest(name)} `headrace config view --show-defaults` lists them."
        )
    return found


def _nearest(name: str) -> str:
    import difflib  # only when there is something to complain about

    prefix = PREFIX if name.upper().startswith(PREFIX) else ""  # common to all: it says nothing of which is near
    near = difflib.get_close_matches(name.lower().removeprefix(prefix.lower()), [s.field for s in SETTINGS], n=1)
    return f" Did you mean {prefix + near[0].upper() if prefix else near[0]}?" if near else ""
