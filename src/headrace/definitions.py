"""What `Flow` and `Task` share: checking what a decorator was given."""

from __future__ import annotations

import inspect
import linecache
import warnings
from collections.abc import Callable, Iterable, Sequence
from types import CodeType
from typing import Any, ClassVar, Literal

from headrace.core.annotations import Annotation
from headrace.core.retries import RetryPolicy
from headrace.core.states import State
from headrace.core.wording import kind_of
from headrace.effects import Promise
from headrace.runs.definitions import Hook
from headrace.settings import current_settings


class NotGiven:
    """Stand for an argument that was not given, where None means something."""

    def __repr__(self) -> str:
        return "NotSet"

    def __bool__(self) -> bool:
        return False


NotSet: Any = NotGiven()


def underlying(fn: Any) -> Any:
    """Return the function that a classmethod or staticmethod holds, else `fn` itself."""
    return fn.__func__ if isinstance(fn, classmethod | staticmethod) else fn


def waited_for(given: Iterable[Any] | None) -> tuple[Any, ...]:
    """Return what a call's `wait_for` names; one future or state may stand for a list of it. Raises TypeError."""
    if given is None:
        return ()
    if isinstance(given, Promise | State | Annotation):
        return (given,)
    if not isinstance(given, Iterable) or isinstance(given, str):
        raise TypeError(f"'wait_for' is a list of futures and states, not {given!r}. Write wait_for=[future].")
    return tuple(given)


def decorator_signature(kind: type, *without: str) -> inspect.Signature:
    """Return the signature of the decorator that makes these: a function, and by keyword what the class takes."""
    function = inspect.Parameter("__fn", inspect.Parameter.POSITIONAL_ONLY, default=None)
    _, _, *options = inspect.signature(kind.__init__).parameters.values()  # type: ignore[misc]
    by_keyword = [option.replace(kind=inspect.Parameter.KEYWORD_ONLY) for option in options]
    return inspect.Signature([function, *(option for option in by_keyword if option.name not in without)])


def check_options(options: Iterable[str], decorator: Callable[..., Any]) -> None:
    """Raise TypeError for what the decorator does not take, with what comes near."""
    import difflib  # only where there is something to complain about

    known = list(decorator.__signature__.parameters)[1:]  # type: ignore[attr-defined]
    for option in options:
        if option not in known:
            near = difflib.get_close_matches(option, known, n=1)
            meant = f" Did you mean {near[0]!r}?" if near else f" It has {', '.join(known)}."
            raise TypeError(f"@{decorator.__name__} has no argument {option!r}.{meant}")


def checked_timeout(seconds: object) -> float | None:
    """Return a time-out as a float, None for none. Raises TypeError or ValueError."""
    if seconds is None:
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise TypeError(f"'timeout_seconds' is a number of seconds, not {seconds!r}, {kind_of(seconds)}.")
    if not seconds >= 0:
        raise ValueError(f"'timeout_seconds' can't be {seconds!r}. Write a number above 0, or None for no time-out.")
    return float(seconds) or None


def checked_hooks(hooks: Any, name: str) -> list[Hook]:
    """Return hooks as a list. Raises TypeError, naming the argument, for what is no iterable of callables."""
    if hooks is None:
        return []
    no_iterable = f"Expected iterable for '{name}'; got {type(hooks).__name__} instead. Write {name}=[...]."
    if callable(hooks) or isinstance(hooks, str):
        raise TypeError(no_iterable)
    try:
        listed = list(hooks)
    except TypeError:
        raise TypeError(no_iterable) from None
    for hook in listed:
        if not callable(hook):
            raise TypeError(f"Expected callables in '{name}'; got {hook!r}, {kind_of(hook)}, instead.")
    return listed


def source_of(fn: Callable[..., Any]) -> str:
    """Return the lines of a function, its decorators included; where there is no file, what its code object says.

    `inspect.getsource` would read on to the function's end with a tokenizer, which takes milliseconds to load.
    """
    code = getattr(fn, "__code__", None)
    if code is None:
        return repr(type(fn))  # a callable object, or not written in Python
    lines = linecache.getlines(code.co_filename, getattr(fn, "__globals__", None))
    source = "".join(lines[code.co_firstlineno - 1 : _last_line(code)])
    return source or repr((code.co_code, code.co_names))


def _last_line(code: CodeType) -> int:
    """Return the last line that a code object, or one inside it, has code for."""
    own = max((line for _, _, line in code.co_lines() if line), default=code.co_firstlineno)
    return max([own, *(_last_line(inner) for inner in code.co_consts if isinstance(inner, CodeType))])


def source_hash(fn: Callable[..., Any]) -> str:
    """Return eight hex digits that change with the function's source."""
    import zlib

    return f"{zlib.crc32(source_of(fn).encode()):08x}"


