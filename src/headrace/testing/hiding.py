"""The engine's frames in the traceback of a failing test: left out where they lead on to other code."""

from __future__ import annotations

import sys
from typing import Any

from headrace.core.tracebacks import ends_in_ours


def hide_our_frames() -> None:
    """Have pytest leave out frames of our modules; ``--full-trace`` shows them still.

    pytest looks for ``__tracebackhide__`` among a frame's globals too, and calls it with its `ExceptionInfo`. To be
    done when a test has failed: modules that come later are not known of now, and a session without a failure does
    without.
    """
    for name, module in list(sys.modules.items()):
        if name.startswith("headrace."):
            vars(module).setdefault("__tracebackhide__", _leads_on)


def _leads_on(raised: Any) -> bool:
    return not ends_in_ours(raised.value)
