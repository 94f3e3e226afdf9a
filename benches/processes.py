"""Whole processes as contestants: started, waited for, and their time and memory asked of the system."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryFile
from time import perf_counter
from typing import NamedTuple


class Ran(NamedTuple):
    """What a process took, and what it printed."""

    wall_ms: float
    cpu_ms: float
    printed: str


def run(arguments: Sequence[str | Path], home: Path, *, python: str = sys.executable, seconds: float = 600) -> Ran:
    """Run Python with these arguments, its settings in `home`; raises RuntimeError where it fails, with what it said.

    Bytecode is written and used, as users have it, whatever our own environment says.
    """
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment |= {"HEADRACE_HOME": str(home), "PREFECT_HOME": str(home)}
    with TemporaryFile("w+") as out, TemporaryFile("w+") as errors:
        before, start = os.times(), perf_counter()
        try:
            code = subprocess.run(
                [python, *arguments], env=environment, stdout=out, stderr=errors, timeout=seconds, check=False
            ).returncode
        except subprocess.TimeoutExpired:
            raise RuntimeError(f"python {arguments[0]} did not end within {seconds:g} seconds") from None
        took, after = perf_counter() - start, os.times()
        out.seek(0)
        errors.seek(0)
        if code:
            raise RuntimeError(f"python {' '.join(map(str, arguments))} failed:\n{errors.read()}")
        cpu = after.children_user + after.children_system - before.children_user - before.children_system
        return Ran(took * 1e3, cpu * 1e3, out.read() or errors.read())


def wall(arguments: Sequence[str | Path], home: Path) -> float:
    """Return how many milliseconds such a process takes."""
    return run(arguments, home).wall_ms
