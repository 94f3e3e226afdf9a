"""From ``flows.py:ingest`` or ``package.module:ingest`` to a flow."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from headrace.core.wording import kind_of
from headrace.exceptions import MissingFlowError, ScriptError

if TYPE_CHECKING:
    from headrace.flows import Flow


def load_flow(target: str) -> Flow[..., Any]:
    """Return the flow that `target` means: a file or module and, after a colon, a flow's name or attribute.

    Without a colon it is the only flow of the file. Raises ScriptError where the file can't be found or
    loaded (its cause is what the file raised), MissingFlowError where it holds no such flow.
    """
    place, _, name = target.partition(":") if not os.path.exists(target) else (target, "", "")
    _check_place(place)
    module = _load(place)
    return _named(module, name, place) if name else _only(module, place)


def _check_place(place: str) -> None:
    """See that it is a file of Python that is there, or may be a module."""
    if os.path.isdir(place) and not place.isidentifier():
        raise ScriptError(f"{place} is a directory. Write {os.path.join(place, 'flows.py')}, say.")
    if os.path.isfile(place) and not place.endswith(".py"):
        raise ScriptError(f"{place} is no file of Python: its name does not end in .py.")
    if _is_file(place) and not os.path.isfile(place):
        raise ScriptError(f"There is no file {place} in {os.getcwd()}.")
    if not _is_file(place) and not all(part.isidentifier() for part in place.split(".")):
        raise ScriptError(f"{place!r} is neither a file nor a module. Write flows.py:ingest or package.module:ingest.")


def _is_file(place: str) -> bool:
    return place.endswith(".py") or os.sep in place


def _load(place: str) -> ModuleType:
    is_file = _is_file(place)
    try:
        return _load_file(place) if is_file else _load_module(place)
    except ModuleNotFoundError as error:
        if not is_file and error.name is not None and f"{place}.".startswith(f"{error.name}."):
            raise ScriptError(f"There is no module {place}, seen from {os.getcwd()}. A file ends in .py.") from None
        raise ScriptError(f"{place} could not be loaded: {_short(error)}") from error
    except (Exception, SystemExit) as error:
        raise ScriptError(f"{place} could not be loaded: {_short(error)}") from error


def _load_module(name: str) -> ModuleType:
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())  # as `python -m` does
    return importlib.import_module(name)


def _load_file(place: str) -> ModuleType:
    """Load a file as the module of its name, its directory importable: other processes can load it too."""
    path = os.path.abspath(place)
    if os.path.dirname(path) not in sys.path:
        sys.path.insert(0, os.path.dirname(path))
    stem = os.path.splitext(os.path.basename(path))[0]
    name = stem if importlib.util.find_spec(stem) is None or _found_at(stem) == path else f"__{stem}__"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None  # both are there for a name that ends in .py
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _found_at(name: str) -> str | None:
    spec = importlib.util.find_spec(name)
    return os.path.abspath(spec.origin) if spec is not None and spec.origin else None


def _flows(module: ModuleType) -> dict[str, Flow[..., Any]]:
    """Return the flows of a module by attribute; those it imported only if it has none of its own."""
    from headrace.flows import Flow

    flows = {key: value for key, value in vars(module).items() if isinstance(value, Flow)}
    own = {key: flow for key, flow in flows.items() if getattr(flow.fn, "__module__", None) == module.__name__}
    return own or flows


def _only(module: ModuleType, place: str) -> Flow[..., Any]:
    flows = _flows(module)
    if len(flows) == 1:
        return next(iter(flows.values()))
    if not flows:
        raise MissingFlowError(f"{place} holds no flow. Mark a function of it with @flow.")
    raise MissingFlowError(f"{place} holds several flows: {', '.join(flows)}. Write {place}:{next(iter(flows))}, say.")


def _named(module: ModuleType, name: str, place: str) -> Flow[..., Any]:
    from headrace.flows import Flow

    value: object = module
    for part in name.split("."):
        value = getattr(value, part, None)
    if isinstance(value, Flow):
        return value
    flows = _flows(module)
    for flow in flows.values():
        if flow.name == name:
            return flow
    raise MissingFlowError(_no_such(list(flows), name, place, value))


def _no_such(names: list[str], name: str, place: str, value: object) -> str:
    import difflib

    message = f"{place} holds no flow {name!r}"
    if value is not None:
        message += f"; {name} is {kind_of(value)}"
    near = difflib.get_close_matches(name, names, n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    return f"{message}. There are: {', '.join(names) or 'none'}.{hint}"


def _short(error: BaseException) -> str:
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return text.splitlines()[0]
