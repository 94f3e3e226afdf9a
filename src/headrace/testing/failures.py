"""What a failed run raised, whether its store kept the exception or only what was said of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from headrace.core.kept import NOT_KEPT
from headrace.core.messages import shown
from headrace.core.states import State, exception_of

_RAISED = re.compile(r"(?:Task|Flow) run encountered an exception: (?P<name>\w+)(?:: (?P<text>.*))?", re.DOTALL)
_EXCEEDED = re.compile(r"(?P<kind>Task|Flow) run exceeded timeout of .*")


@dataclass(frozen=True, slots=True)
class Failure:
    """An exception by the name of its class and its text; `error` is itself where it was kept."""

    name: str
    text: str
    error: BaseException | None

    @classmethod
    def of(cls, state: State) -> Failure:
        """Return what an unsuccessful state tells of its exception."""
        message = state.message or ""
        if state.data is None or state.data is NOT_KEPT:
            if told := _RAISED.fullmatch(message):
                return cls(told["name"], told["text"] or "", None)
            if told := _EXCEEDED.fullmatch(message):
                return cls(f"{told['kind']}RunTimeoutError", message, None)
        error = exception_of(state)
        return cls(type(error).__name__, str(error), error)

    def is_one_of(self, kinds: Iterable[type[BaseException]]) -> bool:
        """Say whether it is of one of these classes; where it was not kept its class's name must be one of theirs."""
        if self.error is not None:
            return isinstance(self.error, tuple(kinds))
        return any(one.__name__ == self.name for kind in kinds for one in _family(kind))

    def __str__(self) -> str:
        return shown(self.error) if self.error is not None else f"{self.name}({self.text!r})"


def _family(kind: type[BaseException]) -> Iterator[type[BaseException]]:
    """Yield a class and all that are derived from it."""
    yield kind
    for derived in kind.__subclasses__():
        yield from _family(derived)
