"""Arguments and options that several commands take."""

from __future__ import annotations

from typing import Annotated

import typer

from headrace.cli import completing

WhichRun = Annotated[
    str,
    typer.Argument(
        metavar="ID_OR_NAME",
        help="Id, 8 or more first digits of it, or name.",
        autocompletion=completing.runs,
    ),
]
WhichRuns = Annotated[
    list[str],
    typer.Argument(
        metavar="ID_OR_NAME...",
        help="Ids, first digits of them, or names.",
        autocompletion=completing.runs,
    ),
]
WhichFlowRuns = Annotated[
    list[str],
    typer.Argument(
        metavar="ID_OR_NAME...",
        help="Ids of flow runs, first digits of them, or names.",
        autocompletion=completing.flow_runs,
    ),
]
Rows = Annotated[int, typer.Option(help="How many rows the timeline may have; failures always show.", min=1)]
