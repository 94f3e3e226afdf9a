"""From ``flows.py:ingest``, ``package.module:ingest`` or ``package.module.ingest`` to what is meant.

What is looked for is an argument, `kind`: the class of flows, or of tasks. So flows can offer to be looked for.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, TypeVar

from headrace.core.wording import kind_of
from headrace.exceptions import MissingFlowError, ScriptError, UnspecifiedFlowError

T = TypeVar("T")


def find(target: str, kind: type[T]) -> T:
    """Return the flow that `target` means: a file or module and, after a colon, a flow's name or attribute.

    Without a colon it is the only flow of a file or module, or what the last part of a dotted name stands for in the
    module before it. Raises ScriptError where the file or module can't be found or loaded (its cause is what that
    raised), MissingFlowError where it holds no such flow, UnspecifiedFlowError where it holds several.
    """
    if not os.path.exists(target) and ":" in target:
        place, _, name = target.rpartition(":")
        return _named(_load(place), name, place, kind)
    place, _, name = target.rpartition(".")
    if place and not os.path.exists(target) and not _is_file(target) and not _is_module(target):
        return _named(_load(place), name, place, kind)
    return select(all_in(target, kind), None, target)


def all_in(place: str, kind: type[T]) -> dict[str, T]:
    """Return the flows of a file or module by attribute; those it imported only if it has none of its own.

    Raises ScriptError.
    """
    return _all_of(_load(place), kind)


def some_of(target: str, kind: type[T]) -> list[T]:
    """Return what `target` means: what a colon names, as `find` does, else all of the file or module.

    Raises ScriptError, and MissingFlowError where there is none.
    """
    if not os.path.exists(target) and ":" in target:
        return [find(target, kind)]
    found = list(all_in(target, kind).values())
    if not found:
        raise MissingFlowError(f"{target} holds no {_word(kind)}. Mark a function of it with @{_word(kind)}.")
    return found


def at(target: str) -> Any:
    """Return whatever `target` means, a flow or not. Raises ScriptError, MissingFlowError."""
    return find(target, object)


def place_of(fn: Callable[..., Any]) -> str | None:
    """Return where a function is, as `find` takes it: ``/path/to/file.py:name``, in a package ``package.module:name``.

    None for a function that can't be found again: of a console or notebook, inside another function, of a class.
    """
    name, module = getattr(fn, "__qualname__", ""), getattr(fn, "__module__", None)
    around: Mapping[str, Any] = getattr(fn, "__globals__", {})
    if not name.isidentifier():
        return None
    if module == "__main__":  # in a package, where it was run by `python -m`
        module = getattr(around.get("__spec__"), "name", None)
    if module and around.get("__package__"):
        return f"{module}:{name}"
    file = around.get("__file__")
    return f"{os.path.abspath(file)}:{name}" if isinstance(file, str) and file.endswith(".py") else None


class CalledWhileLoading(BaseException):
    """A script calls a flow when it is loaded, where it is to be loaded only up to there."""


#: Whether code is loaded only up to where it calls a flow.
_UP_TO_CALLS: ContextVar[bool] = ContextVar("headrace_loading_up_to_calls", default=False)


@contextmanager
def up_to_calls() -> Iterator[None]:
    """Load, in the block, code only up to where it calls a flow: a script that does so is not to run it once more."""
    token = _UP_TO_CALLS.set(True)
    try:
        yield
    finally:
        _UP_TO_CALLS.reset(token)


def check_called(name: str) -> None:
    """Be told that a flow is called. Raises CalledWhileLoading where code is loaded only up to there."""
    if _UP_TO_CALLS.get():
        raise CalledWhileLoading(name)


def select(flows: Mapping[str, T], name: str | None, place: str) -> T:
    """Return the flow of this name, else the only one.

    Raises MissingFlowError where there is none such, UnspecifiedFlowError where there are several and no name.
    """
    if not flows:
        raise MissingFlowError(f"{place} holds no flow. Mark a function of it with @flow.")
    if name is not None and name not in flows:
        raise MissingFlowError(_no_such(list(flows), name, place, None))
    if name is None and len(flows) > 1:
        raise UnspecifiedFlowError(
            f"{place} holds several flows: {', '.join(flows)}. Write {place}:{next(iter(flows))}, say."
        )
    return flows[name if name is not None else next(iter(flows))]


def _check(place: str) -> None:
    """See that it is a file of Python that is there, or may be a module."""
    if os.path.isdir(place) and not place.isidentifier():
        raise ScriptError(f"{place} is a directory. Write {os.path.join(place, 'flows.py')}, say.")
    if os.path.isfile(place) and not place.endswith(".py"):
        raise ScriptError(f"{place} is no file of Python: its name does not end in .py.")
    if _is_file(place) and not os.path.isfile(place):
        raise ScriptError(f"There is no file {place} in {os.getcwd()}.")
    if not _is_file(place) and not all(part.isidentifier() for part in place.split(".")):
        raise ScriptError(f"{place!r} is neither a file nor a module. Write flows.py:ingest or package.module:ingest.")


def _load(place: str) -> ModuleType:
    _check(place)
    is_file = _is_file(place)
    try:
        return _load_file(place) if is_file else _load_module(place)
    except ModuleNotFoundError as error:
        if not is_file and error.name is not None and f"{place}.".startswith(f"{error.name}."):
            raise ScriptError(f"There is no module {place}, seen from {os.getcwd()}. A file ends in .py.") from None
        raise ScriptError(f"{place} could not be loaded: {_short(error)}") from error
    except (Exception, SystemExit) as error:
        raise ScriptError(f"{place} could not be loaded: {_short(error)}") from error
    except CalledWhileLoading as called:
        raise ScriptError(
            f"{place} imports a module that calls the flow {str(called)!r} when it is loaded. Put that call below "
            'if __name__ == "__main__":'
        ) from None


def _is_file(place: str) -> bool:
    return place.endswith(".py") or os.sep in place


def _is_module(name: str) -> bool:
    _import_from_here()
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):  # a part of the name is no package
        return False


def _import_from_here() -> None:
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())  # as `python -m` does


def _load_module(name: str) -> ModuleType:
    _import_from_here()
    if not _UP_TO_CALLS.get() or name in sys.modules:
        return importlib.import_module(name)
    spec = importlib.util.find_spec(name)
    return importlib.import_module(name) if spec is None or spec.loader is None else _executed(spec)


def _load_file(place: str) -> ModuleType:
    """Load a file as the module of its name, its directory importable: other processes can load it too."""
    path = os.path.abspath(place)
    if os.path.dirname(path) not in sys.path:
        sys.path.insert(0, os.path.dirname(path))
    stem = os.path.splitext(os.path.basename(path))[0]
    name = stem if importlib.util.find_spec(stem) is None or _found_at(stem) == path else f"__{stem}__"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    return _executed(spec)


def _executed(spec: ModuleSpec) -> ModuleType:
    """Execute a module's code, and let it be imported by others."""
    assert spec.loader is not None  # it is there for files of Python
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except CalledWhileLoading as called:
        if _place_of_call(called) != spec.origin:
            del sys.modules[spec.name]
            raise
    except BaseException:
        del sys.modules[spec.name]
        raise
    return module


