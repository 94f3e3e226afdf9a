"""Arguments and options that several commands take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from headrace.cli import completing


def flag(*names: str, **options: Any) -> Any:
    """Make an option that takes no value; help is not to say that it is a bool."""
    return typer.Option(*names, metavar="", **options)


def _named(help_: str, complete: Callable[[str], list[str]], several: str = "") -> Any:
    return typer.Argument(metavar=f"ID_OR_NAME{several}", help=help_, autocompletion=complete)


WhichRun = Annotated[str, _named("Id, 8 or more first digits of it, or name.", completing.runs)]
WhichRuns = Annotated[list[str], _named("Ids, first digits of them, or names.", completing.runs, "...")]
WhichFlowRuns = Annotated[
    list[str], _named("Ids of flow runs, first digits of them, or names.", completing.flow_runs, "...")
]
Rows = Annotated[
    int, typer.Option(metavar="N", help="How many rows the timeline may have; failures always show.", min=1)
]
