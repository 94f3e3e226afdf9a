"""Every error that headrace raises, as one tree.

Three families, by who can act::

    HeadraceError
    ├── you called it wrongly
    │   ├── ParameterBindError         (TypeError)     arguments do not fit the signature
    │   ├── ParameterTypeError                         arguments fit, but do not validate
    │   ├── SignatureMismatchError     (TypeError)     parameters by name that a flow does not take
    │   ├── ReservedArgumentError      (TypeError)     a function takes a keyword that is ours
    │   ├── InvalidNameError           (ValueError)    a name with characters that may not be in it
    │   ├── MissingContextError        (RuntimeError)  something that only works inside a run
    │   ├── MappingLengthMismatch                      `map` over iterables of unequal length
    │   ├── MappingMissingIterable                     `map` over nothing
    │   ├── ConfigurationError                         a setting or option that can't be used
    │   ├── ScriptError, MissingFlowError              a file that can't be loaded, or holds no such flow
    │   ├── UnspecifiedFlowError                       a file with several flows, and no word on which
    │   ├── NotRetriable                               a flow run that can't be run again
    │   ├── NotPausedError                             resuming a run that is not paused
    │   ├── ObjectNotFound, ObjectAlreadyExists        an id or name in the store
    │   │   └── VariableExists         (ValueError)    the name of a variable
    │   ├── HashError                  (ValueError)    an argument that no cache key can be made of
    │   ├── FlowVisualizationError                     a flow that can't be drawn
    │   │   ├── VisualizationUnsupportedError          it looks into a result that nobody knows
    │   │   ├── GraphvizImportError    (ImportError)   the package graphviz is missing
    │   │   └── GraphvizExecutableNotFoundError        Graphviz itself is missing
    │   └── SerializationError                         a value that can't be pickled or written
    ├── a run did not end well
    │   ├── FailedRun, CrashedRun, CancelledRun        raised where a state has only a message
    │   ├── PausedRun, UnfinishedRun                   a result asked for too early
    │   ├── UpstreamTaskError                          an input never completed
    │   ├── MissingResult                              completed, but its data was not kept
    │   ├── TaskRunTimeoutError, FlowRunTimeoutError   (TimeoutError)
    │   ├── FlowPauseTimeout
    │   ├── ConcurrencySlotAcquisitionError            a limit that does not exist
    │   └── AcquireConcurrencySlotTimeoutError         (TimeoutError)
    ├── the world failed
    │   └── StoreError                                 the run store can't be used
    │       ├── NotAStore                              the file is something else
    │       ├── StoreLocked                            another process holds it
    │       ├── StoreOutOfReach                        the server does not answer
    │       ├── StoreReadOnly
    │       ├── StoreFull
    │       └── StoreTooNew                            written by a later headrace
    └── a simulation can't go on                       (SimulationError; never taken for a failure of the run)
        ├── DeadlockError                              everybody waits, and there is no deadline
        ├── RunawayError                               time moves without end, and nothing gets done
        ├── StallError                                 a real wait stops everything
        └── StubError                                  a stub has no outcome for a call

Signals that end a run from outside (`TerminationSignal`, `CancelRequested`, `TimeIsUp`, `SimulatedCrash`) are
`BaseException`s, so that ``except Exception`` in user code can't swallow them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

__all__ = [
    "AcquireConcurrencySlotTimeoutError",
    "CancelRequested",
    "CancelledRun",
    "ConcurrencySlotAcquisitionError",
    "ConfigurationError",
    "CrashedRun",
    "DeadlockError",
    "ExternalSignal",
    "FailedRun",
    "FlowPauseTimeout",
    "FlowRunTimeoutError",
    "FlowVisualizationError",
    "GraphvizExecutableNotFoundError",
    "GraphvizImportError",
    "HashError",
    "HeadraceError",
    "InvalidNameError",
    "MappingLengthMismatch",
    "MappingMissingIterable",
    "MissingContextError",
    "MissingFlowError",
    "MissingResult",
    "NotAStore",
    "NotPausedError",
    "NotRetriable",
    "ObjectAlreadyExists",
    "ObjectNotFound",
    "ParameterBindError",
    "ParameterTypeError",
    "PausedRun",
    "ReservedArgumentError",
    "RunawayError",
    "ScriptError",
    "SerializationError",
    "SignatureMismatchError",
    "SimulatedCrash",
    "SimulationError",
    "StallError",
    "StoreError",
    "StoreFull",
    "StoreLocked",
    "StoreOutOfReach",
    "StoreReadOnly",
    "StoreTooNew",
    "StubError",
    "TaskRunTimeoutError",
    "TerminationSignal",
    "TimeIsUp",
    "UnfinishedRun",
    "UnspecifiedFlowError",
    "UpstreamTaskError",
    "VariableExists",
    "VisualizationUnsupportedError",
]


class HeadraceError(Exception):
    """The root of all errors of headrace."""


# --- you called it wrongly -------------------------------------------------------------------------------------


class ParameterBindError(HeadraceError, TypeError):
    """Arguments do not fit the signature of a flow or task. Raised before any run exists."""

    @classmethod
    def from_call(
        cls, name: str, signature: str, args: Sequence[Any], kwargs: Mapping[str, Any], why: str
    ) -> ParameterBindError:
        """Name the function, its signature and what it was given."""
        given = ", ".join([_short(a) for a in args] + [f"{key}={_short(value)}" for key, value in kwargs.items()])
        return cls(f"{name}{signature} can't be called as {name}({given}): {why}")


class ParameterTypeError(HeadraceError):
    """A flow's arguments do not validate against its annotations; one line per error."""


