"""Interrupting threads between two lines of a user's function, where a simulation is asked to.

In truth a thread may be interrupted anywhere. Elsewhere in simulations it is where it meets the engine, or waits, which
is enough for most races, and cheap. Here each line that is about to run is a step as well. It takes Python's tracing,
so where a debugger or a coverage tool uses that already, they keep it.

Only the project's own functions are interrupted: in those of libraries, and in those that a library or the engine calls
back, somebody may hold a lock that nobody in the simulation knows of. Coroutines are not: they share a thread.
"""

from __future__ import annotations

import inspect
import os
import sys
import sysconfig
from collections import Counter
from collections.abc import Callable
from functools import cache
from types import CodeType, FrameType
from typing import Any

from headrace.clock.turns import Turns
from headrace.effects import Call

#: How often in one participant a line is a step: a loop would make thousands.
_MOST_VISITS = 3
_OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_PACKAGES = ("site-packages", "dist-packages")
_NOT_PROJECTS = (_OURS, sysconfig.get_path("stdlib"), "<")
_AWAITING = inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
#: Of the standard library, what calls users' functions while it holds nothing.
_CALLERS = frozenset({"threading", "concurrent.futures.thread", "contextlib"})


class LineByLine:
    """Makes a step of each line of functions that it is put around."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._visits: Counter[tuple[str, CodeType, int]] = Counter()

    def cast(self, effect: Call) -> Call:
        """Return a call like this one, of a sync body, in whose lines it may be interrupted."""
        if not effect.body or effect.flavour != "sync":
            return effect
        return effect.of(self.around(effect.fn))

    def around(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that calls `fn`, and may be interrupted in its lines."""

        def stepped(*args: Any, **kwargs: Any) -> Any:
            before = sys.gettrace()
            if before is not None and before != self._called:
                return fn(*args, **kwargs)
            sys.settrace(self._called)
            try:
                return fn(*args, **kwargs)
            finally:
                sys.settrace(before)

        return stepped

    def _called(self, frame: FrameType, event: str, argument: Any) -> Any:
        """Say, of a function that is about to run, what is told of its lines."""
        code, caller = frame.f_code, frame.f_back
        if not _is_projects(code.co_filename) or code.co_flags & _AWAITING or code.co_name == "<module>":
            return None
        return self._line if _is_projects_own(caller) else None

    def _line(self, frame: FrameType, event: str, argument: Any) -> Any:
        here = self._turns.here()
        if event == "line" and here is not None:
            place = here.acting.name, frame.f_code, frame.f_lineno
            self._visits[place] += 1
            if self._visits[place] <= _MOST_VISITS:
                self._turns.step(f"line {frame.f_lineno} of {os.path.basename(frame.f_code.co_filename)}")
        return self._line


def _is_projects_own(caller: FrameType | None) -> bool:
    """Say whether a call comes from a function that is interrupted too, or from the thread or task that begins there.

    Not from the engine: what the garbage collector calls (`__del__`, `gc.callbacks`) may run anywhere in it.
    """
    while caller is not None and caller.f_trace is None and caller.f_code.co_filename != __file__:
        if caller.f_globals.get("__name__") not in _CALLERS:
            return False
        caller = caller.f_back
    return caller is not None


@cache
def _is_projects(filename: str) -> bool:
    return not filename.startswith(_NOT_PROJECTS) and not any(place in filename for place in _PACKAGES)
