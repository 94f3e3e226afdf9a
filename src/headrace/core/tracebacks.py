"""Tracebacks as users want them: their own frames, without the engine's between them.

Between a flow that calls a task and the task's function there are half a dozen frames of ours, and in a nest of
tasks they bury the two lines that matter. So frames of ours, and those of the import machinery, are left out
where they lead on to other code. At the end they stay, because there something of ours went wrong; unless the
error says by itself all that there is to say, as a time-out does, or is one that users have asked us to raise: a module
that does that, for the stubs of a test, says so by a global `__raises_as_asked__`.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from traceback import StackSummary, TracebackException

from headrace.exceptions import HeadraceError

_OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_IMPORTING = importlib.__file__
#: Errors that say by themselves where to look: ours in their message, Python's with the line that it can't read.
_SELF_EXPLAINING = (HeadraceError, SyntaxError)


def is_machinery(filename: str) -> bool:
    """Say whether a frame's file is one of ours, or imports modules."""
    return filename.startswith((_OURS, "<frozen importlib")) or filename == _IMPORTING


def traceback_of(error: BaseException) -> str:
    """Return the traceback of an exception, and of those that led to it, as Python prints them, but without ours.

    Where no frame is left it is the exception alone.
    """
    shown = TracebackException.from_exception(error)
    for part, its_error in _parts(shown, error):
        part.stack = _without_ours(part.stack, its_error) or None  # type: ignore[assignment]  # None: no head either
    return "".join(shown.format()).rstrip()


def ends_in_ours(error: BaseException) -> bool:
    """Say whether something of ours went wrong: the last frame is ours, and nobody asked it for an error.

    Errors that explain themselves don't count.
    """
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    if last is None or isinstance(error, _SELF_EXPLAINING):
        return False
    asked = last.tb_frame.f_globals.get("__raises_as_asked__", False)
    return is_machinery(last.tb_frame.f_code.co_filename) and not asked


def _parts(shown: TracebackException, error: BaseException) -> Iterator[tuple[TracebackException, BaseException]]:
    """Yield an exception, its causes and what a group holds; that this ends Python itself has seen to."""
    yield shown, error
    pairs = [(shown.__cause__, error.__cause__), (shown.__context__, error.__context__)]
    if isinstance(error, BaseExceptionGroup):
        pairs += zip(shown.exceptions or (), error.exceptions, strict=False)
    for its_part, its_error in pairs:
        if its_part is not None and its_error is not None:
            yield from _parts(its_part, its_error)


def _without_ours(stack: StackSummary, error: BaseException) -> StackSummary:
    last = max((at for at, frame in enumerate(stack) if not is_machinery(frame.filename)), default=-1)
    leading = [frame for frame in stack[: last + 1] if not is_machinery(frame.filename)]
    ending = stack[last + 1 :] if ends_in_ours(error) else []
    return StackSummary.from_list([*leading, *ending])
