"""Tracebacks show the frames of users, and ours only where something of ours went wrong."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import headrace
from headrace.core.tracebacks import traceback_of
from headrace.exceptions import FlowRunTimeoutError

_OURS = os.path.join(os.path.dirname(os.path.abspath(headrace.__file__)), "made_up.py")


def ours(source: str) -> Callable[..., Any]:
    """Return a function `f` whose frames are those of a file of ours."""
    namespace: dict[str, Any] = {"FlowRunTimeoutError": FlowRunTimeoutError}
    exec(compile(source, _OURS, "exec"), namespace)
    function: Callable[..., Any] = namespace["f"]
    return function


passes_on = ours("def f(call):\n    return call()")
breaks = ours("def f():\n    return {}['nothing']")
expires = ours("def f():\n    raise FlowRunTimeoutError('Too late.')")


def of(call: Callable[[], object]) -> str:
    """Return the traceback of what `call` raises."""
    try:
        call()
    except Exception as error:
        return traceback_of(error)
    raise AssertionError("it raised nothing")


def users_line() -> None:
    """Fail, as a task of a user's would."""
    raise ValueError("boom")


def test_frames_of_ours_that_lead_on_to_users_are_left_out() -> None:
    """A flow, the engine, a task: two of them are told."""
    shown = of(lambda: passes_on(lambda: passes_on(users_line)))
    assert "made_up" not in shown
    assert "in users_line" in shown
    assert shown.startswith("Traceback (most recent call last):\n")
    assert shown.endswith("ValueError: boom")


def test_frames_of_ours_at_the_end_stay_where_something_of_ours_broke() -> None:
    """Else nobody would find the mistake."""
    shown = of(lambda: passes_on(lambda: passes_on(breaks)))
    assert shown.count("made_up") == 2
    assert shown.endswith("KeyError: 'nothing'")


def test_an_error_of_ours_ends_with_the_users_line() -> None:
    """A time-out is told at the line that took too long, not in the code that rang the bell."""
    shown = of(lambda: passes_on(expires))
    assert "made_up" not in shown
    assert "passes_on(expires)" in shown


def test_without_a_frame_it_is_the_exception_alone() -> None:
    """No head above nothing."""
    error = FlowRunTimeoutError("Too late.")
    assert traceback_of(error) == "headrace.exceptions.FlowRunTimeoutError: Too late."


def test_causes_and_groups_are_treated_the_same() -> None:
    """Each of them has frames of its own."""

    def both() -> None:
        try:
            passes_on(users_line)
        except ValueError as error:
            raise ExceptionGroup("two", [KeyError("a"), error]) from error

    shown = of(both)
    assert "made_up" not in shown
    assert shown.count("in users_line") == 2


def test_a_broken_import_is_told_without_the_import_machinery(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line that imports, and the line that failed."""
    (tmp_path / "broken_at_import.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    shown = of(lambda: importlib.import_module("broken_at_import"))
    assert "importlib" not in shown.replace("importlib.import_module", "")
    assert "1 / 0" in shown
