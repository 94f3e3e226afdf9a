"""How each type of state looks, wherever it is shown: on a terminal, in a diagram, on a page.

Chosen once, here, beside the table of states. What is asked to stop and what was stopped look alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from headrace.core.state_types import StateType


class Look(NamedTuple):
    """A sign of one cell; a style as rich writes it; a colour that can be told apart on white and on black.

    `on_light` and `on_dark` are for text on a page of that kind: at least 4.5 to 1 against its backgrounds.
    """

    symbol: str
    style: str
    colour: str
    on_light: str
    on_dark: str


LOOKS: Mapping[StateType, Look] = {
    StateType.SCHEDULED: Look("…", "yellow", "#bf8700", "#855a00", "#d9a53a"),
    StateType.PENDING: Look("○", "bright_black", "#818b98", "#57606a", "#a0a9b4"),
    StateType.RUNNING: Look("●", "cyan", "#1b9cc4", "#0b6e8a", "#5cc8e4"),
    StateType.PAUSED: Look("‖", "blue", "#a371f7", "#6f42c1", "#b699f5"),
    StateType.CANCELLING: Look("⊘", "magenta", "#db61a2", "#a8327a", "#ec8cc3"),
    StateType.COMPLETED: Look("✓", "green", "#2da44e", "#1a7035", "#57c878"),
    StateType.FAILED: Look("✗", "red", "#e5534b", "#bd2c25", "#ff8078"),
    StateType.CRASHED: Look("!", "bold red", "#b62324", "#8c1518", "#ffa69c"),
    StateType.CANCELLED: Look("⊘", "magenta", "#db61a2", "#a8327a", "#ec8cc3"),
}