def _place_of_call(called: CalledWhileLoading) -> str | None:
    """Return the file of the module that called a flow when it was loaded: the innermost one."""
    place, trace = None, called.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_name == "<module>":
            place = trace.tb_frame.f_code.co_filename
        trace = trace.tb_next
    return place


def _found_at(name: str) -> str | None:
    spec = importlib.util.find_spec(name)
    return os.path.abspath(spec.origin) if spec is not None and spec.origin else None


def _all_of(module: ModuleType, kind: type[T]) -> dict[str, T]:
    flows = {key: value for key, value in vars(module).items() if isinstance(value, kind)}
    own = {key: flow for key, flow in flows.items() if _defined_in(flow) == module.__name__}
    return own or flows


def _defined_in(flow: Any) -> object:
    return getattr(getattr(flow, "fn", None), "__module__", None)


def _named(module: ModuleType, name: str, place: str, kind: type[T]) -> T:
    value: object = module
    for part in name.split("."):
        value = getattr(value, part, None)
    if isinstance(value, kind) and value is not None:
        return value
    flows = _all_of(module, kind)
    for flow in flows.values():
        if getattr(flow, "name", None) == name:
            return flow
    raise MissingFlowError(_no_such(list(flows), name, place, value, _word(kind)))


def _word(kind: type) -> str:
    return "flow" if kind is object else kind.__name__.lower()


def _no_such(names: list[str], name: str, place: str, value: object, word: str = "flow") -> str:
    import difflib

    message = f"{place} holds no {word} {name!r}"
    if value is not None:
        message += f"; {name} is {kind_of(value)}"
    near = difflib.get_close_matches(name, names, n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    return f"{message}. There are: {', '.join(names) or 'none'}.{hint}"


def _short(error: BaseException) -> str:
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return text.splitlines()[0]
