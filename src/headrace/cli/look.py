"""How things look on a terminal: the console, colours of states, tables, the timeline, complaints."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from headrace.core.looks import LOOKS
from headrace.core.states import StateType
from headrace.core.timeline import SYMBOLS, Row, Tone, cell_width, fit, lines, one_line

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

STYLES: Mapping[Tone, str] = {
    "": "",
    "flow": "bold",
    "failing": "red",
    "head": "dim",
    "faint": "dim",
    **{type_: look.style for type_, look in LOOKS.items()},
}
_PIPE_WIDTH = 200
_WIDEST_TIMELINE, _PIPE_TIMELINE = 160, 100


def out(*, stderr: bool = False) -> Console:
    """Return a console on stdout or stderr. Where there is no terminal, lines are as wide as they need."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    wide = None if stream.isatty() or os.environ.get("COLUMNS") else _PIPE_WIDTH
    return Console(file=stream, width=wide, highlight=False, soft_wrap=False, markup=False, emoji=False)


def print_json(value: object) -> None:
    """Print JSON on stdout, as it is documented: two spaces, keys in their order, text not escaped."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def say(message: str) -> None:
    """Print one line for people on stdout, in no colour; rich, which takes 40 ms to come, is not asked."""
    sys.stdout.write(one_line(message) + "\n")


def note(message: str) -> None:
    """Tell people something beside the point, on stderr."""
    out(stderr=True).print(message, style="dim", soft_wrap=True)


def complain(error: BaseException) -> None:
    """Print an error as one message on stderr; for a script of the user's that broke, also its traceback."""
    from rich.text import Text

    from headrace.exceptions import ScriptError

    console = out(stderr=True)
    if isinstance(error, ScriptError) and error.__cause__ is not None:
        from headrace.cli.loading import traceback_of

        console.print(Text(traceback_of(error.__cause__), style="dim"), soft_wrap=True)
    console.print(Text.assemble(("Error: ", "bold red"), str(error)), soft_wrap=True)


def state_text(type_: StateType | None, name: str | None) -> Text:
    """Return a state with its symbol, in its colour."""
    from rich.text import Text

    return Text(f"{SYMBOLS[type_]} {one_line(name or '')}", style=STYLES[type_ or ""])


def print_table(
    heads: Sequence[str],
    rows: Sequence[Sequence[str | Text]],
    numbers: Sequence[str] = (),
    elastic: Mapping[str, int] | None = None,
) -> None:
    """Print a table without rules: dim heads, columns named in `numbers` to the right, a line for each row.

    Where a terminal is too narrow the `elastic` columns are cut, one after the other, down to these widths.
    """
    from rich.text import Text

    console = out()
    widths = [max(map(_width, column)) for column in zip(heads, *rows, strict=True)]
    for head, least in (elastic or {}).items():
        column, excess = heads.index(head), sum(widths) + 2 * (len(widths) - 1) - console.width
        widths[column] = min(max(widths[column] - max(excess, 0), least), widths[column])
    for position, row in enumerate([heads, *rows]):
        cells = [_cell(*each) for each in zip(row, widths, (head in numbers for head in heads), strict=True)]
        line = Text("  ", style="" if position else "dim").join(cells)
        line.rstrip()
        console.print(line, soft_wrap=True)


def _width(cell: str | Text) -> int:
    return cell_width(str(cell))


def _cell(cell: str | Text, width: int, right: bool) -> Text:
    from rich.text import Text

    style = cell.style if isinstance(cell, Text) else ""
    return Text(fit(str(cell), width, right=right), style=style)


def timeline(rows: Sequence[Row], console: Console, most: int = 100) -> None:
    """Print a timeline in colour, of at most `most` rows; what completed is left out first."""
    from rich.text import Text

    shown = abridged(rows, most)
    width = min(console.width, _WIDEST_TIMELINE) if console.is_terminal else _PIPE_TIMELINE
    for line in lines(shown, width):
        drawn = Text.assemble(*((text, STYLES[tone]) for text, tone in line))
        drawn.rstrip()
        console.print(drawn, soft_wrap=True)
    if len(shown) < len(rows):
        console.print(f"… and {len(rows) - len(shown)} more that completed", style="dim")


def abridged(rows: Sequence[Row], most: int) -> Sequence[Row]:
    """Return at most `most` rows in their order, but every one that did not complete."""
    spare = len(rows) - most
    if spare <= 0:
        return rows
    completed = [row.id for row in rows if row.state_type is StateType.COMPLETED and row.kind == "task"]
    dropped = set(completed[max(len(completed) - spare, 0) :])
    return [row for row in rows if row.id not in dropped]


def moment_text(moment: datetime | None, now: datetime) -> str:
    """Write a moment in the local time zone: the time if today, else the day too, and the year if another."""
    if moment is None:
        return "–"
    local, today = moment.astimezone(), now.astimezone()
    if local.date() == today.date():
        return local.strftime("%H:%M:%S")
    return local.strftime("%m-%d %H:%M" if local.year == today.year else "%Y-%m-%d %H:%M")
