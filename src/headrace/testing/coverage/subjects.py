"""The flows and tasks of a project: where each is defined, and which were imported at all."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from headrace.definitions import underlying

#: Where code lies that was installed, and is not the project's own.
_INSTALLED = frozenset({"site-packages", "dist-packages"})


class Subject(NamedTuple):
    """A flow or task, by its function: variants that `with_options` made, and bound methods, are the same one.

    `name` is what it is called; `line` where its function begins, decorators included.
    """

    kind: str
    module: str
    qualname: str
    file: str
    line: int

    @property
    def key(self) -> str:
        """What tells it from all others: the same in every process of a session."""
        return f"{self.kind} {self.module}:{self.qualname} {self.file}:{self.line}"


class Project:
    """What counts as the project's own code: what lies below its roots, or in `sources`, and was not installed there.

    `sources` are paths, as seen from any of the roots, or names of modules and packages: those count wherever they lie.
    """

    def __init__(self, roots: Sequence[Path], sources: Sequence[str] = ()) -> None:
        self._roots = [root.resolve() for root in roots]
        named = [root / source for source in sources for root in self._roots]
        self._folders = [path.resolve() for path in named if path.exists()] if sources else self._roots
        self._modules = [name for name in sources if not any((root / name).exists() for root in self._roots)]
        self._known: dict[str, bool] = {}

    def has(self, module: str, file: str) -> bool:
        """Say whether code is the project's own."""
        if any(module == name or module.startswith(f"{name}.") for name in self._modules):
            return True
        known = self._known.get(file)
        if known is None:
            known = self._known[file] = self._lies_here(Path(file))
        return known

    def _lies_here(self, file: Path) -> bool:
        found = file.resolve()
        within = [found.relative_to(folder) for folder in self._folders if found.is_relative_to(folder)]
        return bool(within) and file.is_file() and _INSTALLED.isdisjoint(within[0].parts)

    def shown(self, file: str) -> str:
        """Return a file's path from the first of the roots that it lies below, else as it is."""
        found = Path(file).resolve()
        return next((found.relative_to(root).as_posix() for root in self._roots if found.is_relative_to(root)), file)


def subject_of(kind: str, definition: Any) -> Subject | None:
    """Say which flow or task this is; None where its function is not written in Python.

    The function is the one that was decorated: a test may have put another in its place.
    """
    fn: Any = getattr(definition, "__wrapped__", None)
    while isinstance(fn, functools.partial | functools.partialmethod):
        fn = fn.func
    fn = underlying(fn)
    fn = fn.__func__ if inspect.ismethod(fn) else fn
    inner = inspect.unwrap(fn)
    code = getattr(inner, "__code__", None) or getattr(vars(type(inner)).get("__call__"), "__code__", None)
    if code is None:
        return None
    qualname = getattr(fn, "__qualname__", None) or type(fn).__qualname__
    return Subject(kind, str(getattr(fn, "__module__", "")), qualname, code.co_filename, code.co_firstlineno)


def imported(project: Project) -> dict[str, tuple[Subject, Any]]:
    """Return the project's flows and tasks in the modules that have been imported, by key, each as it was declared.

    They are looked for among the names of modules and of classes. Where there are variants, what bears the function's
    own name is the original.
    """
    found: dict[str, tuple[Subject, Any]] = {}
    for module in list(sys.modules.values()):
        if not isinstance(module, ModuleType) or not project.has(
            module.__name__, getattr(module, "__file__", "") or ""
        ):
            continue
        for name, kind, definition in _definitions(vars(module), module.__name__):
            subject = subject_of(kind, definition)
            if subject is None or not project.has(subject.module, subject.file):
                continue
            if subject.key not in found or subject.qualname.rpartition(".")[2] == name:
                found[subject.key] = (subject, definition)
    return found


def _definitions(names: Mapping[str, Any], module: str) -> Iterator[tuple[str, str, Any]]:
    """Yield the flows and tasks among the names of a module or class, and of the module's own classes.

    They are known by what they have: a session of pytest inside another may have imported their classes twice.
    """
    for name, value in list(names.items()):
        kind = type(value)  # not `isinstance`, which asks objects that may pose as others what they are
        if kind in (classmethod, staticmethod):
            value = underlying(value)
            kind = type(value)
        if hasattr(kind, "story"):
            yield name, "task" if hasattr(kind, "task_key") else "flow", value
        elif issubclass(kind, type) and value.__module__ == module and value.__qualname__.endswith(name):
            yield from _definitions(vars(value), module)
