"""`from headrace import flow, task` against bare Python: what everybody pays who starts a script."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from benches.measure import Contestant, Series, Table, interleaved
from benches.processes import run, took
from benches.worlds import folder

FLOOR = "python -c pass"
OVER = "from headrace import flow, task: over bare Python"
#: What headrace needs of the standard library and could hardly do without.
STANDARD = "collections, contextlib, contextvars, datetime, enum, inspect, logging, threading, typing, uuid"
SHOWN = 12


def measure(*, quick: bool = False) -> list[Table]:
    """Measure."""
    with folder() as home:
        contestants: dict[str, Contestant] = {
            FLOOR: lambda: took(["-c", "pass"], home),
            "import what it needs of the library": lambda: took(["-c", f"import {STANDARD}"], home),
            "from headrace import flow, task": lambda: took(["-c", "from headrace import flow, task"], home),
            "import asyncio": lambda: took(["-c", "import asyncio"], home),
        }
        interleaved(contestants, 1)  # write bytecode, fill the disk's cache
        measured = interleaved(contestants, 5 if quick else 21)
        slowest = modules(home, 3 if quick else 7)
    pairs = zip(measured["from headrace import flow, task"], measured[FLOOR], strict=True)
    measured[OVER] = [ours - bare for ours, bare in pairs]
    table = Table("imports", "importing headrace, whole process", "ms", FLOOR).fill(measured, {OVER: (60.0, None)})
    table.notes = [f"{own / 1e3:6.2f} ms  {name}" for name, own in slowest]
    table.notes.insert(0, "the slowest modules, each without what it imports, by -X importtime (which adds to it):")
    return [table]


def modules(home: Path, rounds: int) -> list[tuple[str, float]]:
    """Return the modules that take longest by themselves, in microseconds: of each the best of some rounds."""
    times: dict[str, Series] = defaultdict(list)
    for _ in range(rounds):
        for line in run(["-X", "importtime", "-c", "from headrace import flow, task"], home).printed.splitlines():
            own, _, name = line.removeprefix("import time:").split("|")
            if own.strip().isdigit():
                times[name.strip()].append(float(own))
    best = {name: min(series) for name, series in times.items()}
    return sorted(best.items(), key=lambda item: -item[1])[:SHOWN]
