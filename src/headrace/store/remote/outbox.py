"""What is on its way to the server: spools, and who delivers them.

A thread delivers what there is, twenty times a second, and after a failure less and less often. Whoever needs the
server to know all that was recorded so far (a question, the end of the process) delivers in its own thread; only one
does so at a time, so that lines arrive in order.
"""

from __future__ import annotations

import logging
import threading
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING

from headrace.clock import Clock
from headrace.exceptions import StoreError, StoreOutOfReach
from headrace.store.later import Later
from headrace.store.operations import Ingested, Refusal
from headrace.store.remote.paths import PREFIX
from headrace.store.remote.spool import Spool
from headrace.store.remote.transport import NotTaken, Transport

if TYPE_CHECKING:
    from headrace.store import values
else:
    values = Later("headrace.store.values")

_LOGGER = logging.getLogger("headrace.remote")
#: How an answer ends that tells of no refusals; to read others takes modules that a short script starts sooner without.
_NOTHING_REFUSED = b",[]]}"
#: How often to deliver, in seconds; and how long to wait after a failure, at first and at most.
_EVERY, _FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 0.1, 5.0
#: From how many bytes on another file is begun, so that what was delivered can be deleted.
_ROTATE_AT = 8_000_000
#: From how many waiting bytes on whoever records more waits for the server, as long as it answers.
_TOO_MUCH = 8_000_000


def _a_name() -> str:
    return f"{SystemRandom().getrandbits(64):016x}"


