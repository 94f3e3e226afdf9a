"""Let all examples be tested in one go, though each is a project of its own, with a `flows.py` of its own."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import pytest

EXAMPLES = Path(__file__).parent
MODULES: dict[Path, dict[str, ModuleType]] = {}


@contextmanager
def inside(project: Path) -> Iterator[None]:
    """See the modules of this project, and those of no other."""
    sys.modules.update(MODULES.get(project, {}))
    sys.path.insert(0, str(project))
    try:
        yield
    finally:
        sys.path.remove(str(project))
        MODULES[project] = {name: module for name, module in sys.modules.items() if is_in(project, module)}
        for name in MODULES[project]:
            del sys.modules[name]


def is_in(project: Path, module: ModuleType) -> bool:
    file = getattr(module, "__file__", None)
    return file is not None and Path(file).parent == project


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    """Collect a module of tests inside its project."""
    if collector.path.parent.parent != EXAMPLES:
        return (yield)
    with inside(collector.path.parent):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    """Run a test inside its project; this hook is called for tests elsewhere as well."""
    if item.path.parent.parent != EXAMPLES:
        return (yield)
    with inside(item.path.parent):
        return (yield)
