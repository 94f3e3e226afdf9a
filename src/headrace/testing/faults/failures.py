"""Bodies that fail, and bodies that take longer than they would."""

from __future__ import annotations

from headrace.testing.faults.outcomes import Raises
from headrace.testing.faults.planned import Planned
from headrace.testing.faults.targets import Target


class Failure(Planned):
    """An error that is raised instead of calling a body. `times` counts how often it was."""

    def __init__(self, target: Target, error: BaseException | type[BaseException]) -> None:
        super().__init__()
        self.target = target
        self._outcome = Raises(error)

    def strike(self) -> Raises:
        """Be raised."""
        self.times += 1
        return self._outcome

    def __repr__(self) -> str:
        return f"<failure of {self.target} with {self._outcome.error!r}, raised {self.times} times>"


class Slowness(Planned):
    """Virtual seconds that pass before a body. `times` counts how often they did."""

    def __init__(self, target: Target, seconds: float) -> None:
        super().__init__()
        self.target = target
        self._seconds = seconds

    def strike(self) -> float:
        """Be waited for; return the seconds."""
        self.times += 1
        return self._seconds

    def __repr__(self) -> str:
        return f"<{self._seconds:g} s more for {self.target}, {self.times} times>"
