"""`headrace task`: run what is scheduled for the background."""

from __future__ import annotations

from typing import Annotated

import typer

from headrace.entrypoints import some_of

app = typer.Typer(name="task", help="Run what is scheduled for the background.", no_args_is_help=True)

_SERVE = "Examples: headrace task serve reports.py · headrace task serve reports.py:write_report mail.py --limit 3"


@app.command(epilog=_SERVE)
def serve(
    targets: Annotated[
        list[str],
        typer.Argument(metavar="FILE.py[:TASK]...", help="Files or modules; of each all tasks, or the one named."),
    ],
    limit: Annotated[int, typer.Option(help="How many runs at a time at most; 0 for any number.", min=0)] = 10,
    timeout: Annotated[float | None, typer.Option(help="Stop after so many seconds.", min=0)] = None,
    until_idle: Annotated[bool, typer.Option("--until-idle", help="Stop when nothing is left to run.")] = False,
) -> None:
    """Run what is scheduled of tasks. Ctrl-C stops it after what is at work; a second one ends that, too."""
    from headrace import task_worker
    from headrace.tasks import Task

    tasks = [task for target in targets for task in some_of(target, Task)]
    task_worker.serve(*tasks, limit=limit or None, timeout=timeout, until_idle=until_idle)
