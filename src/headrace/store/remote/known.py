"""What this process knows of the runs that it records: how long their histories are, and in which states they are.

So whether a run may go on as it wants to is known without asking the server. Of runs that have ended the last few
thousand are remembered.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple
from uuid import UUID

from headrace.core.kept import NOT_KEPT
from headrace.core.state_types import TERMINAL
from headrace.core.states import State
from headrace.store.wanted import RunKind

_MOST_ENDED = 4096


class Standing(NamedTuple):
    """Where a run stands. `surprising`: the server refused what the run believes, and who moves it is to be told."""

    kind: RunKind
    length: int
    state: State
    surprising: bool = False


class Known:
    """The runs that this process records, by id. Whoever uses it has a lock."""

    def __init__(self) -> None:
        self._going_on: dict[UUID, Standing] = {}
        self._ended: OrderedDict[UUID, Standing] = OrderedDict()

    def get(self, run_id: UUID) -> Standing | None:
        """Return where a run stands; None where that is not known."""
        return self._going_on.get(run_id) or self._ended.get(run_id)

    def put(self, run_id: UUID, kind: RunKind, length: int, state: State, *, surprising: bool = False) -> None:
        """Take note of where a run stands now."""
        if state.type not in TERMINAL:
            self._going_on[run_id] = Standing(kind, length, state, surprising)
            return
        self._going_on.pop(run_id, None)
        if state.data is not None:  # a result, which would live as long as we remember
            state = state.replace(data=NOT_KEPT if state.is_completed() else None)
        self._ended[run_id] = Standing(kind, length, state, surprising)
        if len(self._ended) > _MOST_ENDED:
            self._ended.popitem(last=False)

    def drop(self, run_id: UUID) -> None:
        """Know nothing more of a run."""
        self._going_on.pop(run_id, None)
        self._ended.pop(run_id, None)

    def drop_inside(self, flow_run_id: UUID) -> None:
        """Know nothing more of the task runs of a flow run."""
        for runs in (self._going_on, self._ended):
            for run_id, one in list(runs.items()):
                if one.kind == "task" and one.state.state_details.flow_run_id == flow_run_id:
                    del runs[run_id]
