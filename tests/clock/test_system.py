"""Waits in real time."""

from __future__ import annotations

import signal
import threading
from typing import Any

import pytest

from headrace.clock import system
from headrace.clock.system import SystemClock


def test_a_signal_that_another_thread_was_given_is_heard_during_a_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """As one that comes just before the wait begins: neither ends the system call that waits."""
    monkeypatch.setattr(system, "UNHEARD_SECONDS", 0.01)
    event = SystemClock().event()

    def heard(signum: int, frame: Any) -> None:
        event.set()

    def take_signal() -> None:
        signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, heard)
    timer = threading.Timer(0.02, take_signal)
    try:
        timer.start()
        assert event.wait(10)
    finally:
        timer.join()
        signal.signal(signal.SIGUSR1, before)


@pytest.mark.parametrize("nap", [0.001, 10])
def test_a_wait_ends_when_its_time_is_over(monkeypatch: pytest.MonkeyPatch, nap: float) -> None:
    """In naps or in one."""
    monkeypatch.setattr(system, "UNHEARD_SECONDS", nap)
    assert not SystemClock().event().wait(0.005)
    assert not SystemClock().event().wait(0)
    assert not SystemClock().event().wait(-1)
