"""The numbers of names that the database holds once: of states, flows, tasks and loggers."""

from __future__ import annotations

from headrace.core.records import FlowRun, TaskRun
from headrace.core.state_types import StateType
from headrace.core.states import State
from headrace.store import statements as sql
from headrace.store.link import Execute

#: Names are made up by users, so what is remembered of them is bounded.
_MOST = 10_000


class Names:
    """What this process remembers of the numbers; to be forgotten when a transaction is rolled back."""

    def __init__(self, apart: Execute | None = None) -> None:
        """Give new names their numbers `apart`, each in a transaction of its own, where there is more than one writer.

        Else a name that this process knows might never be seen by others: its transaction may be rolled back.
        """
        self._apart = apart
        self._states: dict[str, tuple[StateType, int]] = {}
        self._others: dict[tuple[object, ...], int] = {}

    def forget(self) -> None:
        """Know nothing any more."""
        self._states.clear()
        self._others.clear()

    def state(self, execute: Execute, state: State) -> int:
        """Return the number of a state's type and name."""
        # By name alone, for hashing an enum member costs more than all the rest; names seldom have two types.
        known = self._states.get(state.name)
        if known is not None and known[0] is state.type:
            return known[1]
        seq = _number(self._apart or execute, sql.STATE_SEQ, sql.ADD_STATE, (str(state.type), state.name))
        self._make_room(len(self._states))
        self._states[state.name] = (state.type, seq)
        return seq

    def flow(self, execute: Execute, run: FlowRun) -> int:
        """Return the number of a run's flow."""
        return self._other(execute, sql.FLOW_SEQ, sql.ADD_FLOW, (run.flow_id.bytes, run.flow_name))

    def task(self, execute: Execute, run: TaskRun) -> int:
        """Return the number of a run's task."""
        return self._other(execute, sql.TASK_SEQ, sql.ADD_TASK, (run.task_key, run.task_name))

    def logger(self, execute: Execute, name: str) -> int:
        """Return the number of a logger."""
        return self._other(execute, sql.LOGGER_SEQ, sql.ADD_LOGGER, (name,))

    def _other(self, execute: Execute, find: str, add: str, names: tuple[bytes | str, ...]) -> int:
        key = (find, *names)
        seq = self._others.get(key)
        if seq is None:
            self._make_room(len(self._others))
            seq = self._others[key] = _number(self._apart or execute, find, add, names)
        return seq

    def _make_room(self, known: int) -> None:
        if known >= _MOST:
            self.forget()


def _number(execute: Execute, find: str, add: str, names: tuple[bytes | str, ...]) -> int:
    """Return the number of some names, giving them one where they have none."""
    row = execute(find, names).fetchone()
    if row is None:
        execute(add, names)
        row = execute(find, names).fetchone()
    seq: int = row[0]
    return seq
