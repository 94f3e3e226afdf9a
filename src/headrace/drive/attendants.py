"""Those who serve: they work off what there is to do, wait for more, and end when they are told to."""

from __future__ import annotations

import sys
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from logging import Logger

from headrace.drive.bells import Bell
from headrace.drive.guards import answer_termination, signals, thread_guard
from headrace.drive.logs import configure
from headrace.drive.sync import wait
from headrace.drive.world import World
from headrace.effects import Promise
from headrace.exceptions import StoreOutOfReach


class Attendant:
    """One who serves, in one thread. The first signal lets it take nothing new; a second one ends what is at work.

    `bell` rings when there may be something to do, or room for it.
    """

    def __init__(self, world: World, bell: Bell, name: str, logger: Logger) -> None:
        self._world, self._bell, self._name, self._logger = world, bell, name, logger
        self._stopping = False

    @abstractmethod
    def announce(self) -> None:
        """Say what is served."""

    @contextmanager
    def open(self) -> Iterator[None]:
        """Have, in the block, what the work needs."""
        yield

    @abstractmethod
    def work(self) -> float | None:
        """Do what there is to do now, and return in how many seconds to look again; None: when the bell rings.

        It may say that nothing is left to be done, by `stop`.
        """

    @abstractmethod
    def at_work(self) -> Sequence[Promise]:
        """Return what was begun and has not ended."""

    @abstractmethod
    def end(self, reason: BaseException) -> None:
        """End what is at work."""

    def leave(self) -> None:
        """Do what is to be done when nothing new is taken, and what is at work has not ended."""

    @abstractmethod
    def awaited(self) -> str:
        """Say what is waited for while there is nothing to do."""

    def run(self, timeout: float | None) -> None:
        """Serve until told to stop, or for so many seconds; then wait for what is at work."""
        guard = thread_guard()
        was_open = guard.shut()  # signals are heard where one waits
        try:
            with self._world.clock.participant(self._name), signals(guard, self._world.clock):
                configure()
                self.announce()
                with self.open():
                    self._serve(timeout)
                    self._finish()
                self._world.logs.flush()
        finally:
            guard.reopen(was_open)

    def stop(self) -> None:
        """Take nothing new. From any thread."""
        self._stopping = True
        self._bell.ring()

    def _serve(self, timeout: float | None) -> None:
        clock = self._world.clock
        deadline = None if timeout is None else clock.monotonic_ns() + int(timeout * 1e9)
        while not self._stopping:
            seen = self._bell.rings
            patience = self._patience_after_work()
            left = None if deadline is None else (deadline - clock.monotonic_ns()) / 1e9
            if self._stopping or (left is not None and left <= 0):
                return
            self._wait(seen, min((seconds for seconds in (patience, left) if seconds is not None), default=None))

    def _patience_after_work(self) -> float | None:
        try:
            return self.work()
        except StoreOutOfReach as error:
            self._logger.warning("%s It is tried again in a second.", error)
            return 1.0

    def _wait(self, seen: int, seconds: float | None) -> None:
        """Wait until there may be something to do; a signal says to stop."""
        event = self._world.clock.event(self.awaited())
        self._bell.when_rung(seen, event.set)
        interrupted = wait(event, seconds, thread_guard())
        self._bell.forget(event.set)
        if interrupted is not None:
            self._told(interrupted.reason)

    def _told(self, reason: BaseException) -> None:
        """Stop because of a signal; a second one ends what is at work."""
        answer_termination(reason)
        if self._stopping:
            self.end(reason)
        self._stopping = True
        number = len(self.at_work())
        if number:
            self._logger.info("Stopping after what is at work (runs: %d); another signal ends that now", number)

    def _finish(self) -> None:
        """Wait for what is at work."""
        self._stopping = True
        self.leave()
        while at_work := self.at_work():
            event = self._world.clock.event(at_work[0].awaited)
            at_work[0].when_done(event.set)
            interrupted = wait(event, None, thread_guard())
            if interrupted is not None:
                self._told(interrupted.reason)
        self._logger.info("Stopped")


async def attended(serve: Callable[[], object], stop: Callable[[], object]) -> None:
    """Serve in a thread, for async code; cancelling it is as good as a signal."""
    import asyncio  # slow to import; only async code comes here

    serving = asyncio.ensure_future(asyncio.to_thread(serve))
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        stop()
        await serving
        raise


def refuse_in_loop() -> None:
    """Raise RuntimeError in async code."""
    asyncio = sys.modules.get("asyncio")  # where it was never loaded no loop runs
    try:
        if asyncio is None or not asyncio.get_running_loop():
            return
    except RuntimeError:
        return
    raise RuntimeError("An event loop runs in this thread, and serving would hold it up: await aserve(...) instead.")
