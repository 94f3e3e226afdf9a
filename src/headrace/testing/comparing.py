"""Lists that know the run they were read from, so that a failed comparison can explain itself."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Protocol, TypeVar

from headrace.core.state_types import TYPE_OF_NAME, StateType

if TYPE_CHECKING:
    from headrace.testing.patterns import Match, Pattern

T = TypeVar("T")


class Drawn(Protocol):
    """A run that can be shown; see `RunView`."""

    @property
    def timeline(self) -> str:
        """The run's timeline."""


class ListOfRun(list[T]):
    """A list in every way, with `run`, the run it was read from, and `what` it holds."""

    def __init__(self, items: Iterable[T], run: Drawn, what: str) -> None:
        super().__init__(items)
        self.run = run
        self.what = what


class StatesOfRun(ListOfRun[str]):
    """The states that a run went through, by name or by type."""

    def match(self, pattern: str | Pattern) -> Match:
        """Say whether the states, from first to last, fit a pattern: ``Pending Running (AwaitingRetry Retrying){2} .``.

        ``( ) | * + ? {2} {1,3}`` are those of regular expressions, over whole names; ``.`` is any state. The answer is
        true or false, and says how far the states fitted. Raises UnknownStateName for a name that is neither one of
        headrace's nor of this run's states, unless it stands in quotation marks; ValueError for what is no pattern.
        """
        from headrace.testing.patterns import Pattern  # most tests compare with lists

        read = pattern if isinstance(pattern, Pattern) else Pattern(pattern)
        read.check({*map(str, self), *self._known})
        return read.match(map(str, self))

    @property
    def _known(self) -> Collection[str]:
        return [type_.value for type_ in StateType] if self.what == "state_types" else TYPE_OF_NAME
