"""The wordings of what is recorded and logged about a run, each written once.

Users match these with their eyes, their log filters and their tests: a change here is a change of the
interface.
"""

from __future__ import annotations

import signal as signals
import sys
from typing import Literal

from headrace.core.states import State
from headrace.exceptions import CancelRequested, CrashedRun, TerminationSignal, TimeIsUp

Kind = Literal["task", "flow"]

aborted_by_interrupt = "Execution was aborted by an interrupt signal."
aborted_by_exit = "Execution was aborted by Python system exit call."
cancelled_by_runtime = "Execution was cancelled by the runtime environment."
cancelled_by_request = "Execution was cancelled because somebody asked for it."
cancelled_ahead = "Cancelled before it began."
process_is_gone = (
    "The process that ran it is gone: it was killed, perhaps for the memory that it took, or the machine went down."
)
deployment_is_full = "Its deployment may have no more runs at a time."
server_is_gone = "Whoever served its deployment stopped before it began."
not_begun = "flow run ended before it started"


def described(exc: BaseException) -> str:
    """Return the type and message of an exception: ``ValueError: boom``, or ``ValueError`` if it has none."""
    name = type(exc).__name__
    try:
        text = str(exc)
    except Exception as error:  # noqa: BLE001 - a __str__ that fails must not hide the failure it describes
        text = f"<its message can't be shown: {type(error).__name__}>"
    return f"{name}: {text}" if text else name


def shown(exc: BaseException) -> str:
    """Return the repr of an exception, for a log line, whatever the user's class does."""
    try:
        return repr(exc)
    except Exception:  # noqa: BLE001 - as above
        return described(exc)


def in_seconds(seconds: float) -> str:
    """Return ``10 second(s)``: whole where it is whole, to the millisecond elsewhere."""
    if seconds == int(seconds):
        return f"{int(seconds)} second(s)"
    return f"{round(seconds, 3) if seconds >= 0.001 else float(f'{seconds:.3g}')} second(s)"


def encountered(kind: Kind, exc: BaseException) -> str:
    """Say that the user's function raised."""
    return f"{kind.capitalize()} run encountered an exception: {described(exc)}"


def exceeded(kind: Kind, seconds: float) -> str:
    """Say that the user's function took longer than its time-out: ``2.0 second(s)``, as a time-out is a float."""
    told = in_seconds(seconds)
    return f"{kind.capitalize()} run exceeded timeout of {told if '.' in told else told.replace(' ', '.0 ')}"


def returned_failed(kind: Kind, state: State) -> str:
    """Say that the user's function returned a failure."""
    return f"{kind.capitalize()} run returned a failed state: {state}"


def returned_unfinished(kind: Kind, state: State) -> str:
    """Say that the user's function returned a state that is no end, and what to return instead."""
    return (
        f"The {kind} returned the state {state}, which is {state.type}: a run can't end so. "
        "Return a final state (Completed, Failed, Crashed or Cancelled), or a value."
    )


def terminated(signal: int) -> str:
    """Say that the process was asked to terminate, and by which signal if not by SIGTERM."""
    if signal == signals.SIGTERM:
        return "Execution was aborted by a termination signal."
    try:
        name = signals.Signals(signal).name
    except ValueError:
        name = f"signal {signal}"
    return f"Execution was aborted by a termination signal ({name})."


def interrupted(exc: BaseException) -> str:
    """Say that something that is no Exception, and nothing that we know, ended the run."""
    return f"Execution was interrupted by an unexpected exception: {described(exc)}"


def crash_message(exc: BaseException) -> str:
    """Choose among the above what to say of a run that was ended from outside."""
    if isinstance(exc, KeyboardInterrupt):
        return aborted_by_interrupt
    if isinstance(exc, TerminationSignal):
        return terminated(exc.signal)
    if isinstance(exc, CancelRequested):
        return cancelled_by_request
    if isinstance(exc, TimeIsUp):
        return interrupted(exc.error)
    if isinstance(exc, CrashedRun):
        return str(exc)
    if isinstance(exc, SystemExit):
        return aborted_by_exit
    if _is_cancelled_error(exc):
        return cancelled_by_runtime
    return interrupted(exc)


def _is_cancelled_error(exc: BaseException) -> bool:
    # asyncio costs 45 ms to import; where it is not loaded nobody can have raised its CancelledError.
    asyncio = sys.modules.get("asyncio.exceptions")
    return asyncio is not None and isinstance(exc, asyncio.CancelledError)


def _failed_with(kind: Kind, cause: BaseException | State) -> str:
    if isinstance(cause, State):
        return returned_failed(kind, cause)
    return f"{kind.capitalize()} run failed with exception: {shown(cause)}"


def retry(kind: Kind, cause: BaseException | State, n: int, of: int, delay: float) -> str:
    """Say that attempt failed, and when retry `n` (from 1) of `of` will start."""
    when = f"{in_seconds(delay)} from now" if delay > 0 else "immediately"
    return f"{_failed_with(kind, cause)} - Retry {n}/{of} will start {when}"


def given_up(kind: Kind, cause: BaseException | State) -> str:
    """Say that the only attempt has failed."""
    if kind == "flow" and isinstance(cause, BaseException):
        return f"Encountered exception during execution: {shown(cause)}"
    return _failed_with(kind, cause)


def exhausted(kind: Kind, cause: BaseException | State) -> str:
    """Say that the last attempt allowed has failed."""
    return f"{_failed_with(kind, cause)} - Retries are exhausted"


def upstream_not_completed(name: str) -> str:
    """Say why a task run was never begun."""
    return f"Upstream task run '{name}' did not reach a 'COMPLETED' state."
