"""`log_prints`: turn the `print`s of a run into lines of its log.

`print` is replaced while at least one run wants it, by a function that asks a context variable whose print it is; so
runs at the same time do not mix, and a run that does not want it really prints.
"""

from __future__ import annotations

import builtins
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from io import StringIO
from typing import Any

_SINK: ContextVar[Callable[[str], None] | None] = ContextVar("headrace_prints", default=None)
_lock = threading.Lock()
_users = 0
_real_print = builtins.print


def _print(
    *values: object, sep: str | None = " ", end: str | None = "\n", file: Any = None, flush: bool = False
) -> None:
    sink = _SINK.get()
    if sink is None or file not in (None, sys.stdout, sys.stderr):
        _real_print(*values, sep=sep, end=end, file=file, flush=flush)
    else:
        text = StringIO()
        _real_print(*values, sep=sep, end=end, file=text)
        sink(text.getvalue().rstrip())


@contextmanager
def captured(sink: Callable[[str], None] | None) -> Iterator[None]:
    """Send prints of this context to `sink`; None lets them print, inside a run whose caller captures."""
    _replace(+1)
    token = _SINK.set(sink)
    try:
        yield
    finally:
        _SINK.reset(token)
        _replace(-1)


def are_captured() -> bool:
    """Say whether prints of this context go to a log."""
    return _SINK.get() is not None


def _replace(change: int) -> None:
    global _users, _real_print
    with _lock:
        if _users == 0:
            _real_print = builtins.print
            builtins.print = _print
        _users += change
        if _users == 0 and builtins.print is _print:
            builtins.print = _real_print
