"""Identity, passed in: time-ordered UUIDs (version 7, RFC 9562) from a clock and a seeded random source.

Time-ordered keys make inserts into a B-tree appends; random keys cost three times as much per insert in SQLite.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from random import Random
from typing import NewType
from uuid import UUID, SafeUUID

try:
    from _blake2 import blake2b  # `hashlib` would load OpenSSL, which takes milliseconds
except ImportError:  # another implementation of Python
    from hashlib import blake2b

FlowRunId = NewType("FlowRunId", UUID)
TaskRunId = NewType("TaskRunId", UUID)
FlowId = NewType("FlowId", UUID)

_VERSION_7 = 0x7 << 76
_VARIANT = 0b10 << 62


class IdSource:
    """Make UUIDv7s that strictly increase, whatever the clock does.

    48 bits of milliseconds, 12 bits that count within a millisecond, 62 random bits. When the clock stands still
    the count goes on into the millisecond field, so that order is kept; the price is a stamp that may run ahead.
    """

    def __init__(self, time_ns: Callable[[], int], random: Random) -> None:
        self._time_ns = time_ns
        self._random = random
        self._lock = threading.Lock()
        self._last = 0

    def __call__(self) -> UUID:
        """Return the next id."""
        with self._lock:
            stamp = (self._time_ns() // 1_000_000) << 12
            self._last = stamp = stamp if stamp > self._last else self._last + 1
            noise = self._random.getrandbits(62)
        return _uuid(((stamp >> 12) << 80) | _VERSION_7 | ((stamp & 0xFFF) << 64) | _VARIANT | noise)


def state_id(run_id: UUID, position: int) -> UUID:
    """Return the id of the state at this position of a run's history (version 8: derived, not stored).

    It differs from the run's id in its version and in the count field, so one run's states sort after each other.
    """
    bits = run_id.int ^ (position << 2)
    return _uuid((bits & ~(0xF << 76)) | (0x8 << 76))


def named_id(text: str) -> UUID:
    """Return the id of a name: always the same (version 8, a hash of the text)."""
    bits = int.from_bytes(blake2b(text.encode(), digest_size=16).digest(), "big")
    return _uuid((bits & ~(0xF << 76) & ~(0b11 << 62)) | (0x8 << 76) | _VARIANT)


def _uuid(bits: int) -> UUID:
    """Make a UUID without the checks of its constructor, which take longer than all the rest of a new id."""
    made = _new(UUID)
    _set(made, "int", bits)
    _set(made, "is_safe", _UNKNOWN)
    return made


_new, _set = object.__new__, object.__setattr__
_UNKNOWN = SafeUUID.unknown
