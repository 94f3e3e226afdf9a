"""Writing the small program that repeats a simulation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime


def program(options: Mapping[str, object], body: str, imports: Iterable[str] = ()) -> str:
    """Return a program that opens a simulation with these options, each given as its repr, and does `body` in it."""
    given = ", ".join(f"{name}={value!r}" for name, value in options.items())
    names = "Hold, simulate" if "Hold(" in given else "seed, simulate" if "=seed(" in given else "simulate"
    called_alone = [line for line in imports if line.startswith("import ")]
    lines = [
        *called_alone,
        *([""] if called_alone else []),
        f"from headrace.testing import {names}",
        *(line for line in imports if line not in called_alone),
        "",
        f"with simulate({given}) as simulation:",
        f"    {body}",
    ]
    return "\n".join(lines)


def as_text(moment: datetime) -> str:
    """Write a moment as `simulate(start=…)` takes it: ISO 8601, in UTC."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