class SignatureMismatchError(HeadraceError, TypeError):
    """Parameters were given by names that a flow does not take."""

    @classmethod
    def from_names(cls, name: str, expected: Iterable[str], given: Iterable[str]) -> SignatureMismatchError:
        """Name the flow, its parameters and those given."""
        return cls(f"The flow {name!r} takes the parameters {list(expected)}, but was given {list(given)}.")


class ReservedArgumentError(HeadraceError, TypeError):
    """A function takes a parameter whose name headrace needs for itself."""


class InvalidNameError(HeadraceError, ValueError):
    """A name holds characters that may not be in it."""


class MissingContextError(HeadraceError, RuntimeError):
    """Something that only works inside a run was used outside one."""


class MappingLengthMismatch(HeadraceError):
    """`Task.map` was given iterables of unequal length."""


class MappingMissingIterable(HeadraceError):
    """`Task.map` was given nothing to iterate over."""


class ConfigurationError(HeadraceError):
    """A setting or option that can't be used as it is."""


class ScriptError(HeadraceError):
    """A file of flows could not be loaded; the cause is attached."""


class MissingFlowError(HeadraceError):
    """A file was loaded, but holds no such flow."""


class UnspecifiedFlowError(HeadraceError):
    """A file holds several flows, and nobody said which is meant."""


class NotPausedError(HeadraceError):
    """A run that is not paused was asked to resume."""


class NotRetriable(HeadraceError):
    """A flow run can't be run again: it has not ended, or its code or its parameters are not known."""


class ObjectNotFound(HeadraceError):
    """Nothing in the store has this id or name."""


class ObjectAlreadyExists(HeadraceError):
    """Something in the store has this id or name already."""


class VariableExists(ObjectAlreadyExists, ValueError):
    """There is a variable of this name already, and nobody said that it is to be overwritten."""


class SerializationError(HeadraceError):
    """A value can't be pickled, or can't be written in the chosen format."""


class HashError(HeadraceError, ValueError):
    """No cache key can be made of a value."""


class FlowVisualizationError(HeadraceError):
    """A flow can't be drawn."""


class VisualizationUnsupportedError(FlowVisualizationError):
    """A flow that is drawn looks into the result of a task, which is not run then."""


class GraphvizImportError(FlowVisualizationError, ImportError):
    """The Python package graphviz is not installed."""


class GraphvizExecutableNotFoundError(FlowVisualizationError):
    """The program ``dot`` of Graphviz is not installed."""


# --- a run did not end well ------------------------------------------------------------------------------------


class FailedRun(HeadraceError):
    """A run failed, and its state carries no exception of its own."""


class CrashedRun(HeadraceError):
    """A run was ended from outside: a signal, an interrupt, a killed process."""


class CancelledRun(HeadraceError):
    """A run was cancelled."""


class PausedRun(HeadraceError):
    """The result of a paused run was asked for."""


class UnfinishedRun(HeadraceError):
    """The result of a run that has not finished was asked for."""


class UpstreamTaskError(HeadraceError):
    """An upstream task run did not reach a COMPLETED state."""


