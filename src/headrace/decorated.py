"""What `Flow` and `Task` have in common: a function taken on, bound to instances, and varied by options."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping
from functools import update_wrapper
from typing import Any, ClassVar, Literal, Self

from headrace.core.messages import exceeded
from headrace.core.parameters import Binder, binder_of, check_reserved
from headrace.core.wording import kind_of
from headrace.definitions import Hooked, NotSet, Retried, check_keeping, not_yet, underlying
from headrace.effects import Flavour
from headrace.exceptions import TimeIsUp
from headrace.runs.definitions import flavour_of, is_function

_FLAGS = ("validate_parameters", "persist_result", "cache_result_in_memory", "log_prints", "refresh_cache")


class Decorated(Hooked, Retried):
    """A function whose calls are runs. It is called by what the subclasses are called by, as its own signature says."""

    _kind: ClassVar[Literal["flow", "task"]]
    #: What a call raises whose time was up.
    _timeout_error: ClassVar[type[TimeoutError]]
    #: Attributes that may be changed after decoration; a variant takes them as they are then.
    _plain_options: ClassVar[tuple[str, ...]]
    #: Options that can't be taken away: None leaves a variant's as they were.
    _never_none: ClassVar[tuple[str, ...]] = ("name",)

    fn: Callable[..., Any]
    name: str
    isstaticmethod: bool
    isclassmethod: bool
    ismethod: bool
    binder: Binder
    flavour: Flavour
    timeout_seconds: float | None
    persist_result: bool | None
    result_storage: Any
    result_serializer: Any

    # taking on ------------------------------------------------------------------------------------------------

    def _take_on(self, fn: Any) -> Callable[..., Any]:
        """Take on a function, and look like it; return it without the classmethod or staticmethod around it."""
        for flag in _FLAGS:
            if self._given.get(flag) not in (None, True, False):  # "no" would count as yes
                raise TypeError(f"{flag!r} is True or False, not {self._given[flag]!r}, {kind_of(self._given[flag])}.")
        if not callable(fn) and not isinstance(fn, classmethod | staticmethod):
            raise TypeError(f"'fn' must be callable; a {self._kind} is made of a function, not of {fn!r}.")
        plain: Callable[..., Any] = underlying(fn)
        this: Any = self
        # The __dict__ of a callable object is its own; a function's holds what other decorators left there.
        update_wrapper(this, plain, updated=("__dict__",) if is_function(plain) else ())
        self.fn = fn.__func__ if isinstance(fn, staticmethod) else fn
        self.isstaticmethod = isinstance(fn, staticmethod)
        self.isclassmethod = isinstance(fn, classmethod)
        self.ismethod = inspect.ismethod(fn)
        return plain

    def _accept_call(self, plain: Callable[..., Any]) -> None:
        check_reserved(self.name, inspect.signature(plain))
        self.flavour = flavour_of(plain)
        self.binder = binder_of(self.name, plain)
        self.isasync = self.flavour in ("async", "async generator")
        self.isgenerator = self.flavour in ("generator", "async generator")

    def _accept_keeping(self, persist_result: bool | None, storage: Any, serializer: Any, key: str | None) -> None:
        """Take on where and how results are kept; whoever says that wants them to be."""
        check_keeping(storage, serializer)
        self.result_storage, self.result_serializer = storage, serializer
        implied = storage is not None or serializer is not None or key is not None
        self.persist_result = True if persist_result is None and implied else persist_result

    def expired(self) -> TimeIsUp:
        """Return what a run meets when its time is up."""
        return TimeIsUp(self._timeout_error(exceeded(self._kind, self.timeout_seconds or 0)))

    # variants -------------------------------------------------------------------------------------------------

    def _variant(self, options: Mapping[str, Any], **more: Any) -> Self:
        """Return one that is made as this one was, with what these options say, and `more`, in their place."""
        wanted = {key: value for key, value in options.items() if key != "self" and value is not NotSet}
        for kept in self._never_none:
            if wanted.get(kept, NotSet) is None:
                del wanted[kept]
        now = {key: getattr(self, key) for key in self._plain_options}
        hooks = {f"on_{event}": list(hooks) for event, hooks in self._hooks.items()}
        fn: Any = staticmethod(self.fn) if self.isstaticmethod else self.fn
        make: Callable[..., Self] = type(self)
        return make(fn, **{**self._given, **self.kept_policy(), **now, **hooks, **more, **wanted})

    def _of(self, instance: object, owner: type | None) -> Self:
        """Bind a method to its instance, a classmethod to its class; a staticmethod is bound to nothing."""
        if self.isclassmethod:
            return self._bound(self.fn.__get__(instance, owner if owner is not None else type(instance)))
        if instance is None or self.isstaticmethod:
            return self
        return self._bound(self.fn.__get__(instance, owner))

    def _bound(self, fn: Callable[..., Any]) -> Self:
        bound = copy.copy(self)
        bound.fn, bound.ismethod = fn, not self.isclassmethod
        bound.binder = binder_of(self.name, fn, self.binder.signature)
        return bound

    def __getattr__(self, name: str) -> Any:
        raise not_yet(type(self).__name__, name)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}>"
