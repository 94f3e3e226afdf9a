"""Who stands in for which body: the stubs and faults of a simulation, asked at each call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

from headrace.drive.world import World
from headrace.effects import Call
from headrace.runs.context import RunContext
from headrace.testing.faults.failures import Failure, Slowness
from headrace.testing.faults.far import FarBody, the_body, travelling
from headrace.testing.faults.outcomes import Calls, Outcome
from headrace.testing.faults.playing import played
from headrace.testing.faults.processes import Processes
from headrace.testing.faults.strikes import Strikes
from headrace.testing.faults.stubs import Stub
from headrace.testing.faults.targets import Target


class _Aimed(Protocol):
    @property
    def target(self) -> Target: ...


A = TypeVar("A", bound=_Aimed)


class Cast:
    """The stubs and faults that hold now. Of several stubs, or failures, that fit a call the latest counts."""

    def __init__(self, world: World, processes: Processes) -> None:
        self._world = world
        self._processes = processes
        self.stubs: list[Stub] = []
        self.failures: list[Failure] = []
        self.delays: list[Slowness] = []
        self.strikes = Strikes(world)

    def __call__(self, effect: Call) -> Call:
        """Return the call to make for this one. Raises SimulatedCrash where its process is dead."""
        self._processes.check(effect.context)
        part = self._part(effect.context, effect.fn) if effect.body else None
        return effect if part is None else played(effect, part, self._world.clock)

    def far(self, body: FarBody, begins: bool, within: RunContext) -> Any:
        """Be asked by the worker process of a run: whether anything is planned for a body; as it begins, what comes."""
        self._processes.check(within)
        context = body.within(within)
        part = self._part(context, the_body)
        if not begins:
            return part is not None
        seconds, outcome = part.begin() if part is not None else (0.0, Calls(the_body))
        return seconds, travelling(outcome, context)

    def _part(self, context: RunContext, fn: Any) -> _Understudy | None:
        failure = _latest(self.failures, context)
        stub = None if failure is not None else _latest(self.stubs, context)
        delays = [delay for delay in self.delays if delay.target.fits(context)]
        if failure is None and stub is None and not delays:
            return None
        return _Understudy(context, fn, stub, failure, delays, self.strikes)


def _latest(planned: Sequence[A], context: RunContext) -> A | None:
    return next((one for one in reversed(planned) if one.target.fits(context)), None)


class _Understudy:
    """What stands in for one body."""

    def __init__(
        self,
        context: RunContext,
        fn: Any,
        stub: Stub | None,
        failure: Failure | None,
        delays: Sequence[Slowness],
        strikes: Strikes,
    ) -> None:
        self._context, self._fn = context, fn
        self._stub, self._failure, self._delays = stub, failure, delays
        self._strikes = strikes

    def begin(self) -> tuple[float, Outcome]:
        """Be called: what is slow waits, then comes the failure, else the stub, else the body itself."""
        slow = sum(delay.strike() for delay in self._delays)
        if slow:
            self._note(f"{slow:g} s slower")
        if self._failure is not None:
            outcome = self._failure.strike()
            self._note("let fail: ", outcome)
            return slow, outcome
        if self._stub is None:
            return slow, Calls(self._fn)
        return self._stubbed(self._stub, slow)

    def _stubbed(self, stub: Stub, slow: float) -> tuple[float, Outcome]:
        seconds, outcome = stub.begin(self._context, self._fn)
        self._note(f"stubbed, after {seconds:g} s: " if seconds else "stubbed: ", outcome)
        return slow + seconds, outcome

    def _note(self, said: str, outcome: object = "") -> None:
        self._strikes.note(self._context.run, said, outcome)
