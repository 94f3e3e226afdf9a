"""Arguments and options that several commands take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from headrace.cli import completing


def flag(*names: str, **options: Any) -> Any:
    """Make an option that takes no value; help is not to say that it is a bool."""
    return typer.Option(*names, metavar="", **options)


def json_flag(what: str) -> Any:
    """Make the option by which a command prints JSON: this. (``-o json`` is the same: see `app`.)"""
    return flag("--json", help=f"Print {what}. Also: -o json.")


def _named(help_: str, complete: Callable[[str], list[str]], several: str = "") -> Any:
    return typer.Argument(metavar=f"ID_OR_NAME{several}", help=help_, autocompletion=complete)


def _text(metavar: str, help_: str, *names: str, complete: Callable[[str], list[str]] | None = None) -> Any:
    return typer.Option(*names, metavar=metavar, help=help_, autocompletion=complete)


_ONE, _SEVERAL = "Id, 8 or more first digits of it, or name.", "Ids, first digits of them, or names."
WhichRun = Annotated[str, _named(_ONE, completing.runs)]
WhichRuns = Annotated[list[str], _named(_SEVERAL, completing.runs, "...")]
WhichFlowRun = Annotated[str, _named(_ONE, completing.flow_runs)]
WhichFlowRuns = Annotated[list[str], _named(_SEVERAL, completing.flow_runs, "...")]
WhichTaskRun = Annotated[str, _named(_ONE, completing.task_runs)]
Rows = Annotated[
    int, typer.Option(metavar="N", help="How many rows the timeline may have; failures always show.", min=1)
]
Yes = Annotated[bool, flag("--yes", "-y", help="Do not ask first.")]
Force = Annotated[bool, flag("--force", help="Record Cancelled at once, for a run whose process is gone.")]
Quiet = Annotated[bool, flag("--quiet", "-q", help="Nothing but what the flow prints, and warnings.")]

# Which runs to list.
States = Annotated[
    list[str] | None,
    _text(
        "STATE",
        "Type (FAILED, which includes TimedOut) or name (Failed); may be given more than once.",
        "--state",
        "--state-type",
        complete=completing.states,
    ),
]
FlowName = Annotated[
    str | None, _text("NAME", "Part of the flow's name, or a glob.", "--flow", "--flow-name", complete=completing.flows)
]
TaskName = Annotated[
    str | None, _text("NAME", "Part of the task's name, or a glob.", "--task", "--task-name", complete=completing.tasks)
]
RunName = Annotated[str | None, _text("NAME", "Part of the run's name, or a glob.", "--name")]
Since = Annotated[
    str | None,
    _text("WHEN", "Created then or later: 2h, 1d12h, today, 9:30, 2026-03-01T12:30.", "--since", "--after"),
]
Until = Annotated[str | None, _text("WHEN", "Created before then; written like --since.", "--until", "--before")]
Limit = Annotated[int, typer.Option(metavar="N", help="How many to list at most, newest first; 0 for all.", min=0)]
JsonRuns = Annotated[bool, json_flag("a JSON array of runs")]
JsonRun = Annotated[bool, json_flag("JSON: the run, its history, and all rows of its timeline")]

# Its log.
Level = Annotated[
    str,
    _text("LEVEL", "Least level: debug, info, warning, error, critical.", "--level", complete=completing.levels),
]
Follow = Annotated[bool, flag("--follow", "-f", help="Go on until the run has ended.")]
JsonLines = Annotated[bool, json_flag("one JSON object for each line")]
