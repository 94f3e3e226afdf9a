"""The command line: `headrace run`, `headrace runs …`, `headrace config …`.

Every command reads what it needs from the store or the settings, and prints it twice over: for people, or
with ``--json`` for programs. A command imports the engine only when it is called, so that ``--help`` and
completion answer at once. What headrace itself has to complain about is one readable message on stderr and
exit status 1; wrong usage is 2; a traceback is either the user's own, or our bug.

`app` holds the commands together; `run`, `runs`, `config`, `limits` are the commands; `find` turns what was
typed into runs and moments; `loading` and `parameters` turn it into a flow and its arguments; `look` and
`as_json` are the two ways to print.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["main"]


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line on `args` (None: those of the process). Always ends by raising SystemExit."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal that knows no ✓ shows a ?, and no traceback
    from headrace.cli.app import app
    from headrace.cli.look import complain
    from headrace.exceptions import HeadraceError

    try:
        app(args=args, prog_name="headrace")
    except HeadraceError as error:
        complain(error)
        raise SystemExit(1) from None
