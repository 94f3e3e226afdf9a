"""One seed, one history, byte for byte: in fresh processes, whatever the hashes of strings are, on a busy machine."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.testing import History
from tests.examples import telling

#: How many processes do nothing but keep processors busy.
_BUSY = max(2, os.cpu_count() or 1)
_HASH_SEEDS = ("0", "1", "4294967295")
#: Whoever forgets the busy ones: they end by themselves after a minute.
_BUSY_CODE = "import time; end = time.monotonic() + 60\nwhile time.monotonic() < end: pass"


@pytest.fixture(scope="module")
def _load() -> Iterator[None]:
    """Let every thread of the tests wait for a processor now and then."""
    busy = [subprocess.Popen([sys.executable, "-S", "-c", _BUSY_CODE]) for _ in range(_BUSY)]
    yield
    for process in busy:
        process.kill()
        process.wait()


@pytest.mark.usefixtures("_load")
@pytest.mark.parametrize("example", [*telling.TOLD, "fan_out in processes"])
def test_a_seed_gives_one_history_in_every_process(example: str, tmp_path: Path) -> None:
    """Ids, names, moments, jitter, log lines, and the order in which threads do what they do."""
    program = [sys.executable, telling.__file__, example]
    processes = []
    for hash_seed in _HASH_SEEDS:
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "HEADRACE_LOGGING_LEVEL": "CRITICAL"}
        (folder := tmp_path / hash_seed).mkdir()
        processes.append(subprocess.Popen(program, env=environment, cwd=folder, stdout=subprocess.PIPE, text=True))
    first, *others = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes)
    history = History.from_json(first)
    assert {run.states[-1].name for run in history} == {"Completed"}
    for other in others:
        assert History.from_json(other) == history  # shows what differs
        assert other == first
