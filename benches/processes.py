"""Whole processes as contestants: started, waited for, and their time and memory asked of the system."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryFile
from threading import Timer
from time import perf_counter
from typing import NamedTuple

from benches.measure import CPU


class Ran(NamedTuple):
    """What a process took, and what it printed."""

    took_ms: float
    printed: str


def run(
    arguments: Sequence[str | Path],
    home: Path,
    *,
    python: str = sys.executable,
    folder: Path | None = None,
    seconds: float = 600,
) -> Ran:
    """Run Python with these arguments in `folder`, its settings in `home`, for at most so many seconds.

    Bytecode is written and used, as users have it, whatever our own environment says. Raises RuntimeError where it
    fails, with what it said.
    """
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment |= {"HEADRACE_HOME": str(home), **_for_prefect(home)}
    with TemporaryFile("w+") as out, TemporaryFile("w+") as errors:
        start = _clock()
        process = subprocess.Popen([python, *arguments], cwd=folder, env=environment, stdout=out, stderr=errors)
        late = Timer(seconds, process.kill)  # not wait(timeout), which looks only every 50 ms
        late.start()
        code = process.wait()
        took = _clock() - start
        late.cancel()
        out.seek(0)
        errors.seek(0)
        if code:
            ended = "failed" if code > 0 else f"was ended after {took:.0f} seconds"
            raise RuntimeError(f"python {' '.join(map(str, arguments))} {ended}:\n{out.read()}{errors.read()}")
        return Ran(took * 1e3, out.read() or errors.read())


def _for_prefect(home: Path) -> dict[str, str]:
    """Return what keeps the alternative at home, quiet towards its makers, and patient on a busy machine."""
    return {
        "PREFECT_HOME": str(home),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "60",
        "DO_NOT_TRACK": "1",
    }


def _clock() -> float:
    """Return seconds: that have passed, or, with `--cpu`, that ended children have had of the processors."""
    if CPU not in os.environ:
        return perf_counter()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def took(arguments: Sequence[str | Path], home: Path) -> float:
    """Return how many milliseconds such a process takes."""
    return run(arguments, home).took_ms
