"""Let all examples be tested in one go: each is a project of its own, with a `flows.py` of its own."""

import sys
from pathlib import Path

EXAMPLES = Path(__file__).parent


def pytest_pycollect_makemodule(module_path: Path) -> None:
    """Forget the modules of the other examples before a test module imports those of its own folder."""
    for name, module in list(sys.modules.items()):
        place = Path(getattr(module, "__file__", None) or "/")
        if place.parent.parent == EXAMPLES and place.parent != module_path.parent:
            del sys.modules[name]
    own = str(module_path.parent)
    sys.path[:] = [own, *(entry for entry in sys.path if entry != own)]
