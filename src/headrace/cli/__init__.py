"""The command line: `headrace run`, `headrace runs …`, `headrace config …`.

Every command reads what it needs from the store or the settings, and prints it twice over: for people, or
with ``--json`` for programs. A command imports the engine only when it is called, so that ``--help`` and
completion answer at once. What headrace itself has to complain about is one readable message on stderr and
exit status 1; wrong usage is 2; a traceback is either the user's own, or our bug.

`app` holds the commands together; `run`, `runs`, `config`, `limits` are the commands, `options` and `completing` what
they share; `find` turns what was typed into runs and moments, `parameters` into a flow's arguments; `look` and
`as_json` are the two ways to print.
"""

from __future__ import annotations

from collections.abc import Sequence

from headrace.cli.plain import write_plainly_where_needed

__all__ = ["main"]


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line on `args` (None: those of the process). Always ends by raising SystemExit."""
    write_plainly_where_needed()
    from headrace.cli.app import command
    from headrace.cli.look import complain
    from headrace.exceptions import HeadraceError

    try:
        command()(args=args, prog_name="headrace")
    except (HeadraceError, OSError) as error:  # the latter is the world's: a full disk, no leave to write
        complain(error)
        raise SystemExit(1) from None
