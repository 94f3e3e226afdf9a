"""A run's timeline: one row for each run, with a bar on a common time axis.

Two pure steps. `rows` works out what there is to tell from records and histories: who ran, in which state it
ended, how often it was tried, when it began and how long it took. `lines` lays that out in a given width as
pieces of text, each with a *tone*: the type of state that it speaks of, or one of the words below. The
command line gives tones their colours; `render` drops them. So nothing is ever told by colour alone.

A bar paints waits first and attempts over them, an attempt at least one cell wide: a retry story whose
attempts took no time at all (on a virtual clock they never do) still shows each of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, islice, zip_longest
from typing import Literal
from unicodedata import east_asian_width
from uuid import UUID

from headrace.core.looks import LOOKS
from headrace.core.records import FlowRun, Run, TaskRun
from headrace.core.state_types import StateType
from headrace.core.states import State

#: "flow" is the name of a flow run, "failing" an attempt that did not end well, "head" and "faint" the frame.
Tone = StateType | Literal["", "flow", "failing", "head", "faint"]
#: A line is the sequence of its pieces.
Line = list[tuple[str, Tone]]

SYMBOLS: Mapping[StateType | None, str] = {
    None: " ",
    **{type_: look.symbol for type_, look in LOOKS.items()},
}
_CELLS: Mapping[Tone, tuple[str, str]] = {
    StateType.PENDING: ("·", "pending"),
    StateType.SCHEDULED: ("╌", "waiting"),
    StateType.PAUSED: ("░", "paused"),
    StateType.CANCELLING: ("▒", "cancelling"),
    "failing": ("▓", "failed attempt"),
    StateType.RUNNING: ("█", "running"),
}
_NARROWEST_NAME, _WIDEST_NAME, _NARROWEST_BAR = 8, 40, 10
_FAILING_NEXT = (StateType.FAILED, StateType.CRASHED, StateType.SCHEDULED)


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of time that a run spent in one state; `start` and `end` are seconds on the timeline's axis.

    `failing` is a RUNNING stretch that ended in a failure or a retry.
    """

    type: StateType
    name: str
    start: float
    end: float
    failing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One run on a timeline, of the flow or task that is called `definition`.

    `depth` is 0 for the run itself, 1 for its task runs and subflows, and so on.

    `offset` is when it first ran, in seconds on the axis; None if it never did. `duration` is from there to
    its end, or to the end of the axis while it lasts, waits included. A subflow is one row, not two: its own
    run stands for the task run that stands for it. `upstream` are the runs it was given something of, or waited
    for: the first of them.
    """

    id: UUID
    kind: Literal["flow", "task"]
    name: str
    definition: str
    depth: int
    state_type: StateType | None
    state_name: str
    message: str | None
    attempts: int
    offset: float | None
    duration: float | None
    segments: tuple[Segment, ...]
    upstream: tuple[UUID, ...] = ()


#: How many runs that it depends on a row names.
_MOST_UPSTREAM = 100


def rows(
    root: Run,
    task_runs: Iterable[TaskRun] = (),
    subflows: Iterable[FlowRun] = (),
    histories: Mapping[UUID, Sequence[State]] | None = None,
    until: datetime | None = None,
) -> list[Row]:
    """Return the rows of a run's timeline, it first, each followed by what it started, in order of creation.

    `task_runs` and `subflows` are those of the whole tree, in any order. A run whose history is missing gets
    a row without a bar. The axis ends at `until` (now, for a run that goes on), else at the last thing that
    happened.
    """
    histories, task_runs, below = histories or {}, list(task_runs), {run.id: run for run in subflows}
    begin, end = extent(histories.values(), root.created, until)
    tree = _Tree(histories, begin, (end - begin).total_seconds(), _upstream(task_runs, below))
    return list(tree.walk(root, _children(task_runs, below), 0))


def common_rows(
    flow_runs: Iterable[FlowRun],
    task_runs: Iterable[TaskRun],
    histories: Mapping[UUID, Sequence[State]],
    begin: datetime,
    end: datetime,
) -> list[Row]:
    """Return the rows of all these runs on one axis: those that nobody here has started, each with what it started."""
    flow_runs, task_runs = list(flow_runs), list(task_runs)
    recorded = {run.id for run in flow_runs}
    by_id = {run.id: run for run in flow_runs}
    children = _children(task_runs, by_id)
    placed = {run.id for below in children.values() for run in below}
    roots: list[Run] = [run for run in flow_runs if run.id not in placed]
    roots += [run for parent, below in children.items() if parent not in recorded for run in below]
    tree = _Tree(histories, begin, (end - begin).total_seconds(), _upstream(task_runs, by_id))
    roots.sort(key=lambda run: (run.created, run.id))
    return [row for root in roots for row in tree.walk(root, children, 0)]


def extent(
    histories: Iterable[Sequence[State]], created: datetime, until: datetime | None = None
) -> tuple[datetime, datetime]:
    """Return the first and the last moment of some histories; where there are none, the moment of creation."""
    moments = [state.timestamp for states in histories for state in states if state.timestamp]
    begin = min(moments, default=created)
    return begin, max([*moments, *([until] if until else [])], default=begin)


def _children(task_runs: Iterable[TaskRun], subflows: Mapping[UUID, FlowRun]) -> dict[UUID | None, list[Run]]:
    """Sort runs by their flow run, subflows in the place of the task runs that stand for them."""
    children: dict[UUID | None, list[Run]] = {}
    for task_run in sorted(task_runs, key=lambda run: (run.created, run.id)):
        stands_for = subflows.get(task_run.child_flow_run_id) if task_run.child_flow_run_id else None
        children.setdefault(task_run.flow_run_id, []).append(stands_for or task_run)
    return children


def _upstream(task_runs: Sequence[TaskRun], subflows: Mapping[UUID, FlowRun]) -> dict[UUID, tuple[UUID, ...]]:
    """Tell of each run what it depends on, subflows in the place of the task runs that stand for them."""
    rows = {run.id: run.child_flow_run_id for run in task_runs if run.child_flow_run_id in subflows}

    def row(run_id: UUID) -> UUID:
        return rows.get(run_id) or run_id

    return {
        row(run.id): tuple(
            islice(dict.fromkeys(row(one) for ids in run.task_inputs.values() for one in ids), _MOST_UPSTREAM)
        )
        for run in task_runs
    }


@dataclass(frozen=True, slots=True)
class _Tree:
    histories: Mapping[UUID, Sequence[State]]
    begin: datetime
    span: float
    upstream: Mapping[UUID, tuple[UUID, ...]]

    def walk(self, run: Run, children: Mapping[UUID | None, list[Run]], depth: int) -> Iterator[Row]:
        yield self.row(run, depth)
        for child in children.get(run.id, []) if run.kind == "flow" else []:
            yield from self.walk(child, children, depth + 1)

    def row(self, run: Run, depth: int) -> Row:
        offset = self.at(run.start_time) if run.start_time else None
        end = self.at(run.end_time) if run.end_time else self.span
        return Row(
            id=run.id,
            kind=run.kind,
            name=run.name,
            definition=run.flow_name if isinstance(run, FlowRun) else run.task_name if isinstance(run, TaskRun) else "",
            depth=depth,
            state_type=run.state_type,
            state_name=run.state_name or "",
            message=run.state.message if run.state else None,
            attempts=run.run_count,
            offset=offset,
            duration=None if offset is None else max(end - offset, 0.0),
            segments=tuple(self.segments(self.histories.get(run.id, ()))),
            upstream=self.upstream.get(run.id, ()),
        )

    def at(self, moment: datetime) -> float:
        return (moment - self.begin).total_seconds()

    def segments(self, states: Sequence[State]) -> Iterator[Segment]:
        for state, after in zip_longest(states, states[1:]):
            if state.timestamp and not state.is_final() and (after or state.name != "NotReady"):
                end = self.at(after.timestamp) if after and after.timestamp else self.span
                yield Segment(state.type, state.name, self.at(state.timestamp), end, _fails(state, after))


def _fails(state: State, after: State | None) -> bool:
    again = after is not None and (after.type in _FAILING_NEXT or after.name == "Retrying")
    return state.is_running() and again


# --- drawing
# ---------------------------------------------------------------------------------------------------


def render(rows: Sequence[Row], width: int = 100) -> str:
    """Draw a timeline as plain text, `width` columns wide, without a final newline."""
    return "\n".join("".join(text for text, _ in line).rstrip() for line in lines(rows, width))


def lines(rows: Sequence[Row], width: int = 100) -> list[Line]:
    """Draw a timeline: a head, one line for each row, and a legend of the cells that occur in the bars.

    Where the width does not do for all columns, attempts, start and took are left out, in this order.
    """
    if not rows:
        return []
    span = max([segment.end for row in rows for segment in row.segments], default=0.0)
    cells = [_cells(row) for row in rows]
    widths = {name: max(map(cell_width, [name, *(row[name][0] for row in cells)])) for name in cells[0]}
    rest = _make_room(widths, width)
    widths["run"] = min(widths["run"], max(rest - max(_NARROWEST_BAR, rest // 2), _NARROWEST_NAME), _WIDEST_NAME)
    bar_width = rest - widths["run"]
    bars = [bar(row, span, bar_width) for row in rows]
    head = [*_line({name: (name, "head") for name in widths}, widths), (_axis(span, bar_width), "head")]
    body = [[*_line(row, widths), *_joined(bar)] for row, bar in zip(cells, bars, strict=True)]
    return [head, *body, *_legend(bars, width)]


#: The cells of a row before its bar, by column, each with its tone.
_Cells = Mapping[str, tuple[str, Tone]]


def _cells(row: Row) -> _Cells:
    return {
        "run": ("  " * row.depth + one_line(row.name), "flow" if row.kind == "flow" else ""),
        "state": (one_line(f"{SYMBOLS[row.state_type]} {row.state_name}"), row.state_type or ""),
        "attempts": (str(row.attempts), ""),
        "start": (seconds_text(row.offset), "faint"),
        "took": (seconds_text(row.duration), ""),
    }


def _make_room(widths: dict[str, int], width: int) -> int:
    """Take out columns until a name and a bar find room beside them; return how much they have."""
    for name in (None, "attempts", "start", "took"):
        widths.pop(name or "", None)
        rest = width - sum(widths.values()) + widths["run"] - 2 * len(widths)
        if rest >= _NARROWEST_NAME + _NARROWEST_BAR:
            return rest
    return _NARROWEST_NAME + _NARROWEST_BAR


def _line(cells: _Cells, widths: Mapping[str, int]) -> Line:
    """Lay out the columns: names and states to the left, numbers to the right."""
    left = ("run", "state")
    return [
        (fit(cells[name][0], width, right=name not in left) + "  ", cells[name][1]) for name, width in widths.items()
    ]


def _joined(bar: Line) -> Line:
    """Make one piece of neighbours of the same tone: a terminal is sent less, and sees the same."""
    return [("".join(text for text, _ in same), tone) for tone, same in groupby(bar, key=lambda piece: piece[1])]


def _axis(span: float, width: int) -> str:
    return "0" + seconds_text(span).rjust(width - 1, "─") if span else "0".ljust(width, "─")


def bar(row: Row, span: float, width: int) -> Line:
    """Draw one bar of `width` cells on an axis of `span` seconds."""
    cells: list[Tone] = [""] * width
    for segment in sorted(row.segments, key=lambda segment: segment.type is StateType.RUNNING):
        first = min(int(segment.start / (span or 1) * width), width - 1)
        last = int(segment.end / (span or 1) * width)
        if segment.type is StateType.RUNNING:
            last = max(last, first + 1)
        for cell in range(first, last):
            cells[cell] = "failing" if segment.failing else segment.type
    return [(_CELLS[tone][0] if tone else " ", tone) for tone in cells]


def _legend(bars: Sequence[Line], width: int) -> Iterator[Line]:
    seen = {tone for line in bars for _, tone in line}
    entries: Line = [(f"{cell} {meaning}", tone) for tone, (cell, meaning) in _CELLS.items() if tone in seen]
    if len(entries) < 2:
        return
    line: Line = entries[:1]
    for text, tone in entries[1:]:
        if sum(len(piece) for piece, _ in line) + 3 + len(text) > width:
            yield line
            line = [(text, tone)]
        else:
            line = [*line, ("   " + text, tone)]
    yield line


# --- text of a given width
# -------------------------------------------------------------------------------------


def seconds_text(seconds: float | None) -> str:
    """Write a duration for people, in three digits or two units; a dash for None.

    What is under ten microseconds is none at all: states are a microsecond apart even where no time passes.
    """
    if seconds is None:
        return "–"
    if seconds < 1e-5:
        return "0 s"
    if 0.9995 <= seconds < 59.95:
        return f"{seconds:.3g} s"
    if seconds < 0.9995:
        return f"{seconds * 1000:.3g} ms"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}m {rest:02}s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h {minutes:02}m" if hours < 24 else f"{hours // 24}d {hours % 24:02}h"


def one_line(text: str) -> str:
    """Make text harmless in a table and a terminal: what can't be printed becomes a middle dot."""
    return text if text.isprintable() else "".join(char if char.isprintable() else "·" for char in text)


def cell_width(text: str) -> int:
    """Return how many columns a terminal gives to text; wide East Asian characters take two."""
    return len(text) if text.isascii() else sum(2 if east_asian_width(char) in "WF" else 1 for char in text)


def fit(text: str, width: int, *, right: bool = False) -> str:
    """Pad text to `width` columns, or cut it there, the cut shown by an ellipsis."""
    if cell_width(text) > width:
        while cell_width(text) > width - 1:
            text = text[:-1]
        text += "…"
    padding = " " * (width - cell_width(text))
    return padding + text if right else text + padding
