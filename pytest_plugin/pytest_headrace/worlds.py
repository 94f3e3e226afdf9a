"""Which world runs live in: one for each test, one for everything else of the test session.

The world is put in the place of the process's own, not into a context variable: threads that were begun without a
context, event loops that outlive a test, and fixtures of any scope all end up in the same place.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING

from .noticing import Notice

if TYPE_CHECKING:
    from headrace.testing.isolation import IsolatedWorld
    from headrace.testing.scenes import Scene
    from headrace.testing.simulated import Simulated

#: How many simulations of one test are kept for its report: a property test has hundreds.
_MOST = 8
_WATCHED = "headrace.drive.world"


class Scope:
    """A stretch of the test session with a store of its own. `world` is None until headrace has been imported."""

    def __init__(self, name: str, seed: int, store: str = "memory") -> None:
        self.name = name
        self.seed = seed
        self.store = store
        self.world: IsolatedWorld | None = None
        #: The simulations that have ended in it, the last few: those that ended well, and those that did not.
        self.ended: deque[Scene] = deque(maxlen=_MOST)
        self.failed: deque[Scene] = deque(maxlen=_MOST)


class Worlds:
    """The scopes that are open, the innermost last; the process lives in the world of that."""

    def __init__(self, session: Scope) -> None:
        self._session = session
        self._scopes = [session]
        self._notice = Notice(_WATCHED, self._take_over)
        self._isolation: ModuleType | None = None
        self._forget_endings: Callable[[], object] = lambda: None
        self._told: list[Callable[[], object]] = []

    def open(self) -> None:
        """Isolate the process, now or as soon as it imports headrace."""
        self._notice.install()
        if _WATCHED in sys.modules:
            self._take_over()

    def close(self) -> None:
        """Give the process its own world back."""
        self._notice.remove()
        if self._isolation is not None:
            self._isolation.give_back()
            self._forget_endings()
            self._end(self._session)

    def tell(self, then: Callable[[], object]) -> None:
        """Call `then` as soon as headrace is there, and again where it is imported anew."""
        self._told.append(then)
        if self._isolation is not None:
            then()

    def open_worlds(self) -> list[IsolatedWorld]:
        """Return the worlds in which something may have run, and that have not ended yet."""
        return [scope.world for scope in self._scopes if scope.world is not None and scope.world.has_open_store]

    @property
    def current(self) -> Scope:
        """The innermost scope."""
        return self._scopes[-1]

    def enter(self, scope: Scope) -> None:
        """Live in a scope."""
        self._scopes.append(scope)
        self._show()

    def leave(self, scope: Scope) -> None:
        """Live in the scope around this one again, and close what is left of it."""
        self._scopes.remove(scope)
        self._show()
        self._end(scope)

    def enter_session(self) -> None:
        """Live in the session's scope, over a test's, for what outlives the test."""
        self._scopes.append(self._session)
        self._show()

    def leave_session(self) -> None:
        """Live in the test's scope again."""
        if len(self._scopes) > 1:
            self._scopes.pop()
        self._show()

    def _take_over(self) -> None:
        import headrace.testing.isolation as isolation  # headrace has just been imported by somebody else

        if self._isolation is not isolation:  # None, or a module that an inner pytest's clean-up has dropped
            self._isolation = isolation
            for scope in self._scopes:
                scope.world = None
            for then in self._told:
                then()
        isolation.take_over()
        self._hear_of_endings()
        self._show()

    def _hear_of_endings(self) -> None:
        from headrace.testing import endings

        self._forget_endings()
        endings.LISTENERS.append(self._ended)
        self._forget_endings = lambda: endings.LISTENERS.remove(self._ended)

    def _ended(self, simulation: Simulated, error: BaseException | None) -> None:
        """Keep what is needed to tell of a simulation that ends."""
        from headrace.testing.scenes import scene_of

        scenes = self.current.ended if error is None else self.current.failed
        scenes.append(scene_of(simulation, error))

    def _show(self) -> None:
        if self._isolation is not None:
            scope = self.current
            scope.world = scope.world or self._isolation.new_world(scope.seed, scope.store)
            self._isolation.live_in(scope.world)

    def _end(self, scope: Scope) -> None:
        if self._isolation is not None and scope.world is not None:
            self._isolation.end(scope.world)
            scope.world = None
