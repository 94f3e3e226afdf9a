"""What a run does while it lasts: a live region on a terminal, a line now and then elsewhere.

The run goes on in the main thread, which signals and time-outs need; the engine says which run it is that begins
there, and a thread of ours looks into the store a few times a second for what becomes of it. It costs the run nothing
that can be measured, and sees exactly what another process would see.
"""

from __future__ import annotations

import contextlib
import threading
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING
from uuid import UUID

from headrace.cli import world
from headrace.cli.look import STYLES, out
from headrace.core.state_types import TERMINAL, StateType
from headrace.core.timeline import SYMBOLS, one_line, seconds_text
from headrace.exceptions import StoreError
from headrace.store.protocol import RunFilter, Store

if TYPE_CHECKING:
    from rich.console import Group, RenderableType
    from rich.live import Live

    from headrace.core.records import FlowRun, Run
    from headrace.runs.context import RunContext

_LOOK_SECONDS, _PLAIN_SECONDS, _WATCH_SECONDS = 0.15, 5.0, 0.3
_MOST_SHOWN = 8
_BAD = frozenset({StateType.FAILED, StateType.CRASHED, StateType.CANCELLED})


class Progress:
    """A context manager around a run of the flow `flow_name`; `run` is the first that this process begins in it.

    `silent` shows nothing, but still learns of the run. With `run`, which may be in another process, it is about that.
    """

    def __init__(self, flow_name: str, store: Store, *, silent: bool, run: Run | None = None) -> None:
        self.run = run
        self._flow_name = flow_name
        self._store = store
        self._told = world.told_of_flow_runs(self._begun)
        self._silent = silent
        self._began = (run.start_time or run.created) if run is not None else world.now()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, name="headrace-progress", daemon=True)
        self._live: Live | None = None
        self._said = ""

    @property
    def _name(self) -> str:
        return self.run.name if self.run is not None else self._flow_name

    def _begun(self, context: RunContext) -> None:
        if self.run is None:
            self.run = context.run

    def __enter__(self) -> Progress:
        self._told.__enter__()
        console = out(stderr=True)
        if not self._silent and console.is_terminal:
            from rich.live import Live

            self._live = Live(self._region(), console=console, transient=True, auto_refresh=False)
            self._live.start()
        if not self._silent:
            self._thread.start()
        return self

    def __exit__(
        self, type_: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        try:
            if self._thread.is_alive():
                self._thread.join()
        finally:  # a second Ctrl-C may come at any moment, and the cursor is to be seen again
            if self._live is not None:
                self._live.stop()
            self._told.__exit__(None, None, None)

    def _look(self) -> None:
        interval = _LOOK_SECONDS if self._live is not None else _PLAIN_SECONDS
        while not self._over.wait(interval):
            with contextlib.suppress(StoreError):  # a busy store: look again at the next turn
                self._show()

    def _show(self) -> None:
        if self._live is not None:
            self._live.update(self._region(), refresh=True)
        elif self.run is not None and (line := self._counts(self.run.id)) != self._said:
            out(stderr=True).print(f"{one_line(self._name)}: {line}", soft_wrap=True)
            self._said = line

    def _counts(self, run_id: UUID) -> str:
        def count(types: frozenset[StateType]) -> int:
            return self._store.count("task", RunFilter(flow_run_id=run_id, state_types=types))

        running, waiting = count(frozenset({StateType.RUNNING})), count(frozenset({StateType.SCHEDULED}))
        finished, bad = count(TERMINAL), count(_BAD)
        parts = [f"{running} running", f"{waiting} waiting" if waiting else "", f"{finished} finished"]
        return ", ".join([*filter(None, parts), *([f"{bad} of them badly"] if bad else [])])

    def _region(self) -> RenderableType:
        from rich.spinner import Spinner
        from rich.text import Text

        head = Text(one_line(self._name), style="bold")
        if self.run is None:
            return Spinner("dots", head)
        now = world.now()
        head.append(f"  {self._counts(self.run.id)}  {seconds_text((now - self._began).total_seconds())}", style="dim")
        return self._with_current(Spinner("dots", head), self.run.id, now)

    def _with_current(self, head: RenderableType, run_id: UUID, now: datetime) -> Group:
        from rich.console import Group
        from rich.text import Text

        where = RunFilter(flow_run_id=run_id, state_types=frozenset({StateType.RUNNING, StateType.SCHEDULED}))
        lines: list[RenderableType] = [head]
        for run in self._store.task_runs(where, limit=_MOST_SHOWN):
            type_ = run.state_type
            since = (now - run.start_time).total_seconds() if run.start_time else None
            line = Text(f"  {SYMBOLS[type_]} {one_line(run.name)}", style=STYLES[type_ or ""])
            line.append(f"  {run.state_name}, attempt {run.run_count}, {seconds_text(since)}", style="dim")
            lines.append(line)
        return Group(*lines)


def watch_run(store: Store, run: FlowRun, *, silent: bool) -> FlowRun:
    """Show how a flow run of some process gets on until it has ended; return it as it is then."""
    with Progress(run.flow_name, store, silent=silent, run=run):
        while run.state is None or not run.state.is_final():
            world.sleep(_WATCH_SECONDS)
            run = store.flow_run(run.id)
    return run