class Outbox:
    """The spools of one process. `told` is called with what the server refused."""

    def __init__(
        self,
        folder: Path,
        url: str,
        transport: Callable[[], Transport],
        clock: Clock,
        told: Callable[[Sequence[Refusal]], object],
    ) -> None:
        self._folder, self._url, self._clock, self._told = folder, url, clock, told
        self._open_transport = transport
        self._transport: Transport | None = None
        self._writing, self._delivering = threading.Lock(), threading.RLock()
        self._current: Spool | None = None
        self._spools: list[Spool] = []  # the current one is the last
        self._looked_for_others = False
        #: What the names of this process's spools begin with.
        self.process = _a_name()
        self._rest_until_ns, self._pause, self._trouble, self._has_warned = 0, 0.0, "", False
        self._thread: threading.Thread | None = None
        self._wake, self._closed = threading.Event(), threading.Event()
        self._asleep = False

    # recording -----------------------------------------------------------------------------------------------------

    def append(self, line: str) -> None:
        """Keep a line that is to be delivered; it is safe against a killed process when this returns."""
        with self._writing:
            spool = self._current
            if spool is None or spool.size > _ROTATE_AT:
                spool = self._begin()
            spool.append(line)
        if self._asleep:
            self._wake.set()

    def _begin(self) -> Spool:
        spool = self._current = Spool.new(self._folder, self._url, self.process)
        self._spools = [*self._spools, spool]
        if self._thread is None:
            self._thread = threading.Thread(target=self._deliver_now_and_then, name="headrace-delivery", daemon=True)
            self._thread.start()
        return spool

    def relieve(self) -> None:
        """Wait for the server where much more was recorded than it has taken, as long as it answers."""
        spool = self._current
        if spool is not None and spool.waiting > _TOO_MUCH and not self._trouble:
            with suppress(StoreError):  # it waits in the spool, and the flow goes on
                self.deliver()

    # asking --------------------------------------------------------------------------------------------------------

    def ask(self, question: str, body: bytes) -> bytes:
        """Return the server's answer. Raises StoreOutOfReach at once where it just did not answer."""
        return self._post(f"{PREFIX}/ask/{question}", body)

    @property
    def is_out_of_reach(self) -> bool:
        """Say whether the server did not answer the last time."""
        return bool(self._trouble)

    def _post(self, path: str, body: bytes, *, packed: bool = False) -> bytes:
        if self._clock.monotonic_ns() < self._rest_until_ns:
            raise StoreOutOfReach(self._trouble)
        if self._transport is None:
            self._transport = self._open_transport()
        try:
            answer = self._transport.post(path, body, {"Content-Encoding": "deflate"} if packed else {})
        except StoreOutOfReach as error:
            self._fail(str(error))
            raise
        self._rest_until_ns, self._pause, self._trouble, self._has_warned = 0, 0.0, "", False
        return answer

    def _fail(self, why: str) -> None:
        if self.waiting and not self._has_warned:
            self._has_warned = True
            _LOGGER.warning("%s What is recorded meanwhile waits in %s.", why, self._folder)
        self._trouble = why
        self._pause = min(self._pause * 2 or _FIRST_PAUSE, _LONGEST_PAUSE)
        self._rest_until_ns = self._clock.monotonic_ns() + int(self._pause * 1e9)

    # delivering ----------------------------------------------------------------------------------------------------

    @property
    def waiting(self) -> int:
        """How many bytes have not been delivered."""
        return sum(spool.waiting for spool in self._spools)

    def deliver(self) -> None:
        """Deliver all that is there. Raises StoreError where that can't be; what is left is delivered later."""
        if self._looked_for_others and not self.waiting:
            return
        with self._delivering:
            self._look_for_others()
            for spool in self._spools:
                while lines := spool.read():
                    self._deliver(spool, lines)
                self._forget(spool)

    def knows_all_of(self, process: str) -> bool:
        """Deliver what processes have left behind; say whether nothing of this one waits any more, or with others."""
        self._looked_for_others = False
        try:
            self.deliver()
        except StoreError:
            return False
        return not any(self._folder.glob(f"{process}-*"))

    def _look_for_others(self) -> None:
        """Take over what processes have left behind."""
        if self._looked_for_others:
            return
        found = Spool.left_behind(self._folder, self._url)
        with self._writing:
            self._spools = [*found, *self._spools]
        self._looked_for_others = True

    def _deliver(self, spool: Spool, lines: list[bytes]) -> None:
        """Deliver lines that come next. One that the server does not take at all is given up, and told of."""
        try:
            answer = self._post_lines(spool, lines)
        except NotTaken as error:
            if len(lines) > 1:
                for line in lines:
                    self._deliver(spool, [line])
                return
            _LOGGER.error("A record of %d bytes is lost, for the server does not take it: %s", len(lines[0]), error)
            answer = self._post_lines(spool, [b"null"])
        spool.delivered(lines)
        if not answer.endswith(_NOTHING_REFUSED):
            ingested: Ingested = values.loads(answer)
            self._told(ingested.refusals)

    def _post_lines(self, spool: Spool, lines: list[bytes]) -> bytes:
        path = f"{PREFIX}/spools/{spool.id.hex}?after={spool.line}&until={spool.line + len(lines)}"
        return self._post(path, zlib.compress(b"[" + b",".join(lines) + b"]", 1), packed=True)

    def _forget(self, spool: Spool) -> None:
        """Remove a spool that was delivered, unless something was added to it since that was found."""
        with self._writing:
            if spool is self._current or spool.read():
                return
            self._spools = [other for other in self._spools if other is not spool]
        spool.remove()

    def _deliver_now_and_then(self) -> None:
        while not self._closed.is_set():
            patience: float | None = _EVERY
            try:
                self.deliver()
                self._asleep = True  # first: who appends from here on wakes us
                patience = _EVERY if self.waiting else None
            except StoreOutOfReach:
                patience = max((self._rest_until_ns - self._clock.monotonic_ns()) / 1e9, _FIRST_PAUSE)
            except StoreError as error:
                self._fail(str(error))
                patience = _LONGEST_PAUSE
            if self._wake.wait(patience):
                self._wake.clear()
                self._asleep = False
                self._closed.wait(_EVERY)  # for more that can be delivered together
            self._asleep = False

    # ending --------------------------------------------------------------------------------------------------------

    def close(self) -> int:
        """Deliver what is left, if the server answers, and return how many bytes could not be delivered."""
        self._closed.set()
        self._wake.set()
        self._rest_until_ns, self._looked_for_others = 0, not self._spools  # children may have left something
        try:
            self.deliver()
        except StoreError as error:
            self._trouble = str(error)
        with self._delivering, self._writing:
            left = self.waiting
            for spool in self._spools:
                if spool.waiting:
                    spool.let_go()
                else:
                    spool.remove()
            self._spools, self._current = [], None
        if self._transport is not None:
            self._transport.close()
        return left

    def forget(self) -> None:
        """Leave everything to the process that this one was forked from, and begin anew."""
        for spool in self._spools:
            spool.let_go()
        self._spools, self._current, self._thread, self._transport = [], None, None, None
        self.process = _a_name()
        self._writing, self._delivering = threading.Lock(), threading.RLock()
        self._wake, self._asleep = threading.Event(), False
