"""Output for terminals and files whose encoding lacks our symbols: a letter or sign of ASCII stands for each."""

from __future__ import annotations

import codecs
import sys

STAND_INS = {
    "·": ".",
    "╌": "-",
    "░": ":",
    "▒": "%",
    "▓": "x",
    "█": "#",
    "─": "-",
    "–": "-",
    "…": "~",
    "✓": "+",
    "✗": "x",
    "●": "*",
    "○": "o",
    "⊘": "/",
    "‖": "=",
}


def write_plainly_where_needed() -> None:
    """Let stdout and stderr take any text: what they can't encode is written as its stand-in, or as a ``?``."""
    codecs.register_error("headrace-plain", _plain)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="headrace-plain")


def _plain(error: UnicodeError) -> tuple[str | bytes, int]:
    assert isinstance(error, UnicodeEncodeError)
    return "".join(STAND_INS.get(char, "?") for char in error.object[error.start : error.end]), error.end
