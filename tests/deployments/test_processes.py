"""Serving in a process of its own, on real time."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import os, signal
from headrace import flow

@flow
def often(first: bool = True):
    print("ran", flush=True)
    os.kill(os.getpid(), signal.{signal})

often.serve("d", interval=1, global_limit=1)
print("went on", flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_ends_serving_and_the_script_goes_on(name: str, tmp_path: Path) -> None:
    """After the run that was at work."""
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(signal=name)],
        env={**os.environ, "HEADRACE_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    *ran, last = ended.stdout.splitlines()  # on a busy machine the second run is due before the signal is heard
    assert (set(ran), last) == ({"ran"}, "went on"), ended.stderr
    assert ended.returncode == 0
