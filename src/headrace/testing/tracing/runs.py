"""What there is to tell of each run of a scene: what went in and came out, its states, its log, why it failed."""

from __future__ import annotations

import logging
import traceback
from collections import defaultdict
from collections.abc import Iterator, Sequence
from uuid import UUID

from headrace.core.kept import NOT_KEPT, Kept
from headrace.core.records import FlowRun, LogRecord, Run, TaskRun
from headrace.core.states import State
from headrace.core.timeline import one_line
from headrace.pages.trace import Entered, Line, Told
from headrace.testing import lookups
from headrace.testing.faults.strikes import Strike
from headrace.testing.lookups import traceback_in, without_traceback
from headrace.testing.tracing.material import Material, moment, owner
from headrace.testing.tracing.order import Order
from headrace.testing.tracing.results import Results
from headrace.testing.tracing.shown import abbreviated, shown

#: How many characters the values of a scene may have, by and large; and a single one, at most and in any case.
_CHARACTERS, _LONGEST, _SHORTEST = 4_000_000, 2_000, 200
#: How many lines the logs of all runs may have, by and large; and that of one run, at most and in any case.
_LINES, _MOST_LINES, _FEWEST_LINES = 40_000, 300, 10
#: How much longer than a value a traceback may be.
_TRACEBACK_FACTOR = 10


class RunTeller:
    """Tells the runs of one scene. The more there are, the less of each."""

    def __init__(self, material: Material, order: Order, results: Results) -> None:
        self._material, self._order, self._results = material, order, results
        count = max(len(material.rows), 1)
        self._longest = min(max(_CHARACTERS // count, _SHORTEST), _LONGEST)
        self._most_lines = min(max(_LINES // count, _FEWEST_LINES), _MOST_LINES)
        self._logs: dict[UUID | None, list[tuple[int, LogRecord]]] = defaultdict(list)
        for position, line in order.lines:
            self._logs[owner(line)].append((position, line))
        self._strokes: dict[UUID | None, list[tuple[int, Strike]]] = defaultdict(list)
        for position, strike in order.strokes:
            self._strokes[strike.run_id].append((position, strike))

    def told(self) -> list[Told]:
        """Return what there is to tell, row by row."""
        return [self._told(self._material.runs[row.id]) for row in self._material.rows]

    def line(self, position: int, record: LogRecord, who: str = "") -> Line:
        """Return a line of a log, without the traceback that it may end with."""
        message = abbreviated(without_traceback(record.message), self._longest)
        head = f"{logging.getLevelName(record.level)} {who}".rstrip()
        return Line(position, self._material.second(record.timestamp), head, message)

    def stroke(self, position: int, strike: Strike, head: str) -> Line:
        """Return what a stub or fault did."""
        return Line(position, self._material.second(strike.at), head, one_line(strike.what))

    def _told(self, run: Run) -> Told:
        assert isinstance(run, FlowRun | TaskRun)
        states, log = list(self._entered(run)), self._logs[run.id]
        strokes = self._strokes[run.id][-self._most_lines :]
        return Told(
            definition=lookups.definition_name(run),
            tags=sorted(run.tags),
            upstream=[(one.name, self._material.row(one.id)) for one in self._material.upstream(run)],
            inputs={name: shown(value, self._longest) for name, value in run.parameters.items()},
            states=states,
            output=self._output(run, states),
            tracebacks=self._tracebacks(run, states),
            log=[self.line(position, line) for position, line in log[-self._most_lines :]],
            log_left_out=max(len(log) - self._most_lines, 0),
            faults=[self.stroke(place, one, f"attempt {one.attempt}" if one.attempt else "") for place, one in strokes],
        )

    def _entered(self, run: Run) -> Iterator[Entered]:
        attempt = 0
        told = zip(self._material.histories[run.id], self._material.because[run.id], strict=True)
        for number, (state, because) in enumerate(told):
            attempt += state.is_running()
            position = self._order.states[run.id, number]
            begun = attempt if state.is_running() else 0
            yield Entered(position, self._material.second(moment(state)), state.type, state.name, begun, because)

    def _output(self, run: Run, states: Sequence[Entered]) -> Line | None:
        ends = ((told, state) for told, state in zip(states, self._material.histories[run.id], strict=True))
        told, state = next(((told, state) for told, state in ends if state.is_final()), (None, None))
        if told is None or state is None:
            return None
        data = self._data(run, state)
        if data is NOT_KEPT:
            return Line(told.position, told.at, "returned what this store does not keep", "")
        if state.is_completed():
            return Line(told.position, told.at, "returned", shown(data, self._longest))
        text = shown(data, self._longest) if data is not None else state.message or ""
        return Line(told.position, told.at, "raised" if isinstance(data, BaseException) else state.name, text)

    def _data(self, run: Run, state: State) -> object:
        """Return what a run ended with: what its state has, or what is remembered of it where that is nothing."""
        is_there = state.data is not None and state.data is not NOT_KEPT and not isinstance(state.data, Kept)
        known = state.data if is_there else self._results.of(run.id)
        return state.data if known is NOT_KEPT else known

    def _tracebacks(self, run: Run, states: Sequence[Entered]) -> list[Line]:
        """Return those that were logged, one for each attempt that failed; else that of the error it ended with."""
        found = ((position, line, traceback_in(line.message)) for position, line in self._logs[run.id])
        logged = [
            self._traceback(position, self._material.second(line.timestamp), states, text)
            for position, line, text in found
            if text
        ]
        error = run.state.data if run.state is not None else None
        if logged or not isinstance(error, BaseException) or error.__traceback__ is None:
            return logged
        text = "".join(traceback.format_exception(error))
        return [self._traceback(states[-1].position, states[-1].at, states, text)]

    def _traceback(self, position: int, at: float, states: Sequence[Entered], text: str) -> Line:
        attempt = max((state.attempt for state in states if state.position <= position), default=0)
        return Line(position, at, f"attempt {attempt}", abbreviated(text, _TRACEBACK_FACTOR * self._longest))
