"""How things look on a terminal: the console, colours of states, tables, the timeline, complaints."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from typing import TYPE_CHECKING

from headrace.core.looks import LOOKS
from headrace.core.state_types import StateType
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


def busy(what: str) -> AbstractContextManager[object]:
    """Return a context in which a terminal shows that something takes its time."""
    console = out(stderr=True)
    return console.status(one_line(what)) if console.is_terminal else nullcontext()


def complain(error: BaseException) -> None:
    """Print an error as one message on stderr; for a script of the user's that broke, also its traceback."""
    from rich.text import Text

    from headrace.exceptions import ScriptError

    console = out(stderr=True)
    if isinstance(error, ScriptError) and error.__cause__ is not None:
        from headrace.core.tracebacks import traceback_of

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
    spare: Sequence[str] = (),
) -> None:
    """Print a table without rules: dim heads, columns named in `numbers` to the right, a line for each row.

    Where a terminal is too narrow the `elastic` columns are cut, one after the other, down to these widths; where that
    does not do, the `spare` ones are left out, one after the other.
    """
    from rich.text import Text

    console = out()
    widths = dict(zip(heads, (max(map(_width, column)) for column in zip(heads, *rows, strict=True)), strict=True))
    _make_room(widths, console.width, elastic or {}, spare)
    for position, row in enumerate([heads, *rows]):
        named = dict(zip(heads, row, strict=True))
        cells = [_cell(named[head], width, head in numbers) for head, width in widths.items()]
        line = Text("  ", style="" if position else "dim").join(cells)
        line.rstrip()
        console.print(line, soft_wrap=True)


def _make_room(widths: dict[str, int], width: int, elastic: Mapping[str, int], spare: Sequence[str]) -> None:
    """Leave out columns and cut others until they fit, if they can."""
    least = {head: min(elastic.get(head, own), own) for head, own in widths.items()}
    for head in spare:
        if sum(least[kept] + 2 for kept in widths) - 2 > width:
            del widths[head]
    for head in elastic:
        if head in widths:
            excess = sum(own + 2 for own in widths.values()) - 2 - width
            widths[head] = max(widths[head] - max(excess, 0), least[head])


def _width(cell: str | Text) -> int:
    return cell_width(str(cell))


def _cell(cell: str | Text, width: int, right: bool) -> Text:
    from rich.text import Text

    style = cell.style if isinstance(cell, Text) else ""
    return Text(fit(str(cell), width, right=right), style=style)


def timeline(rows: Sequence[Row], console: Console, left_out: int = 0) -> None:
    """Print a timeline in colour, and how many runs that completed are `left_out` of it."""
    from rich.text import Text

    width = min(console.width, _WIDEST_TIMELINE) if console.is_terminal else _PIPE_TIMELINE
    for line in lines(rows, width):
        drawn = Text.assemble(*((text, STYLES[tone]) for text, tone in line))
        drawn.rstrip()
        console.print(drawn, soft_wrap=True)
    if left_out:
        console.print(f"… and {left_out} more that completed", style="dim")


def moment_text(moment: datetime | None, now: datetime) -> str:
    """Write a moment in the local time zone: the time if today, else the day too, and the year if another."""
    if moment is None:
        return "–"
    local, today = moment.astimezone(), now.astimezone()
    if local.date() == today.date():
        return local.strftime("%H:%M:%S")
    return local.strftime("%m-%d %H:%M" if local.year == today.year else "%Y-%m-%d %H:%M")
