"""What those who serve a world need of it: the log, the slots, the runs that are at work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from headrace.clock import Clock
    from headrace.store.protocol import Store


class Surroundings(Protocol):
    """A clock and a store."""

    clock: Clock

    @property
    def store(self) -> Store:
        """The store, opened at the first look."""

    @property
    def store_is_shared(self) -> bool:
        """Say whether other processes may change what the store holds."""
