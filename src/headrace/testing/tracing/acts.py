"""From the scenes of a test to the page of its trace."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from uuid import UUID

from headrace.core.timeline import Row, one_line, seconds_text
from headrace.pages.timeline import Axis, Mark
from headrace.pages.trace import Act, Line, Trace
from headrace.pages.trace_page import page
from headrace.testing.scenes import Scene
from headrace.testing.slot_waits import SlotWait
from headrace.testing.telling import headline
from headrace.testing.tracing.material import Material, owner
from headrace.testing.tracing.order import Order
from headrace.testing.tracing.results import Results
from headrace.testing.tracing.runs import RunTeller

#: How many lines a table of all runs has at most: the last ones.
_MOST_LINES = 2_000


def page_of(
    *,
    test: str,
    outcome: str,
    error: str,
    command: str,
    scenes: Iterable[tuple[Scene, str]],
    results: Results | None = None,
) -> str:
    """Return the trace of a test as HTML.

    `scenes` come with the programs that repeat them; "" where only the test does. `command` runs the test again;
    `error` is what it failed with, "" where it did not. `results` knows those that stores do not keep.
    """
    acts = [act_of(scene, program, results) for scene, program in scenes]
    return page(Trace(test=test, outcome=outcome, error=error, command=command, acts=acts))


def act_of(scene: Scene, program: str, results: Results | None = None) -> Act:
    """Return what there is to tell of one scene."""
    if scene.trouble:
        return Act(headline=headline(scene), program=program, trouble=scene.trouble)
    material = Material(scene)
    order = Order(material)
    teller = RunTeller(material, order, results or Results())
    no_time = material.took_no_time
    return Act(
        headline=headline(scene),
        program=program,
        began=material.begin,
        axis=Axis(max(order.last, 1), "steps") if no_time else Axis(material.second(material.end)),
        rows=[_in_steps(row, order, material) for row in material.rows] if no_time else material.rows,
        runs=teller.told(),
        marks=_marks(material, order),
        positions=order.positions,
        tables=list(_tables(material, order, teller)),
        runs_left_out=material.left_out,
    )


def _in_steps(row: Row, order: Order, material: Material) -> Row:
    """Return a row whose bar is drawn on positions, for where all happens at the same moment."""
    places = [order.states[row.id, number] for number in range(len(material.histories[row.id]))]
    segments = zip(row.segments, places, [*places[1:], order.last], strict=False)
    return replace(row, segments=tuple(replace(one, start=start, end=end) for one, start, end in segments))


def _marks(material: Material, order: Order) -> Mapping[UUID, list[Mark]]:
    marks: dict[UUID, list[Mark]] = defaultdict(list)
    for position, strike in order.strokes:
        if strike.run_id is not None:
            at = position if material.took_no_time else material.second(strike.at)
            marks[strike.run_id].append(Mark("fault", at, at))
    for wait in material.scene.slot_waits if not material.took_no_time else ():
        if wait.run_id is not None and _is_asked_for_in_code(wait):
            since, until = material.second(wait.since), material.second(wait.until or material.end)
            marks[wait.run_id].append(Mark("slot", since, until))
    return marks


def _is_asked_for_in_code(wait: SlotWait) -> bool:
    """Say whether a wait is not one for the slots of tags, which is a state, and drawn as such."""
    return not all(name.startswith("tag:") for name in wait.names)


def _tables(material: Material, order: Order, teller: RunTeller) -> Iterator[tuple[str, list[Line]]]:
    strokes = [teller.stroke(position, one, one_line(one.run)) for position, one in order.strokes[-_MOST_LINES:]]
    yield from _table("What stubs and faults did", strokes, len(order.strokes))
    waits = [_slot_wait(wait, material, order) for wait in material.scene.slot_waits[-_MOST_LINES:]]
    yield from _table("Waits for slots", waits, len(material.scene.slot_waits))
    lines = [teller.line(position, line, material.name(owner(line))) for position, line in order.lines[-_MOST_LINES:]]
    yield from _table("Log of all runs", lines, len(order.lines))


def _table(title: str, lines: list[Line], count: int) -> Iterator[tuple[str, list[Line]]]:
    if lines:
        yield f"{title} ({f'the last {len(lines):,} of ' if count > len(lines) else ''}{count:,})", lines


def _slot_wait(wait: SlotWait, material: Material, order: Order) -> Line:
    since = material.second(wait.since)
    names = ", ".join(name.removeprefix("tag:") for name in wait.names)
    lasted = seconds_text((wait.until - wait.since).total_seconds()) if wait.until is not None else ""
    how = f"{'got it' if wait.granted else 'gave up'} after {lasted}" if lasted else "still waits"
    return Line(order.at(since), since, one_line(wait.holder), f"{names}: {how}")
