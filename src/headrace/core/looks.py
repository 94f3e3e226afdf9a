"""How each type of state looks, wherever it is shown: on a terminal, in a diagram, on a page.

Chosen once, here, beside the table of states. What is asked to stop and what was stopped look alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from headrace.core.states import StateType


class Look(NamedTuple):
    """A sign of one cell; a style as rich writes it; and a colour that can be told apart on white and on black."""

    symbol: str
    style: str
    colour: str


LOOKS: Mapping[StateType, Look] = {
    StateType.SCHEDULED: Look("…", "yellow", "#bf8700"),
    StateType.PENDING: Look("○", "bright_black", "#818b98"),
    StateType.RUNNING: Look("●", "cyan", "#1b9cc4"),
    StateType.PAUSED: Look("‖", "blue", "#a371f7"),
    StateType.CANCELLING: Look("⊘", "magenta", "#db61a2"),
    StateType.COMPLETED: Look("✓", "green", "#2da44e"),
    StateType.FAILED: Look("✗", "red", "#e5534b"),
    StateType.CRASHED: Look("!", "bold red", "#b62324"),
    StateType.CANCELLED: Look("⊘", "magenta", "#db61a2"),
}
