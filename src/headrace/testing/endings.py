"""Who is told when a simulation ends, while its runs can still be looked at.

What reports on tests needs them: a simulation that was opened in the body of a test is gone when its report is made.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headrace.testing.simulated import Simulated

#: Called with a simulation that ends, and the error that it ends with, if any.
Listener = Callable[["Simulated", BaseException | None], object]

LISTENERS: list[Listener] = []


def tell(simulation: Simulated, error: BaseException | None) -> None:
    """Tell everybody who listens; where nobody does, let an error say itself what ran."""
    for listener in list(LISTENERS):
        listener(simulation, error)
    if not LISTENERS and isinstance(error, Exception):
        from headrace.testing.scenes import scene_of  # who has no errors does without
        from headrace.testing.telling import told

        error.add_note("\n".join(told(scene_of(simulation, error))))
