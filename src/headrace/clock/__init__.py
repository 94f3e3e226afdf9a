"""Time, passed in: the protocol that the engine asks for time, and its two implementations, real and virtual."""

from headrace.clock.protocol import Clock, Event
from headrace.clock.system import SystemClock

__all__ = ["Clock", "Event", "SystemClock"]
