"""Pickles for another process of the same program.

What the other process can import travels as a name, everything else by value, as cloudpickle does it. Three things that
it does not: `@task` puts a task in the place of its function, so that the function is no longer found under its name;
a file loaded by its path can't be imported elsewhere; and since 3.1.3 code that travels by value forgets its file, so
that tracebacks from the worker would have no lines.
"""

from __future__ import annotations

import functools
import importlib
import importlib.machinery
import io
import pickle
import sys
from collections.abc import Callable
from types import CodeType, FunctionType
from typing import Any

import cloudpickle  # type: ignore[import-untyped]

from headrace.core.messages import described
from headrace.exceptions import SerializationError
from headrace.runners.places import PLACES

ADVICE = "or run the task with ThreadPoolTaskRunner, which stays in this process"


def dumps(value: object) -> bytes:
    """Pickle a value. Raises whatever its pickling raises."""
    buffer = io.BytesIO()
    _Pickler(buffer, protocol=pickle.HIGHEST_PROTOCOL).dump(value)
    return buffer.getvalue()


def loads(data: bytes) -> Any:
    """Get a value back. Raises whatever that raises."""
    return pickle.loads(data)


def unsendable(what: str, error: BaseException, instead: str) -> SerializationError:
    """Return the error that says what can't travel to or from a worker process, why, and what to do instead."""
    return SerializationError(f"{what}: {described(error)}. {instead}, {ADVICE}.")


def cannot_pickle(value: object) -> Exception | None:
    """Return what goes wrong when this value is pickled; None if nothing does."""
    try:
        dumps(value)
    except Exception as error:  # noqa: BLE001 - users' objects raise what they like
        return error
    return None


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    def reducer_override(self, obj: Any) -> Any:
        kind = type(obj)
        if PLACES and id(obj) in PLACES:
            return _named, PLACES[id(obj)]
        if kind is FunctionType or isinstance(obj, type):
            name = obj.__module__
            if name is not None and not _is_importable(name):
                cloudpickle.register_pickle_by_value(sys.modules[name])
            elif name is not None and kind is FunctionType and _function_named(name, obj.__qualname__) is obj:
                return _function_named, (name, obj.__qualname__)
        elif kind is CodeType:
            return _code_in_file, (obj.co_filename, *self.dispatch_table[CodeType](obj))
        elif hasattr(kind, "story") and travels_by_name(obj):
            return _named, (obj.__dict__["__module__"], obj.__dict__["__qualname__"])
        return super().reducer_override(obj)


def _code_in_file(file: str, make: Callable[..., CodeType], arguments: tuple[Any, ...]) -> CodeType:
    """Make code anew, and let it know its file, which tracebacks read its lines from."""
    return make(*arguments).replace(co_filename=file)


def travels_by_name(definition: Any) -> bool:
    """Say whether another process finds this task or flow under the name of its function."""
    name, qualname = (definition.__dict__.get(key) for key in ("__module__", "__qualname__"))
    return name is not None and qualname is not None and _is_importable(name) and _named(name, qualname) is definition


def _named(module: str, qualname: str) -> Any:
    """Return what a module has under this name, None if nothing. `__main__` is another one in each process."""
    if module == "__main__":
        return None
    found: Any = sys.modules.get(module) or importlib.import_module(module)
    for part in qualname.split("."):
        found = getattr(found, part, None)
    return found


def _function_named(module: str, qualname: str) -> Any:
    """Return the function of the task or flow that a module has under this name, None if it has none."""
    found = _named(module, qualname)
    return found.fn if hasattr(type(found), "story") else None


@functools.cache
def _is_importable(name: str) -> bool:
    """Say whether another process would find this module under its name, in the same file."""
    module = sys.modules.get(name)
    file = getattr(module, "__file__", None)
    if not file or not file.endswith(".py") or name.partition(".")[0] in sys.stdlib_module_names:
        return True  # cloudpickle knows what to do with modules that have no file, and with `__main__`
    if name == "__main__":
        return True
    package = sys.modules.get(name.rpartition(".")[0])
    where = getattr(package, "__path__", None) if package is not None else None
    for finder in (importlib.machinery.PathFinder, *sys.meta_path):
        spec = finder.find_spec(name, where) if hasattr(finder, "find_spec") else None
        if spec is not None:
            return bool(spec.origin == file)
    return False
