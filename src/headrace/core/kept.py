"""What stands for the data of a state whose run's result is not at hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar


class _NotKept:
    """Stand for the data of a completed run whose result is no longer, or was never, in this process."""

    def __repr__(self) -> str:
        return "<not kept>"

    def __reduce__(self) -> str:
        return "NOT_KEPT"


NOT_KEPT = _NotKept()


class Kept:
    """Stand for the data of a run whose result, or exception, is in a storage; `load` reads it."""

    __slots__ = ("keeper", "key", "storage")

    #: Reads a result, given this. Whoever knows the storages puts itself here.
    fetch: ClassVar[Callable[[Kept], Any]]

    def __init__(self, key: str, storage: str | None, keeper: Any = None) -> None:
        self.key = key
        self.storage = storage
        self.keeper = keeper

    def load(self) -> Any:
        """Return the result. Raises MissingResult where it can't be read."""
        return type(self).fetch(self)

    def __reduce__(self) -> Any:
        return Kept, (self.key, self.storage)

    def __repr__(self) -> str:
        return f"<kept as {self.key!r}>"
