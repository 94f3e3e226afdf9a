"""What is read of a scene, once, before it is told: its runs, their histories and logs, their rows on a timeline."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast
from uuid import UUID

from headrace.core.records import FlowRun, LogRecord, Run, TaskRun
from headrace.core.states import State
from headrace.core.timeline import Row, common_rows, extent, one_line
from headrace.testing import lookups
from headrace.testing.causes import Evidence, causes
from headrace.testing.scenes import Scene

if TYPE_CHECKING:
    from headrace.store.memory import MemoryStore

#: How many runs of one world are shown at most.
MOST_RUNS = 20_000
#: States of one run are a microsecond apart even where no time passes: so much is none.
NO_TIME = 1e-4


class Material:
    """One scene, read. Seconds are counted from its beginning; rows are those that are shown."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.store = cast("MemoryStore", scene.world.store)  # a scene keeps its runs in memory
        flow_runs, task_runs = self.store.flow_runs(), self.store.task_runs()
        self.runs: dict[UUID, Run] = {run.id: run for run in [*flow_runs, *task_runs]}
        self.histories: Mapping[UUID, Sequence[State]] = self.store.histories(self.runs)
        self.logs = self.store.placed_logs()
        self._log_of: dict[UUID | None, list[LogRecord]] = defaultdict(list)
        for _, line in self.logs:
            self._log_of[owner(line)].append(line)
        self._stand_ins = {run.parent_task_run_id: run.id for run in flow_runs if run.parent_task_run_id}
        self.begin, self.end = self._extent()
        rows = common_rows(flow_runs, task_runs, self.histories, self.begin, self.end)
        self.rows: Sequence[Row] = rows[:MOST_RUNS]
        self.left_out = len(rows) - len(self.rows)
        self.row_of = {row.id: number for number, row in enumerate(self.rows)}
        self.because = {row.id: self._causes(self.runs[row.id]) for row in self.rows}

    def _extent(self) -> tuple[datetime, datetime]:
        scene = self.scene
        created = min((run.created for run in self.runs.values()), default=scene.began or scene.world.clock.now())
        until = scene.began + timedelta(seconds=scene.virtual_seconds or 0) if scene.began else None
        begin, end = extent(self.histories.values(), created, until)
        return scene.began or begin, end

    @property
    def took_no_time(self) -> bool:
        """Say whether all happened at the same moment of virtual time, so that only its order tells anything."""
        return self.scene.virtual_seconds is not None and not self.scene.virtual_seconds

    def second(self, moment: datetime) -> float:
        """Return at which second a moment is."""
        return max((moment - self.begin).total_seconds(), 0.0)

    def row(self, run_id: UUID | None) -> int | None:
        """Return which row is that of a run; None where it has none."""
        return None if run_id is None else self.row_of.get(self._stand_ins.get(run_id, run_id))

    def name(self, run_id: UUID | None) -> str:
        """Return the name of a run, in one line; "" where it is not known."""
        run = self.runs.get(run_id) if run_id is not None else None
        return one_line(run.name) if run is not None else ""

    def upstream(self, run: Run) -> list[Run]:
        """Return the runs that one took values from or waited for, subflows in the place of what stands for them."""
        standing = self.runs.get(run.parent_task_run_id) if isinstance(run, FlowRun) else run  # type: ignore[arg-type]
        ids = lookups.upstream_ids(standing) if isinstance(standing, TaskRun) else ()
        found = (self.runs.get(self._stand_ins.get(run_id, run_id)) for run_id in ids)
        return [one for one in found if one is not None]

    def _causes(self, run: Run) -> list[str]:
        evidence = Evidence(
            run,
            logs=lambda: [line.message for line in self._log_of[run.id]],
            upstream=lambda: {one.name: one.state for one in self.upstream(run)},
            limits=lambda: lookups.limits(self.scene.world, run),
        )
        return list(causes(self.histories[run.id], evidence))


def owner(line: LogRecord) -> UUID | None:
    """Return the id of the run whose line this is."""
    return line.task_run_id or line.flow_run_id


def moment(state: State) -> datetime:
    """Return when a recorded state was entered."""
    assert state.timestamp is not None, "a recorded state has its moment"
    return state.timestamp