class Hooked:
    """What flows and tasks offer for the hooks that both have; each event's hooks are called in order."""

    _hooks: dict[str, list[Hook]]

    def hooks(self, event: str) -> Sequence[Hook]:
        """Return the hooks of an event, in order."""
        return self._hooks.get(event, ())

    @property
    def on_completion_hooks(self) -> Sequence[Hook]:
        """The hooks that fire when a run completes."""
        return self._hooks["completion"]

    @property
    def on_failure_hooks(self) -> Sequence[Hook]:
        """The hooks that fire when a run fails for good."""
        return self._hooks["failure"]

    @property
    def on_running_hooks(self) -> Sequence[Hook]:
        """The hooks that fire at each attempt."""
        return self._hooks["running"]

    def on_completion(self, fn: Hook) -> Hook:
        """Add a hook that fires when a run completes; a decorator."""
        return self._add_hook("completion", fn)

    def on_failure(self, fn: Hook) -> Hook:
        """Add a hook that fires when a run fails for good; a decorator."""
        return self._add_hook("failure", fn)

    def on_running(self, fn: Hook) -> Hook:
        """Add a hook that fires at each attempt; a decorator."""
        return self._add_hook("running", fn)

    def _add_hook(self, event: str, fn: Hook) -> Hook:
        self._hooks[event] = checked_hooks([*self._hooks[event], fn], f"on_{event}")
        return fn


class Retried:
    """What flows and tasks offer of their retries; each may be changed, and holds for the runs that begin then."""

    policy: RetryPolicy
    _given: dict[str, Any]
    _delays: Any
    _kind: ClassVar[Literal["flow", "task"]]

    def accept_policy(self, retries: int, delays: Any, jitter: float | None) -> None:
        """Take on a policy, checked; a callable is asked for its delays here, once. Raises as `RetryPolicy.make`."""
        self.policy = RetryPolicy.make(retries, delays, jitter, self._kind)
        self._delays = list(self.policy.delays) if callable(delays) else delays

    def kept_policy(self) -> dict[str, Any]:
        """Return the arguments that make this policy again, whatever the settings say by then.

        A callable is kept as such: it is asked anew if a variant has another number of retries.
        """
        given = self._given["retry_delay_seconds"]
        return {"retries": self.retries, "retry_delay_seconds": self._delays if given is None else given}

    def _change(self, name: str, value: Any, retries: int, delays: Any, jitter: float | None) -> None:
        self.accept_policy(retries, delays, jitter)
        self._given = {**self._given, name: value}  # for variants; a method that is bound shares the dict with others

    @property
    def retries(self) -> int:
        """How often a run is tried again."""
        return self.policy.retries

    @retries.setter
    def retries(self, value: int) -> None:
        self._change("retries", value, value, self._delays, self.policy.jitter_factor)

    @property
    def retry_delay_seconds(self) -> float | list[float]:
        """The seconds before each retry: what was given, or what a callable that was given returned."""
        delays: float | list[float] = self._delays
        return delays

    @retry_delay_seconds.setter
    def retry_delay_seconds(self, value: Any) -> None:
        self._change("retry_delay_seconds", value, self.retries, value, self.policy.jitter_factor)

    @property
    def retry_jitter_factor(self) -> float | None:
        """By how much more than the delay a retry may wait; None for no jitter."""
        return self.policy.jitter_factor

    @retry_jitter_factor.setter
    def retry_jitter_factor(self, value: float | None) -> None:
        self._change("retry_jitter_factor", value, self.retries, self._delays, value)


def check_keeping(storage: Any, serializer: Any) -> None:
    """Raise TypeError or ValueError for what is no storage or no serializer."""
    if storage is not None:
        from headrace.filesystems import resolve_storage  # most flows and tasks name none

        resolve_storage(storage)
    if serializer is not None:
        from headrace.serializers import resolve_serializer  # as above

        resolve_serializer(serializer)


def warn_of(kind: str, name: str, what: str, stacklevel: int = 5) -> None:
    """Warn of an argument that is without effect, instead of passing over it in silence."""
    warnings.warn(f"The {kind} {name!r} {what}", UserWarning, stacklevel=stacklevel)


def persists(own: bool | None, default: bool | None, parent: Any) -> bool:
    """Say whether results of a run are kept: as it says itself, else by default, else as the run around it does."""
    if own is not None:
        return own
    if default is not None:
        return default
    return parent.persist_result if parent is not None else current_settings().results_persist_by_default


def logs_prints(own: bool | None, parent: Any) -> bool:
    """Say whether what a run prints goes to its log: as it says itself, else as the run around it does."""
    if own is not None:
        return own
    return parent.log_prints if parent is not None else current_settings().logging_log_prints


_NOT_YET = {
    "Task": (),
    "Flow": ("deploy", "from_source"),
}


def not_yet(kind: str, name: str) -> AttributeError:
    """Return the error for an attribute that is not there, or not there yet."""
    if name in _NOT_YET[kind]:
        return AttributeError(
            f"{kind}.{name} is not part of this version of headrace: flows run where they are served, by "
            "my_flow.serve('nightly', cron='0 2 * * *'). "
            "See docs/moving-from-prefect.md for what is there."
        )
    return AttributeError(f"{kind!r} object has no attribute {name!r}")
