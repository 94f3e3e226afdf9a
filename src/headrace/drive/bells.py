"""A bell that wakes everybody who waits for something to change in this process."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Bell:
    """Count the rings, and wake those who wait for the next; at once, where it has come meanwhile."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Callable[[], object]] = []
        self.rings = 0

    def ring(self) -> None:
        """Wake everybody who waits."""
        with self._lock:
            self.rings += 1
            waiting, self._waiting = self._waiting, []
        for wake in waiting:
            wake()

    def when_rung(self, seen: int, wake: Callable[[], object]) -> None:
        """Call back at the ring after the `seen`-th, at once where that has been."""
        with self._lock:
            if self.rings == seen:
                self._waiting.append(wake)
                return
        wake()

    def forget(self, wake: Callable[[], object]) -> None:
        """Call back no longer."""
        with self._lock:
            if wake in self._waiting:
                self._waiting.remove(wake)
