"""Measuring side by side, and showing what came out.

A shared machine is fast now and slow a second later. So contestants take turns, in an order that is turned round each
time, and a ratio is the median of the ratios within each round, never a ratio of figures from different moments.
"""

from __future__ import annotations

import gc
import os
import platform
import sqlite3
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter, process_time
from typing import Any

#: Returns one measurement, in the unit of its table.
Contestant = Callable[[], float]

Series = list[float]

#: Set in the environment, so that processes that we start know it too: measure processor time.
CPU = "BENCHES_CPU"


def clock() -> float:
    """Return seconds: that have passed, or, with `--cpu`, that this process has had of the processors."""
    return process_time() if CPU in os.environ else perf_counter()


def interleaved(contestants: Mapping[str, Contestant], rounds: int) -> dict[str, Series]:
    """Let the contestants take turns for so many rounds; return what each measured, round by round."""
    measured: dict[str, Series] = {label: [] for label in contestants}
    for number in range(rounds):
        turns = list(contestants.items())
        for label, contestant in turns if number % 2 == 0 else reversed(turns):
            gc.collect()
            measured[label].append(contestant())
    return measured


@dataclass(frozen=True)
class Row:
    """One line of a table. `goal` is in the table's unit, `ratio_goal` in floors; both are upper bounds."""

    label: str
    series: Sequence[float]
    floor: Sequence[float] | None
    goal: float | None = None
    ratio_goal: float | None = None

    @property
    def ratio(self) -> float | None:
        """How many floors this is, as the median of the rounds; None where there is no floor to compare with."""
        if not self.floor:
            return None
        return median(mine / floor for mine, floor in zip(self.series, self.floor, strict=True) if floor)

    @property
    def met(self) -> bool | None:
        """Whether all goals are met; None where there is none."""
        if self.goal is None and self.ratio_goal is None:
            return None
        within = self.goal is None or median(self.series) < self.goal
        return within and (self.ratio_goal is None or (self.ratio or 0) < self.ratio_goal)

    def as_json(self) -> dict[str, Any]:
        """Return the line as plain data."""
        return {
            "label": self.label,
            "median": round(median(self.series), 3),
            "low": round(min(self.series), 3),
            "high": round(max(self.series), 3),
            "rounds": len(self.series),
            "ratio": None if self.ratio is None else round(self.ratio, 3),
            "goal": self.goal,
            "ratio_goal": self.ratio_goal,
            "met": self.met,
        }


@dataclass
class Table:
    """What a benchmark found. `floor` names the row that the others are compared with."""

    name: str
    title: str
    unit: str
    floor: str
    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def fill(self, measured: Mapping[str, Series], goals: Mapping[str, tuple[float | None, float | None]]) -> Table:
        """Add a row for each contestant; `goals` are (in units, in floors), by label."""
        floor = measured.get(self.floor)
        for label, series in measured.items():
            goal, ratio_goal = goals.get(label, (None, None))
            self.rows.append(Row(label, series, floor, goal, ratio_goal))
        return self

    def as_json(self) -> dict[str, Any]:
        """Return the table as plain data."""
        return {
            "name": self.name,
            "title": self.title,
            "unit": self.unit,
            "floor": self.floor,
            "rows": [row.as_json() for row in self.rows],
            "notes": self.notes,
        }

    def __str__(self) -> str:
        if not self.rows:
            return "\n  ".join([f"{self.name}: {self.title}", *self.notes])
        width = max(len(row.label) for row in self.rows)
        head = f"{'':{width}}  {'median':>9}  {'low':>8}  {'high':>8}  {'x floor':>7}  {'goal':>13}"
        lines = [f"{self.name}: {self.title} [{self.unit}]", head]
        lines += [self._line(row, width) for row in self.rows]
        return "\n".join(lines + [f"  {note}" for note in self.notes])

    def _line(self, row: Row, width: int) -> str:
        ratio = "floor" if row.label == self.floor else "" if row.ratio is None else f"{row.ratio:.2f}"
        goals = [f"{row.goal:g}" if row.goal is not None else "", f"{row.ratio_goal:g}x" if row.ratio_goal else ""]
        wanted = " and ".join(filter(None, goals))
        verdict = {None: "", True: "  met", False: "  MISSED"}[row.met]
        figures = "  ".join(f"{shown(value):>8}" for value in (min(row.series), max(row.series)))
        return f"{row.label:{width}}  {shown(median(row.series)):>9}  {figures}  {ratio:>7}  {wanted:>13}{verdict}"


def shown(value: float) -> str:
    """Return a figure with about three digits."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def machine() -> dict[str, Any]:
    """Return what a figure depends on: versions, processors, and how busy the machine is right now."""
    return {
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "system": f"{platform.system()} {platform.machine()}",
        "processors": os.cpu_count(),
        "load": [round(load, 2) for load in os.getloadavg()] if hasattr(os, "getloadavg") else [],
        "optimised": bool(sys.flags.optimize),
        "measured": "processor time" if CPU in os.environ else "elapsed time",
    }


def header() -> str:
    """Return the same in one line."""
    facts = machine()
    load = " ".join(map(str, facts["load"]))
    return (
        f"Python {facts['python']}, SQLite {facts['sqlite']}, {facts['system']}, {facts['processors']} processors; "
        f"load {load} (1, 5, 15 minutes); {facts['measured']}"
    )
