"""Beginning anew, in an SQL database, whichever it is."""

from __future__ import annotations

from headrace.store.link import Execute, Link

#: What holds something of users'. Names of states, flows, tasks and loggers stay: other processes remember their
#: numbers. So does how much is known of the spools of others, which go on where they were.
_TABLES = (
    *("artifact", "variable", "log", "delayed", "ticket", "concurrency_limit"),
    *("task_run_state", "task_run", "flow_run_state", "flow_run"),
)


class ErasableTables:
    """The part of a store that forgets everything. See `OwnStore`."""

    _link: Link

    def erase(self) -> None:
        """Remove all that is kept, in one transaction."""
        self._link.write(_erase)


def _erase(execute: Execute) -> None:
    for table in _TABLES:
        execute(f"DELETE FROM {table}")
