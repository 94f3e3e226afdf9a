"""Telling a scene as text: for the report of a failed test, and for an error that leaves a simulation."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from datetime import datetime

from headrace.core.records import LogRecord, Run
from headrace.core.timeline import cell_width, fit, one_line, seconds_text
from headrace.store.protocol import LogFilter
from headrace.testing.scenes import Scene
from headrace.testing.slot_waits import SlotWait
from headrace.testing.timelines import drawn

#: How many log lines, and how many strokes of stubs and faults, are told at most: the last ones.
_MOST = 10


def told(scene: Scene) -> Iterator[str]:
    """Yield lines about a scene: how long it lasted, timelines, stories, faults, the last log lines of what failed."""
    yield headline(scene)
    if scene.trouble:
        yield f"Its runs can't be shown: {scene.trouble}"
        return
    yield from drawn(scene.world, scene.began)
    yield from _slot_waits(scene)
    yield from _faults(scene)
    yield from _log(scene)


def headline(scene: Scene) -> str:
    """Say in one line what a scene is, and how long it lasted."""
    times = []
    if scene.virtual_seconds is not None:
        times.append(f"{seconds_text(scene.virtual_seconds)} of virtual time")
    if scene.real_seconds is not None:
        times.append(f"{seconds_text(scene.real_seconds)} of real time")
    options = ", ".join(
        f"{name} {value}" for name, value in scene.options.items() if name != "start" and value is not None
    )
    began = f" from {scene.options['start']}" if scene.options else ""
    what = f"simulation{began} ({options})" if scene.options else "the test's own runs"
    return f"{what}: {', '.join(times)}" if times else what


def second_zero(scene: Scene) -> datetime | None:
    """Return the moment from which a scene's seconds are counted; None where nothing happened."""
    store = scene.world.store
    first = min((run.created for run in [*store.flow_runs(), *store.task_runs()]), default=None)
    return scene.began or first


def _slot_waits(scene: Scene) -> Iterator[str]:
    if not scene.slot_waits or scene.began is None:
        return
    yield "\nwaits for slots" + _counted(len(scene.slot_waits))
    yield from _table(
        [("at", "for", "run", "limit"), *(_slot_row(wait, scene.began) for wait in scene.slot_waits[-_MOST:])]
    )


def _slot_row(wait: SlotWait, began: datetime) -> tuple[str, ...]:
    lasted = seconds_text((wait.until - wait.since).total_seconds()) if wait.until else "still waits"
    names = ", ".join(name.removeprefix("tag:") for name in wait.names)
    return _at(wait.since, began), lasted, one_line(wait.holder), names + ("" if wait.granted else ", not got")


def _faults(scene: Scene) -> Iterator[str]:
    if not scene.strikes:
        return
    began = second_zero(scene)
    assert began is not None, "faults strike in simulations, which have a beginning"
    yield "\nwhat stubs and faults did" + _counted(len(scene.strikes))
    rows = [
        (_at(strike.at, began), one_line(strike.run), str(strike.attempt or ""), one_line(strike.what))
        for strike in scene.strikes[-_MOST:]
    ]
    yield from _table([("at", "run", "attempt", ""), *rows])


def _log(scene: Scene) -> Iterator[str]:
    """Yield the last log lines of the runs that did not complete; of all runs where all did."""
    runs = {run.id: run for run in [*scene.world.store.flow_runs(), *scene.world.store.task_runs()]}
    bad = {run_id for run_id, run in runs.items() if not _completed(run)}
    lines = scene.world.store.logs(LogFilter())
    chosen = [line for line in lines if not bad or (line.task_run_id or line.flow_run_id) in bad]
    began = second_zero(scene)
    if not chosen or began is None:
        return
    yield f"\nlog of {'the runs that did not complete' if bad else 'all runs'}{_counted(len(chosen))}"
    rows = [_log_row(line, runs.get(line.task_run_id or line.flow_run_id), began) for line in chosen[-_MOST:]]  # type: ignore[arg-type]
    yield from _table(rows)


def _log_row(line: LogRecord, run: Run | None, began: datetime) -> tuple[str, ...]:
    said = one_line(line.message.partition("\n")[0])
    return _at(line.timestamp, began), logging.getLevelName(line.level), one_line(run.name) if run else "", said


def _completed(run: Run) -> bool:
    return run.state is not None and run.state.is_completed()


def _counted(count: int) -> str:
    return f", the last {_MOST} of {count}" if count > _MOST else ""


def _at(moment: datetime, began: datetime) -> str:
    return seconds_text((moment - began).total_seconds())


def _table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(cell_width(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(map(fit, row, widths)).rstrip()
