"""Scheduling task runs for the background: what travels to whoever runs them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from headrace.core import messages, names
from headrace.core.annotations import Annotation, allow_failure, quote
from headrace.core.walk import walk
from headrace.definitions import waited_for
from headrace.drive.world import current_world
from headrace.exceptions import SerializationError
from headrace.futures import DistributedFuture, RunFuture
from headrace.runs import inputs
from headrace.runs.context import CURRENT, RunContext
from headrace.runs.origins import Origins
from headrace.settings import current_settings


class Call(NamedTuple):
    """What a task worker needs to know of a run that the store does not say, or says only for people to read.

    It stands for the run that scheduled this one, which is elsewhere, or over, when this one runs.
    """

    parameters: dict[str, Any]
    wait_for: tuple[Any, ...] = ()
    log_prints: bool = False
    #: The storage and the serializer of the flow run around.
    kept_by: tuple[Any, Any] = (None, None)
    #: Unless the task or the settings say otherwise: whoever waits for the run may be in another process.
    persist_result: bool = True


def queue_of(task: Any) -> str:
    """Return the name of the queue in which runs of a task wait: one for each name and version of a function."""
    return f"{task.name} {task.task_key}"


def schedule(
    task: Any, parameters: dict[str, Any], wait_for: Iterable[Any] | None, dependencies: Mapping[str, Sequence[UUID]]
) -> DistributedFuture[Any]:
    """Record a run of a task as Scheduled, and return its future."""
    world, parent, waits = current_world(), CURRENT.get(), waited_for(wait_for)
    run = task._run(parameters, waits, parent, dependencies)
    if run.flow_run_id is None:
        run.name = names.task_run_name(task.name, run.id)  # there will be many
        run.task_inputs = {**run.task_inputs, **inputs.dependencies(parameters, waits, Origins(), dependencies)}
    call = _call(parent, {name: _carried(value) for name, value in parameters.items()}, waits)
    world.schedule(task, run, queue_of(task), _pickled(task, call))
    return DistributedFuture(run)


def _call(parent: RunContext | None, parameters: dict[str, Any], waits: Iterable[Any]) -> Call:
    left = tuple(_carried(upstream) for upstream in waits)
    elsewhere = tuple(upstream for upstream in left if isinstance(upstream, DistributedFuture))
    if parent is None:
        return Call(parameters, elsewhere, current_settings().logging_log_prints)
    return Call(parameters, elsewhere, parent.log_prints, parent.kept_by)


def _carried(value: Any) -> Any:
    """Return what travels in the place of an argument: futures of this process are replaced by their results."""
    if isinstance(value, quote):
        return value
    if isinstance(value, Annotation):
        settled = _settled_leniently if isinstance(value, allow_failure) else _settled
        return value.rewrap(walk(value.value, settled, unwrap=False))
    return walk(value, _settled, unwrap=False)


def _settling(raise_on_failure: bool) -> Callable[[Any], Any]:
    def settled(leaf: Any) -> Any:
        if isinstance(leaf, RunFuture) and not isinstance(leaf, DistributedFuture):
            return leaf.result(raise_on_failure=raise_on_failure)
        return leaf

    return settled


_settled, _settled_leniently = _settling(True), _settling(False)


def _pickled(task: Any, call: Call) -> bytes:
    from headrace.runners.pickling import dumps  # cloudpickle is slow to import

    try:
        return dumps(call)
    except Exception as error:
        raise SerializationError(
            f"The arguments of {task.name!r} can't be kept for a task worker, because they can't be pickled: "
            f"{messages.described(error)}. Pass what can, such as the path of a file instead of the open file."
        ) from error


def call_of(pickled: bytes) -> Call:
    """Return what was scheduled. Raises whatever its unpickling raises."""
    from headrace.runners.pickling import loads  # as above

    call: Call = loads(pickled)
    return call
