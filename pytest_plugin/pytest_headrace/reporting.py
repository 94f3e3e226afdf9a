"""What the report of a failed test says about its runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from . import replaying
from .scenes import Shown, scenes_of_failure
from .scopes import SCOPE


def add_runs(
    report: pytest.TestReport, item: pytest.Item, call: pytest.CallInfo[None], trace: str | None = None
) -> None:
    """Add the timelines of a failed test's runs, and how to repeat it, where there are any. `trace` is its file."""
    shown = scenes_of_failure(item, call)
    if shown:
        report.sections.append(("headrace", "\n".join(_lines(item, shown, trace))))


def let_speak(report: pytest.TestReport, error: pytest.ExceptionInfo[BaseException]) -> None:
    """Show an error that we raise for others, and that no line of theirs led to, as errors are shown.

    pytest adds that all lines are hidden, and marks the first line of the message alone.
    """
    if not error.traceback[-1].frame.f_globals.get("__raises_as_asked__", False):
        return
    chain: Any = getattr(report.longrepr, "chain", ())
    for traceback, *_ in chain:
        if str(traceback.extraline or "").startswith("All traceback entries are hidden"):
            traceback.extraline = None
            for entry in traceback.reprentries:
                entry.lines[:] = [f"E   {line.removeprefix('E   ').removeprefix('    ')}" for line in entry.lines]


def _lines(item: pytest.Item, shown: Sequence[Shown], trace: str | None) -> Iterator[str]:
    from headrace.testing.telling import told

    seed = item.stash[SCOPE].seed
    yield f"seed {seed}: repeat with --headrace-seed={seed}"
    if trace is not None:
        yield f"trace: {trace}"
    for scene, _ in shown:
        yield ""
        yield from told(scene)
    yield f"\nTo replay it:\n\n    {replaying.command(item)}"
    for _, program in shown:
        if program:
            yield "\n" + "\n".join(f"    {line}".rstrip() for line in program.splitlines())
