"""One seed, one history, byte for byte: in fresh processes, whatever the hashes of strings are, on a busy machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from headrace.testing import History
from tests.examples import telling

_HASH_SEEDS = ("0", "4294967295")


def test_a_seed_gives_one_history_in_every_process(tmp_path: Path) -> None:
    """Ids, names, moments, jitter, log lines, and the order in which threads do what they do.

    All processes run at once, so each of them has to wait for a processor now and then.
    """
    examples = [*telling.TOLD, "fan_out in processes"]
    processes = {
        (example, hash_seed): tell(example, hash_seed, tmp_path / f"{example}-{hash_seed}")
        for example in examples
        for hash_seed in _HASH_SEEDS
    }
    assert len(processes) > 2 * (os.cpu_count() or 1)
    told = {one: process.communicate()[0] for one, process in processes.items()}
    assert {process.returncode for process in processes.values()} == {0}
    for example in examples:
        first, *others = [told[example, hash_seed] for hash_seed in _HASH_SEEDS]
        history = History.from_json(first)
        assert {run.states[-1].name for run in history} == {"Completed"}, example
        for other in others:
            assert History.from_json(other) == history  # shows what differs
            assert other == first


def tell(example: str, hash_seed: str, folder: Path) -> subprocess.Popen[str]:
    """Let a process of its own print the histories of an example."""
    folder.mkdir()
    program = [sys.executable, telling.__file__, example]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "HEADRACE_LOGGING_LEVEL": "CRITICAL"}
    return subprocess.Popen(program, env=environment, cwd=folder, stdout=subprocess.PIPE, text=True)
