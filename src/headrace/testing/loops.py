"""Letting event loops that exist already follow virtual time."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headrace.clock.virtual import VirtualClock


def follow_in_loop(clock: VirtualClock, loop: Any) -> AbstractContextManager[None]:
    """Let an event loop follow a clock in the block; its time goes on from what it was, there and back.

    Raises RuntimeError for a loop that is not asyncio's own (uvloop): it can't be told to wait otherwise.
    """
    from headrace.clock.loop import follow_in_loop as follow  # asyncio is slow to import

    return follow(clock, loop)
