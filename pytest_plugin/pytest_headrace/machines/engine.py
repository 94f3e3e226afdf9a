"""Any sequence of what can be done with flows and tasks keeps what holds for every run."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from contextlib import ExitStack, suppress
from typing import Any, ClassVar
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, precondition, rule

from headrace import Flow, Task, flow, get_client, runtime
from headrace.exceptions import ObjectNotFound
from headrace.states import State
from headrace.task_runners import ThreadPoolTaskRunner
from headrace.testing import RunView, assert_lawful, simulate
from pytest_headrace.strategies import Outcome, Policy, Script, outcomes, parameters, retry_policies

#: Tags of the machine's own tasks, and names of limits.
_TAGS = ("db", "api")


class EngineMachine(RuleBasedStateMachine):
    """Call, submit and map tasks, retry and cancel runs, change limits, let time pass; and look at every run.

    Each machine lives in a simulation of its own. It makes tasks of scripts and retry policies; to have
    yours called as well, with whatever their annotations allow, set `flows` and `tasks` in a subclass, and add rules.
    After each step every run must be lawful (see `headrace.testing.assert_lawful`), must have ended, and must not
    have gone on since it had ended, and nobody may hold slots.

    `simulation` is that world, and `runs` finds its runs.
    """

    flows: ClassVar[Sequence[Flow[..., Any]]] = ()
    tasks: ClassVar[Sequence[Task[..., Any]]] = ()

    scripted = Bundle("scripted")

    def __init__(self) -> None:
        super().__init__()
        self._open = ExitStack()
        self.simulation = self._open.enter_context(simulate())
        self.runs = self.simulation.runs
        self._ended: dict[UUID, list[str]] = {}

    def teardown(self) -> None:
        """Leave the world."""
        self._open.close()
        super().teardown()

    @initialize(target=scripted, tag=st.sampled_from(_TAGS), slots=st.integers(1, 2), succeeds=st.booleans())
    def begin(self, tag: str, slots: int, succeeds: bool) -> Any:
        """Have two tasks to begin with, which get into each other's way where a limit is on them."""
        self.limit_tag(tag, slots)
        ends = Outcome.returns(1, takes=10) if succeeds else Outcome.raises(ConnectionError, takes=10)
        return multiple(
            Script((ends,)).as_task("limited", tags={tag}, retries=1),
            Script((Outcome.raises(ConnectionError), ends)).as_task("second try", retries=1, retry_delay_seconds=60),
        )

    # tasks and flows ---------------------------------------------------------------------------------------------

    @rule(
        target=scripted,
        script=outcomes(max_attempts=3),
        policy=retry_policies(max_retries=3),
        tags=st.frozensets(st.sampled_from(_TAGS)),
        timeout_seconds=st.none() | st.sampled_from([1, 60]),
        asynchronous=st.booleans(),
    )
    def make_task(
        self, script: Script, policy: Policy, tags: frozenset[str], timeout_seconds: float | None, asynchronous: bool
    ) -> Task[..., Any]:
        """Make a task that does what a script says."""
        made = script.as_task(tags=tags, timeout_seconds=timeout_seconds, asynchronous=asynchronous)
        return policy.apply(made)

    @rule(made=scripted)
    def call(self, made: Task[..., Any]) -> None:
        """Call a task by itself."""
        self._finish(made)

    @rule(
        made=st.lists(scripted, min_size=1, max_size=3),
        how=st.sampled_from(["submit", "map", "call"]),
        policy=retry_policies(max_retries=1, of="flow"),
        workers=st.none() | st.integers(1, 2),
        fails=st.booleans(),
        cancelled_after=st.none() | st.sampled_from([0, 30]),
    )
    def run_flow(
        self,
        made: list[Task[..., Any]],
        how: str,
        policy: Policy,
        workers: int | None,
        fails: bool,
        cancelled_after: float | None,
    ) -> None:
        """Run a flow that runs tasks, and that may fail, be tried again, or be cancelled while it is at work."""

        @flow(task_runner=ThreadPoolTaskRunner(max_workers=workers))
        def several() -> Any:
            futures = [_begun(one, how) for one in made]
            if cancelled_after is not None:
                self.simulation.clock.sleep(cancelled_after)
                get_client(sync_client=True).cancel_flow_run(runtime.flow_run.id)
            if fails:
                raise ConnectionError("the flow itself")
            return futures

        self._finish(policy.apply(several))

    @precondition(lambda self: self.flows or self.tasks)
    @rule(data=st.data())
    def run_own(self, data: st.DataObject) -> None:
        """Run one of the flows and tasks that the subclass names."""
        own: list[Flow[..., Any] | Task[..., Any]] = [*self.flows, *self.tasks]
        definition = data.draw(st.sampled_from(own))
        self._finish(definition, **data.draw(parameters(definition)))

    # from outside ------------------------------------------------------------------------------------------------

    @rule(seconds=st.integers(0, 7200))
    def let_time_pass(self, seconds: int) -> None:
        """Nothing is at work; so nothing may happen."""
        self.simulation.advance(seconds)

    @precondition(lambda self: self.runs.flows())
    @rule(data=st.data())
    def cancel_what_has_ended(self, data: st.DataObject) -> None:
        """Ask for a flow run to be cancelled that has ended: it stays as it is."""
        run = data.draw(st.sampled_from(self.runs.flows()))
        before = run.state
        assert get_client(sync_client=True).cancel_flow_run(run.id) == before

    @rule(tag=st.sampled_from(_TAGS), slots=st.integers(1, 3))
    def limit_tag(self, tag: str, slots: int) -> None:
        """Let so many task runs with a tag run at once."""
        get_client(sync_client=True).create_concurrency_limit(tag, slots)

    @rule(tag=st.sampled_from(_TAGS))
    def lift_limit(self, tag: str) -> None:
        """Take a limit away, where there is one."""
        with suppress(ObjectNotFound):
            get_client(sync_client=True).delete_concurrency_limit_by_tag(tag)

    # what holds --------------------------------------------------------------------------------------------------

    @invariant()
    def every_run_is_lawful(self) -> None:
        """Its history follows the table of transitions, and its counts follow from its history."""
        for run in self.runs.all():
            assert_lawful(run)

    @invariant()
    def every_run_has_ended_for_good(self) -> None:
        """Nothing is at work between two steps, so no run goes on; and none that had ended has gone on since."""
        for run in self.runs.all():
            states = list(run.states)
            assert _has_ended(run), f"{run} was left {states[-1]}\n{run.timeline}"
            before = self._ended.setdefault(run.id, states)
            assert states == before, f"{run} had ended, and went on\n{run.timeline}"

    @invariant()
    def nobody_holds_slots(self) -> None:
        """A run gives back the slots that it took, however it ends."""
        for limit in get_client(sync_client=True).read_concurrency_limits():
            assert limit.active_slots == 0, f"{limit.active_slots} slots of {limit.name} are still taken"

    def _finish(self, definition: Flow[..., Any] | Task[..., Any], **arguments: Any) -> None:
        """Call a flow or task and wait for its end, whatever that is."""
        called = definition(**arguments, return_state=True)
        state = asyncio.run(_awaited(called)) if definition.isasync else called
        assert state.is_final() or state.is_pending(), f"the call returned {state}"


async def _awaited(called: Awaitable[State]) -> State:
    return await called


def _begun(definition: Task[..., Any], how: str) -> Any:
    if how == "map":
        return definition.map([1, 2])
    if how == "call" and not definition.isasync:
        return definition(return_state=True)
    return definition.submit()


def _has_ended(run: RunView) -> bool:
    state = run.state
    return state is not None and (state.is_final() or state.name == "NotReady")
