"""What is written where an encoding lacks our symbols, or nothing can be written at all."""

from __future__ import annotations

import errno
import io
import sys
from uuid import UUID

import pytest

from headrace.cli import main
from headrace.cli.plain import STAND_INS, write_plainly_where_needed
from headrace.core.state_types import StateType
from headrace.core.timeline import SYMBOLS, Row, Segment, render


class Full(io.StringIO):
    """A file on a disk that is full."""

    def write(self, _: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


def written(text: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return what comes of a text on a stdout that knows ASCII alone."""
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    write_plainly_where_needed()
    print(text, end="", flush=True)
    return raw.getvalue().decode("ascii")


def test_a_timeline_can_be_read_in_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits, failed attempts and work look different there too."""
    stretches = [
        Segment(StateType.RUNNING, "Running", 0, 2, failing=True),
        Segment(StateType.SCHEDULED, "AwaitingRetry", 2, 6),
        Segment(StateType.RUNNING, "Retrying", 6, 10),
    ]
    row = Row(
        id=UUID(int=1),
        kind="flow",
        name="a",
        definition="a",
        depth=0,
        state_type=StateType.COMPLETED,
        state_name="Completed",
        message=None,
        attempts=2,
        offset=0.0,
        duration=10.0,
        segments=tuple(stretches),
    )
    assert written(render([row], 60), monkeypatch).splitlines() == [
        "run  state        attempts  start  took  0--------------10 s",
        "a    + Completed         2    0 s  10 s  xxx--------########",
        "- waiting   x failed attempt   # running",
    ]


def test_every_symbol_has_a_stand_in() -> None:
    """Those of states are one character each."""
    assert {symbol for symbol in SYMBOLS.values() if not symbol.isascii()} <= set(STAND_INS)


def test_other_characters_are_question_marks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name in Greek is lost, and the line is not."""
    assert written("ingest-λ", monkeypatch) == "ingest-?"


def test_a_full_disk_is_one_message(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """And exit status 1, whatever the command was about to print."""
    monkeypatch.setattr(sys, "stdout", Full())
    with pytest.raises(SystemExit) as ended:
        main(["version"])
    assert ended.value.code == 1
    assert capsys.readouterr().err == "Error: [Errno 28] No space left on device\n"
