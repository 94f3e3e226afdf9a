"""An environment in which nothing of the user's own headrace is reached, by this process or its children.

Nothing here imports headrace: the variables are set before it is.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

_PREFIX = "HEADRACE_"


class CleanEnvironment:
    """While open: none of the user's settings, and a home directory that goes away in the end."""

    def __init__(self) -> None:
        self._before: dict[str, str] | None = None
        self.home: Path | None = None

    def open(self, project: Path) -> None:
        """Take the settings out of the environment, and pass over pyproject.toml in `project` and above."""
        self._before = _settings()
        self._clear()
        self.home = Path(tempfile.mkdtemp(prefix="headrace-tests-"))
        os.environ["HEADRACE_HOME"] = str(self.home)
        os.environ["HEADRACE_WITHOUT_PYPROJECT"] = os.pathsep.join(map(str, [project, *project.parents]))

    def close(self) -> None:
        """Put everything back. Closing twice does nothing."""
        if self._before is None:
            return
        self._clear()
        os.environ.update(self._before)
        self._before = None
        if self.home is not None:
            shutil.rmtree(self.home, ignore_errors=True)

    def _clear(self) -> None:
        for name in _settings():
            del os.environ[name]


def _settings() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith(_PREFIX)}
