"""The coroutines of one event loop, as those who take turns see them.

An event loop is one participant, since it runs in one thread, and asyncio calls what is ready in the order in which it
became so. Between its tasks that order is an accident: a task that waits for a socket may go on before another or
after it. So where a schedule chooses, each task of a loop is a *strand*, with a name and steps of its own, and the
schedule is asked which of those that are ready goes on.

What asyncio does promise is kept. A callback runs to its end. Callbacks that are no steps of tasks stay in their order,
and no task gets past one that was in line before it: tasks are only ever late. The task that a loop was begun for goes
by the name of the thread; where no task runs, the loop itself is who waits and goes on, for all of them.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, ref

from headrace.clock.participants import FIRST, Actor
from headrace.clock.tasks import name_of, tells_run

if TYPE_CHECKING:
    from headrace.clock.participants import Participant
    from headrace.clock.turns import Turns

#: What a task's handle calls, by the name of its type, or by its own.
_STEPS = frozenset({"TaskStepMethWrapper", "TaskWakeupMethWrapper"})
_WAKE_UPS = frozenset({"task_wakeup", "__step", "__wakeup", "_Task__step", "_Task__wakeup"})
#: How far down the line is looked at each choice: a thousand tasks would else take a million looks.
_FAR = 100


class Strand(Actor):
    """A task of an event loop. One that `is_run` is a call of a flow or task, and takes the name of the run."""

    __slots__ = ("__weakref__",)

    def __init__(self, name: str, is_run: bool) -> None:
        super().__init__(name)
        self.subject = FIRST if is_run else None


class Line(deque[asyncio.Handle]):
    """The callbacks of an event loop that are ready, of which a schedule chooses among tasks."""

    def __init__(self, loop: asyncio.AbstractEventLoop, turns: Turns, ready: Iterable[asyncio.Handle] = ()) -> None:
        super().__init__(ready)
        self._loop = loop
        self._turns = turns
        self._strands: WeakKeyDictionary[asyncio.Task[Any], Strand] = WeakKeyDictionary()
        self._main: ref[asyncio.Task[Any]] | None = None
        self._chosen: Actor | None = None
        self._itself = Actor("")
        self._of: tuple[Participant, str] | None = None
        running = asyncio.current_task(loop)
        if running is not None:
            self._main = ref(running)

    def popleft(self) -> asyncio.Handle:
        """Take what is called next; others may take their turn before."""
        here = self._turns.here()
        if here is None or _task_of(self[0]) is None:
            return super().popleft()
        self._belongs_to(here)
        chosen, self._chosen = self._chosen, None
        if chosen is None:
            chosen = self._turns.choose(lambda: list(self.ready(here)))
        place = self.ready(here)[chosen]
        first = next((i for i, handle in enumerate(islice(self, place)) if _task_of(handle) is None), place)
        if first != place:
            self._chosen = chosen  # a callback was in line before it
        else:
            self._turns.count(chosen, "goes on")
        handle = self[first]
        del self[first]
        return handle

    def _belongs_to(self, here: Participant) -> None:
        """Take the name of the thread that runs this loop; it may be another than before, or at something else."""
        here.line = self
        if self._of != (here, here.name):
            self._of = here, here.name
            self._itself = Actor(self._turns.unique(f"loop of {here.name}"))

    def ready(self, here: Participant) -> dict[Actor, int]:
        """Return the tasks that could go on, in order, and where in the line each of them stands."""
        places: dict[Actor, int] = {}
        for place, handle in enumerate(tuple(islice(self, _FAR))):  # a signal may call in meanwhile
            task = _task_of(handle)
            if task is not None:
                places.setdefault(self._strand_of(task, here), place)
        return places

    def _strand_of(self, task: asyncio.Task[Any], here: Participant) -> Actor:
        strand = self._strands.get(task)
        if strand is not None:
            return strand
        main = self._main() if self._main is not None else None
        if main is None or main.done():
            self._main, main = ref(task), task
        if main is task:
            return here
        strand = self._strands[task] = Strand(self._turns.unique(name_of(task)), tells_run(task))
        return strand

    def acting(self, here: Participant) -> Actor:
        """Return who runs in this loop: one of its tasks, else itself; the thread, where the loop does not run."""
        if not self._loop.is_running():
            return here
        task = asyncio.current_task(self._loop)
        return self._itself if task is None else self._strands.get(task, here)

    def let_go_first(self, chosen: Actor) -> None:
        """Let this task be the next, when the one that runs lets go."""
        self._chosen = chosen


async def pause(turns: Turns) -> None:
    """Let the schedule choose whether this task goes on to its next step, or another of its loop goes first."""
    here = turns.here()
    line = here.line if here is not None else None
    if here is None or not isinstance(line, Line):
        return
    others = list(line.ready(here))
    chosen = turns.prefer([line.acting(here), *others])
    if chosen == 0:
        return
    line.let_go_first(others[chosen - 1])
    try:
        await asyncio.sleep(0)
    except asyncio.CancelledError as error:
        # It came while a task that asks for nothing looks as if it waited: it is told where it does wait.
        task = asyncio.current_task()
        assert task is not None, "what is cancelled is a task"
        task.uncancel()
        task.cancel(*error.args)


def _task_of(handle: asyncio.Handle) -> asyncio.Task[Any] | None:
    """Return the task that a handle lets go on; None for any other callback."""
    callback = handle._callback  # type: ignore[attr-defined]
    task = getattr(callback, "__self__", None)
    if not isinstance(task, asyncio.Task):
        return None
    is_step = type(callback).__name__ in _STEPS or getattr(callback, "__name__", "") in _WAKE_UPS
    return task if is_step else None
