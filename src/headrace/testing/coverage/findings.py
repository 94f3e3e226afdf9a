"""The sum of what a session reached: plain values, so that processes can send theirs and one can add them up."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from headrace.testing.coverage.arcs import Arc
from headrace.testing.coverage.subjects import Subject

#: Of the JSON report, and of what processes send: raised when what stands in it changes its meaning.
VERSION = 1


def percent(covered: int, possible: int) -> float:
    """Return the percentage to one decimal, rounded down: 100 is all of them."""
    return math.floor(1000 * covered / possible) / 10 if possible else 100.0


@dataclass
class Finding:
    """What is known of one flow or task.

    `counts` says how many runs went along each arc, possible or not; `transitions` how often one state followed
    another, in all runs.
    """

    subject: Subject
    arcs: tuple[Arc, ...]
    runs: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    transitions: Counter[str] = field(default_factory=Counter)

    @property
    def missing(self) -> list[Arc]:
        """The arcs that no run went along."""
        return [arc for arc in self.arcs if not self.counts[arc.name]]

    @property
    def possible(self) -> int:
        """How many arcs there are."""
        return len(self.arcs)

    @property
    def covered(self) -> int:
        """How many of them some run went along."""
        return len(self.arcs) - len(self.missing)

    @property
    def percent(self) -> float:
        """The share of the arcs that some run went along."""
        return percent(self.covered, self.possible)

    def said(self) -> list[str]:
        """Say what no test reaches, a line for each; that it never ran, where it never did."""
        return [arc.missing for arc in self.missing] if self.runs else ["never run"]

    def add(self, other: Finding) -> None:
        """Add what another process has found."""
        known = {arc.name for arc in self.arcs}
        self.arcs += tuple(arc for arc in other.arcs if arc.name not in known)
        self.runs += other.runs
        self.counts += other.counts
        self.transitions += other.transitions

    def to_dict(self) -> dict[str, Any]:
        """Return it as it stands in the JSON report."""
        return {
            **self.subject._asdict(),
            "runs": self.runs,
            "covered": self.covered,
            "possible": self.possible,
            "percent": self.percent,
            "arcs": [
                {"name": arc.name, "path": arc.path, "missing": arc.missing, "runs": self.counts[arc.name]}
                for arc in self.arcs
            ],
            "transitions": dict(sorted(self.transitions.items())),
        }

    @classmethod
    def from_dict(cls, kept: dict[str, Any]) -> Finding:
        """Read what `to_dict` gave."""
        arcs = tuple(Arc(arc["name"], arc["path"], arc["missing"]) for arc in kept["arcs"])
        counts = Counter({arc["name"]: arc["runs"] for arc in kept["arcs"]})
        subject = Subject(*(kept[name] for name in Subject._fields))
        return cls(subject, arcs, kept["runs"], counts, Counter(kept["transitions"]))


class Findings:
    """All flows and tasks of a session, in the order of their files and lines."""

    def __init__(self, found: Iterable[Finding] = ()) -> None:
        self._by_key: dict[str, Finding] = {}
        self.add(found)

    def add(self, found: Iterable[Finding]) -> None:
        """Add up with what is there already."""
        for finding in found:
            known = self._by_key.get(finding.subject.key)
            if known is not None:
                known.add(finding)
            else:
                self._by_key[finding.subject.key] = finding

    def __iter__(self) -> Iterator[Finding]:
        return iter(sorted(self._by_key.values(), key=lambda one: (one.subject.file, one.subject.line, one.subject)))

    def __len__(self) -> int:
        return len(self._by_key)

    @property
    def covered(self) -> int:
        """How many arcs some run went along."""
        return sum(one.covered for one in self)

    @property
    def possible(self) -> int:
        """How many arcs there are."""
        return sum(one.possible for one in self)

    @property
    def percent(self) -> float:
        """The share of all arcs that some run went along; 0 where there is nothing to cover."""
        return percent(self.covered, self.possible) if self.possible else 0.0

    def reaches(self, wanted: float) -> bool:
        """Say whether so many percent of all arcs are covered; never where there is nothing to cover."""
        return bool(self.possible) and 100 * self.covered >= wanted * self.possible

    def to_json(self) -> str:
        """Return the JSON report."""
        totals = {"covered": self.covered, "possible": self.possible, "percent": self.percent}
        report = {"version": VERSION, "totals": totals, "definitions": [one.to_dict() for one in self]}
        return json.dumps(report, indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Findings:
        """Read a JSON report. Raises ValueError for one that another version of headrace wrote."""
        kept = json.loads(text)
        if kept.get("version") != VERSION:
            raise ValueError(f"This is a coverage report of version {kept.get('version')!r}; {VERSION} can be read.")
        return cls(Finding.from_dict(one) for one in kept["definitions"])
