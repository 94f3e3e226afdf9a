"""What a simulation has been told to do, and may be told to leave."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import TypeVar

S = TypeVar("S", bound="Planned")


class Planned:
    """Something that holds until it is removed, or to the end of the block that it is used as.

    `times` counts how often it has struck.
    """

    def __init__(self) -> None:
        self.times = 0
        self._forget: Callable[[], object] = lambda: None

    def when_removed(self: S, forget: Callable[[], object]) -> S:
        """Call back when it is removed; return itself."""
        self._forget = forget
        return self

    def remove(self) -> None:
        """Take it back. Twice does nothing."""
        forget, self._forget = self._forget, lambda: None
        forget()

    def __enter__(self: S) -> S:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.remove()
