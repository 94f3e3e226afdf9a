"""Keeping the log of one try alone, where a test is tried under many schedules: that of all would bury what is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


class LogsOfTries:
    """Lets what pytest has captured of logs be as it was before each try."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._forget: Callable[[], object] = lambda: None

    def begin(self) -> None:
        """Be told of tries from now on; headrace is there."""
        from headrace.testing.rewinding import REWINDERS

        self.end()
        REWINDERS.append(self._mark)
        self._forget = lambda: REWINDERS.remove(self._mark)

    def end(self) -> None:
        """Be told no more."""
        self._forget()
        self._forget = lambda: None

    def _mark(self) -> Callable[[], object]:
        places = [(handler, len(handler.records), handler.stream.tell()) for handler in self._handlers()]

        def rewind() -> None:
            for handler, count, place in places:
                del handler.records[count:]
                handler.stream.seek(place)
                handler.stream.truncate()

        return rewind

    def _handlers(self) -> list[Any]:
        """Return what captures logs for `caplog`, and for the report of a test; none with ``-p no:logging``."""
        plugin = self._config.pluginmanager.getplugin("logging-plugin")
        found = [getattr(plugin, name, None) for name in ("caplog_handler", "report_handler")]
        return [handler for handler in found if hasattr(handler, "records") and hasattr(handler, "stream")]