class MissingResult(HeadraceError):
    """A run completed, but its result was not kept."""


class TaskRunTimeoutError(HeadraceError, TimeoutError):
    """A task's function took longer than its `timeout_seconds`."""


class FlowRunTimeoutError(HeadraceError, TimeoutError):
    """A flow's function took longer than its `timeout_seconds`."""


class FlowPauseTimeout(HeadraceError):
    """A paused flow run was not resumed in time."""


class ConcurrencySlotAcquisitionError(HeadraceError):
    """Slots were asked for with `strict=True` from a limit that does not exist."""


class AcquireConcurrencySlotTimeoutError(HeadraceError, TimeoutError):
    """Slots did not become free within `timeout_seconds`."""


# --- the world failed ------------------------------------------------------------------------------------------


class StoreError(HeadraceError):
    """The run store can't be used; nothing already written is lost."""


class NotAStore(StoreError):
    """The file exists, but is not a headrace store."""


class StoreLocked(StoreError):
    """Another process holds the store for longer than we wait."""


class StoreOutOfReach(StoreError):
    """The server that runs are reported to does not answer; what is recorded waits in a spool until it does."""


class StoreReadOnly(StoreError):
    """The store, or the folder it is in, may not be written."""


class StoreFull(StoreError):
    """The disk under the store is full."""


class StoreTooNew(StoreError):
    """The store was written by a later version of headrace."""


# --- signals ---------------------------------------------------------------------------------------------------


class ExternalSignal(BaseException):
    """A request from outside the run to end it."""


class TerminationSignal(ExternalSignal):
    """The process was asked to terminate (SIGTERM)."""

    def __init__(self, signal: int = 15) -> None:
        self.signal = signal
        super().__init__(signal)


class CancelRequested(ExternalSignal):
    """Somebody asked for the flow run with this id to be cancelled."""

    def __init__(self, flow_run_id: UUID | None = None) -> None:
        self.flow_run_id = flow_run_id
        super().__init__(flow_run_id)


class TimeIsUp(ExternalSignal):
    """The time of a run is up: this goes through its function, and `error` is what the run ends with."""

    def __init__(self, error: TimeoutError) -> None:
        self.error = error
        super().__init__(error)


class SimulatedCrash(ExternalSignal):
    """The process of this run died, as its simulation was told: nothing more of it is recorded.

    `flow_run_id` is the id of the outermost run of that process, a flow run or a task run on its own.
    """

    def __init__(self, message: str, flow_run_id: UUID | None = None) -> None:
        self.flow_run_id = flow_run_id
        super().__init__(message)


# --- a simulation can't go on ----------------------------------------------------------------------------------


class SimulationError(HeadraceError):
    """A simulation can't go on. Raised in the test; a run that it passes through is recorded as Crashed, not Failed.

    `participants` says of everybody who takes part: name, what it does or waits for, since when, and where in the code;
    `elapsed` is the virtual time in seconds.
    """

    def __init__(
        self, message: str, participants: Sequence[tuple[str, str, str, str]] = (), elapsed: float = 0.0
    ) -> None:
        self.participants = tuple(participants)
        self.elapsed = elapsed
        super().__init__("\n".join([message, *_table(self.participants, elapsed)]))


class DeadlockError(SimulationError):
    """Everybody waits, and there is no deadline that time could jump to."""


class RunawayError(SimulationError):
    """Time moves on and on, or is asked for again and again, and nothing gets done."""


class StallError(SimulationError):
    """A wait that virtual time does not reach has stopped everything for too long in real time."""


class StubError(SimulationError, AssertionError):
    """A stub was called more often than it has outcomes, or with one that its task can't have."""


def _table(rows: Sequence[tuple[str, str, str, str]], elapsed: float) -> Sequence[str]:
    if not rows:
        return []
    table = [("who", "what", "since", "where"), *rows]
    widths = [max(len(row[column]) for row in table) for column in range(3)]
    lines = ["  ".join([*(row[i].ljust(widths[i]) for i in range(3)), row[3]]).rstrip() for row in table]
    return [f"At {elapsed:g} s of virtual time:", *("  " + line for line in lines)]


def _short(value: object, limit: int = 80) -> str:
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 - a __repr__ that fails must not hide the error that it is to be shown in
        text = f"<a {type(value).__name__} that can't be shown>"
    return text if len(text) <= limit else text[: limit - 1] + "…"
