"""What a terminal shows while a flow runs, and what is left of that."""

from __future__ import annotations

import io
import sys

import pytest

from headrace.cli.progress import Progress

from .stories import Stories

HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"


class Terminal(io.StringIO):
    """A terminal that keeps what it is sent."""

    def isatty(self) -> bool:
        return True


def test_an_interrupt_while_it_ends_gives_the_cursor_back(stories: Stories, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second Ctrl-C may come at any moment."""

    def interrupted(timeout: float | None = None) -> None:
        raise KeyboardInterrupt

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    progress = Progress("ingest", stories.store, silent=False)
    monkeypatch.setattr(progress._thread, "join", interrupted)
    with pytest.raises(KeyboardInterrupt), progress:
        pass
    assert HIDE in terminal.getvalue()
    assert terminal.getvalue().rindex(SHOW) > terminal.getvalue().rindex(HIDE)
